import { linkSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';
import { blobsOf } from './cat-file.ts';
import { NO_OUTER_GIT } from './outer-git.ts';
import { decodeText, MAX_FILE_BYTES, notAFile, repositoryPath, tooLarge } from './path.ts';
import type { Tree, TreeEntry } from './tree.ts';
import { STATUS_OF_ALL, unseenPaths } from './unseen.ts';

/** What a pull request changes: the commit that it starts from, and the paths that differ from it. */
export interface ChangedPaths {
  /** The best common ancestor of the given revision and HEAD (40 hex digits). */
  readonly base: string;
  readonly head: string;
  /** Relative to the repository's root; the old and the new path of a file that moved. Also what nobody committed yet. */
  readonly paths: readonly string[];
  /** Whether the working copy has changes that are in no commit. */
  readonly dirty: boolean;
}

/** What a working copy has changed, and what it was before. */
export interface Change {
  readonly changed: ChangedPaths;
  readonly before: Revision;
  /** What is not part of it (unseen.ts). */
  readonly unseen: ReadonlySet<string>;
}

/**
 * What the working copy has changed since it left `revision`.
 *
 * What does not wait for another answer of git is asked at once: starting a process is most of what it costs.
 *
 * @param root the folder of a git working copy, which is its top
 * @param head the same, as a tree
 * @throws Failure (exit 2): `no-repository`, `unknown-revision`, `no-merge-base`
 */
export async function openChange(root: string, revision: string, head: Tree): Promise<Change> {
  const status = names(root, STATUS_OF_ALL);
  // What is wrong is told by the others, in better words.
  status.catch(() => undefined);
  const [commit, base] = await Promise.all([headOf(root), forkOf(root, revision)]);
  const [changed, all, entries] = await Promise.all([
    names(root, ['diff', '--name-only', '--no-renames', '-z', base, '--']),
    status,
    entriesOf(root, base),
  ]);
  const local = all.filter((line) => !line.startsWith('!!'));
  // Two letters and a space before each path (docs: git-status, "Short Format").
  const untracked = local.filter((line) => line.startsWith('??')).map((line) => line.slice(3));
  const paths = [...new Set([...changed, ...untracked])].sort();
  return {
    changed: { base, head: commit, paths, dirty: local.length > 0 },
    before: openRevision(root, head, { base, paths }, entries),
    unseen: unseenPaths(all),
  };
}

/** Where the working copy left a revision that a person named. */
async function forkOf(root: string, revision: string): Promise<string> {
  const isName = revision !== '' && !revision.startsWith('-');
  const base = isName ? await tryGit(root, ['merge-base', revision, 'HEAD']) : undefined;
  if (base === undefined) {
    await commitOf(root, revision);
    throw couldNot(`${revision} and HEAD have no common commit here.`, {
      todo: 'Fetch the history too: in a workflow, actions/checkout with fetch-depth: 0.',
      reason: 'no-merge-base',
    });
  }
  return base;
}

/** Whether the working copy is at a merge of this commit into another one, as GitHub makes it for a pull request. */
export const isMergeOf = async (root: string, commit: string): Promise<boolean> =>
  (await tryGit(root, ['rev-parse', '--verify', '--quiet', 'HEAD^2'])) === commit;

/** The files of a commit, without a checkout. */
export interface Revision {
  readonly tree: Tree;
  /** Every file, also links. */
  readonly paths: readonly string[];
  /**
   * Puts some of its files into a folder, as `git checkout` would, beside the working copy and without touching it, its index or
   * its branches. Links stay links, and git itself does not write through them; submodules are left out.
   *
   * They are to be read only: what did not change is the working copy's own file, under a second name.
   */
  write(paths: readonly string[], folder: string): Promise<void>;
}

/**
 * Opens the base of a change. What did not change is read from the working copy: git says that it is the same, and a thousand apps
 * are read once instead of twice.
 *
 * `git archive` would leave out what `.gitattributes` says (export-ignore).
 *
 * @param head the working copy
 */
function openRevision(
  root: string,
  head: Tree,
  { base, paths }: Pick<ChangedPaths, 'base' | 'paths'>,
  entries: ReadonlyMap<string, Entry>,
): Revision {
  const changed = new Set(paths);
  const texts = readBlobs(
    root,
    [...entries].filter(([file, { size }]) => changed.has(file) && size <= MAX_FILE_BYTES),
  );
  const folders = foldersOf(entries);
  const tree: Tree = {
    name: `${head.name}@${base.slice(0, 8)}`,
    commit: base,
    async read(file) {
      const entry = entries.get(repositoryPath(file));
      if (entry === undefined) return undefined;
      if (entry.kind !== 'file') throw notAFile(file, entry.kind);
      if (!changed.has(file)) return head.read(file);
      if (entry.size > MAX_FILE_BYTES) throw tooLarge(file, entry.size);
      return decodeText(file, (await texts).get(file) ?? new Uint8Array());
    },
    list: async (folder) => folders.get(folder) ?? [],
  };
  return {
    tree,
    paths: [...entries.keys()],
    write: async (wanted, folder) => {
      const missing = wanted.flatMap((file) => {
        const entry = entries.get(file);
        return entry === undefined || entry.kind === 'submodule' ? [] : [{ file, ...entry }];
      });
      mkdirSync(folder, { recursive: true });
      const made = new Set<string>();
      const others = missing.filter(
        ({ file, kind }) => kind !== 'file' || changed.has(file) || !linked(root, file, folder, made),
      );
      if (others.length > 0) await writeFiles(root, others, folder);
    },
  };
}

/**
 * Gives a file of the working copy a second name, which costs a tenth of writing it again.
 *
 * @param made folders that are there
 * @returns false where the disk refuses: another file system, another owner, no such file (sparse checkouts)
 */
function linked(root: string, file: string, folder: string, made: Set<string>): boolean {
  const target = path.join(folder, file);
  const parent = path.dirname(target);
  try {
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    linkSync(path.join(root, file), target);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST';
  }
}

interface Entry {
  /** As git writes it: `100644`. */
  readonly mode: string;
  readonly kind: TreeEntry['kind'];
  readonly id: string;
  readonly size: number;
}

/** All files of a commit (docs: git-ls-tree, "Output format"). */
async function entriesOf(root: string, commit: string): Promise<ReadonlyMap<string, Entry>> {
  const lines = await names(root, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit]);
  return new Map(
    lines.map((line) => {
      const tab = line.indexOf('\t');
      const [mode = '', , id = '', size = ''] = line.slice(0, tab).split(/ +/);
      const kind = mode === '120000' ? 'symlink' : mode === '160000' ? 'submodule' : 'file';
      return [line.slice(tab + 1), { mode, kind, id, size: Number(size) || 0 }] as const;
    }),
  );
}

function foldersOf(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, readonly TreeEntry[]> {
  const folders = new Map<string, Map<string, TreeEntry>>();
  for (const [file, { kind }] of entries) {
    const parts = file.split('/');
    for (let depth = 0; depth < parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join('/');
      const name = parts[depth] ?? '';
      const known = folders.get(folder) ?? new Map<string, TreeEntry>();
      folders.set(folder, known);
      known.set(name, { name, kind: depth === parts.length - 1 ? kind : 'folder' });
    }
  }
  return new Map(
    [...folders].map(([folder, inside]) => [
      folder,
      [...inside.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    ]),
  );
}

/** The content of blobs, by one process. */
async function readBlobs(
  root: string,
  files: readonly (readonly [string, Entry])[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  if (files.length === 0) return found;
  const { stdout } = await execa('git', ['-C', root, 'cat-file', '--batch'], {
    input: `${files.map(([, { id }]) => id).join('\n')}\n`,
    encoding: 'buffer',
    env: NO_OUTER_GIT,
    stripFinalNewline: false,
    maxBuffer: MOST_CHANGED_BYTES,
  });
  const blobs = blobsOf(stdout);
  for (const [index, [file]] of files.entries()) {
    const blob = blobs[index];
    if (blob !== undefined) found.set(file, blob);
  }
  return found;
}

/** All changed files together; a single one is at most 1 MiB. */
const MOST_CHANGED_BYTES = 1024 * 1024 * 1024;

async function writeFiles(
  root: string,
  files: readonly (Entry & { readonly file: string })[],
  folder: string,
): Promise<void> {
  const index = `${folder}.index`;
  const env = { GIT_INDEX_FILE: index };
  try {
    // An index of these files alone: that of a large repository takes longer to write than they do.
    await git(root, ['update-index', '-z', '--index-info'], {
      env,
      input: files.map(({ mode, id, file }) => `${mode} ${id}\t${file}\0`).join(''),
    });
    await git(root, ['checkout-index', '--all', '--force', '--quiet', `--prefix=${folder}${path.sep}`], {
      env,
    });
  } finally {
    await rm(index, { force: true });
  }
}

/** The commit of HEAD. Below the top of the repository, paths would mean other files: so it must be the top. */
async function headOf(root: string): Promise<string> {
  const { exitCode, stdout } = await execa(
    'git',
    ['-C', root, 'rev-parse', '--show-prefix', 'HEAD^{commit}'],
    {
      reject: false,
      env: NO_OUTER_GIT,
    },
  );
  const [prefix = '', head = ''] = stdout.split('\n');
  if (exitCode !== 0) return commitOf(root, 'HEAD');
  if (prefix !== '') {
    throw couldNot(`${root} is a folder inside a git repository.`, {
      todo: 'Run it at the top of the clone.',
      reason: 'not-the-top',
    });
  }
  return head;
}

/** The commit of a name that a person gave. It never becomes an option of git. */
async function commitOf(root: string, revision: string): Promise<string> {
  if (revision !== '' && !revision.startsWith('-')) {
    const commit = await tryGit(root, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${revision}^{commit}`,
    ]);
    if (commit !== undefined) return commit;
  }
  const inside = await tryGit(root, ['rev-parse', '--show-toplevel']);
  if (inside === undefined) {
    throw couldNot(`${root} is no git repository.`, {
      todo: 'Run it in a clone of the GitOps repository.',
      reason: 'no-repository',
    });
  }
  throw couldNot(`There is no commit ${JSON.stringify(revision)} here.`, {
    todo: 'Fetch it first (git fetch origin), or name another one, such as origin/main; in a workflow, actions/checkout with fetch-depth: 0.',
    reason: 'unknown-revision',
  });
}

async function names(root: string, args: readonly string[]): Promise<readonly string[]> {
  const text = await git(root, args);
  return text.split('\0').filter((name) => name !== '');
}

async function git(
  root: string,
  args: readonly string[],
  { env = {}, input = '' }: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<string> {
  const result = await execa('git', ['-C', root, '-c', 'core.quotePath=false', ...args], {
    reject: false,
    stripFinalNewline: false,
    env: { ...NO_OUTER_GIT, ...env },
    input,
  });
  if (result.exitCode !== 0) {
    throw couldNot(
      `git ${args[0] ?? ''} failed: ${String(result.stderr).trim() || (result.shortMessage ?? '')}`,
      {
        todo: 'Run git status there; when git speaks of dubious ownership, add the folder to safe.directory.',
        reason: 'git-failed',
      },
    );
  }
  return result.stdout;
}

async function tryGit(root: string, args: readonly string[]): Promise<string | undefined> {
  const result = await execa('git', ['-C', root, ...args], { reject: false, env: NO_OUTER_GIT });
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}
