import pLimit from 'p-limit';
import { couldNot } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';

/** All paths of a repository, read once. */
export interface RepositoryListing {
  readonly tree: Tree;
  /** Files, sorted; symbolic links too, as git lists them. */
  files(): Promise<readonly string[]>;
  /** Symbolic links and submodules, which are not followed. */
  links(): Promise<readonly string[]>;
  /** Folders in the order of a walk, without those that are hidden or in hidden ones (as Argo CD lists them). */
  folders(): Promise<readonly string[]>;
  /** The text of a file, read once. */
  read(file: string): Promise<string | undefined>;
}

/** More than any repository that people work in; what is larger is not read half. */
const MOST_FILES = 500_000;

/** Folders that git, or packages, keep to themselves. */
const NOT_OURS = new Set(['.git', 'node_modules']);

/** Reads of a working copy wait for the disk, those of GitHub for the network. */
const AT_ONCE = 32;

/** Opens the list of a tree's paths; nothing is read before it is asked for. */
export function openListing(tree: Tree): RepositoryListing {
  let walked: ReturnType<typeof walk> | undefined;
  const once = () => {
    walked ??= walk(tree);
    return walked;
  };
  const texts = new Map<string, Promise<string | undefined>>();
  const limit = pLimit(AT_ONCE);
  return {
    tree,
    files: async () => (await once()).files,
    links: async () => (await once()).links,
    folders: async () => (await once()).folders,
    read: (file) => {
      const known = texts.get(file);
      if (known !== undefined) return known;
      const text = limit(() => tree.read(file));
      texts.set(file, text);
      return text;
    },
  };
}

async function walk(tree: Tree) {
  const files: string[] = [];
  const links: string[] = [];
  const folders: string[] = [];
  let level = [''];
  while (level.length > 0) {
    const limit = pLimit(AT_ONCE);
    const lists = await Promise.all(
      level.map((folder) => limit(async () => ({ folder, entries: await tree.list(folder) }))),
    );
    level = [];
    for (const { folder, entries } of lists) {
      for (const { name, kind } of entries) {
        const path = folder === '' ? name : `${folder}/${name}`;
        if (kind === 'folder') {
          if (!NOT_OURS.has(name)) level.push(path);
        } else {
          files.push(path);
          if (kind !== 'file') links.push(path);
        }
      }
    }
    folders.push(...level);
    if (files.length + folders.length > MOST_FILES) {
      throw couldNot(`The repository has more than ${MOST_FILES} files and folders.`, {
        todo: 'Run it in the folder of the GitOps repository itself.',
        reason: 'too-many-files',
      });
    }
  }
  const byName = (a: string, b: string) => (a < b ? -1 : 1);
  return {
    files: files.sort(byName),
    links: links.sort(byName),
    folders: folders.filter((folder) => !/(?:^|\/)\./.test(folder)).sort(byName),
  };
}
