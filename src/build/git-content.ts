import { readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';
import type { BuildContent } from './content-key.ts';
import { dockerignore } from './dockerignore.ts';
import { gitOutput } from './git-output.ts';

/** What is built, as paths on this machine. */
export interface BuildPaths {
  readonly context: string;
  readonly dockerfile: string;
  /** Further contexts that are folders, by name. */
  readonly contexts: Readonly<Record<string, string>>;
}

/** What git knows of it. */
export interface GitContent
  extends Pick<BuildContent, 'context' | 'dockerfile' | 'dockerignore' | 'contexts'> {
  /**
   * Why the build sees something else than git does: such a build's key must not be published. Empty: it sees the same.
   * Paths are relative to the repository's root; the first few.
   */
  readonly dirty: readonly string[];
}

/** An ignore file that is not there. */
const NOTHING = dockerignore('');

/** How many reasons are named. */
const NAMED = 10;

/**
 * Reads the content of a build from git, at HEAD: trees and blobs, and whether the working copy has exactly these files.
 *
 * Files that git ignores are part of a context all the same, unless .dockerignore leaves them out; so are files that
 * nobody added. Submodules, sparse checkouts and files marked as unchanged are not looked into: they count as dirty.
 *
 * @returns undefined where the context is in no git repository, or in one without a commit
 * @throws Failure (exit 2): `no-dockerfile`, `bad-context`
 */
export async function readGitContent(paths: BuildPaths): Promise<GitContent | undefined> {
  const context = await existing(paths.context, 'build context', 'bad-context');
  const dockerfile = await existing(paths.dockerfile, 'Dockerfile', 'no-dockerfile');
  // One process for both: it fails without a repository, and without a commit. The folder's name may have line breaks.
  const root = (await gitOutput(context, ['rev-parse', '--show-toplevel', 'HEAD']))
    ?.split('\n')
    .slice(0, -2)
    .join('\n');
  if (root === undefined) return undefined;
  const inRoot = (place: string, what: string): string => {
    const relative = path.relative(root, place);
    if (relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)) {
      throw couldNot(`The ${what} ${place} is not in the repository ${root}.`, {
        todo: 'Build what the repository holds: a path from elsewhere cannot be told by its commit.',
        reason: 'bad-context',
      });
    }
    return relative.split(path.sep).join('/');
  };

  // The ignore file beside the Dockerfile wins over the context's ("Dockerignore files", Docker Docs).
  const beside = `${dockerfile}.dockerignore`;
  const [own, common, ...folders] = await Promise.all([
    readAt(beside),
    readAt(path.join(context, '.dockerignore')),
    ...Object.entries(paths.contexts).map(async ([name, place]) => {
      const real = await existing(place, `build context ${name}`, 'bad-context');
      return [name, inRoot(real, `build context ${name}`)] as const;
    }),
  ]);
  const ignored = dockerignore(own ?? common ?? '');
  const contextAt = inRoot(context, 'build context');
  const files = [
    inRoot(dockerfile, 'Dockerfile'),
    ...(own === undefined ? [] : [inRoot(beside, 'ignore file')]),
  ];
  const folderPlaces = [contextAt, ...folders.map(([, place]) => place)];
  // What the context holds as a whole is looked at with it.
  const isSeen = (file: string): boolean =>
    own === undefined && common === undefined && (contextAt === '' || file.startsWith(`${contextAt}/`));
  const [objects, ...reasons] = await Promise.all([
    objectsAt(root, [...files, ...folderPlaces]),
    differences(root, contextAt, ignored),
    ...files.filter((file) => !isSeen(file)).map((file) => differences(root, file)),
    ...folders.map(([, place]) => differences(root, place)),
  ]);
  const uncommitted = folderPlaces.filter((place) => !objects.has(place));
  const dirty = [...reasons.flat(), ...uncommitted.map((place) => `${place}: not committed`)];
  const [dockerfileBlob = '', ignoreBlob] = files.map((file) => objects.get(file) ?? '');
  return {
    context: objects.get(contextAt) ?? '',
    dockerfile: dockerfileBlob,
    ...(ignoreBlob === undefined ? {} : { dockerignore: ignoreBlob }),
    contexts: Object.fromEntries(folders.map(([name, place]) => [name, objects.get(place) ?? ''])),
    dirty: [...new Set(dirty)].slice(0, NAMED),
  };
}

async function existing(place: string, what: string, reason: string): Promise<string> {
  try {
    return await realpath(place);
  } catch (cause) {
    throw couldNot(`There is no ${what} ${place}.`, {
      todo: 'Check the path; it is relative to the folder in which the build runs.',
      reason,
      cause,
    });
  }
}

const readAt = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);

/** Git's trees and blobs at HEAD, by path; what is not there is absent. */
async function objectsAt(root: string, places: readonly string[]): Promise<ReadonlyMap<string, string>> {
  // Git reads a name a line.
  const asked = places.filter((place) => !place.includes('\n'));
  const names = asked.map((place) => (place === '' ? 'HEAD^{tree}' : `HEAD:${place}`));
  const said = await gitOutput(root, ['cat-file', '--batch-check=%(objectname)'], names);
  // Of what is not there it says the name, and "missing".
  const found = (said ?? '').split('\n').slice(0, asked.length);
  return new Map(
    found.flatMap((object, at) => (/^[a-f\d]{40,64}$/.test(object) ? [[asked[at] ?? '', object]] : [])),
  );
}

/** What the working copy has under a path that HEAD has not, or has otherwise. */
async function differences(root: string, relative: string, ignored = NOTHING): Promise<string[]> {
  const where = ['--', relative === '' ? '.' : relative];
  const [status, index] = await Promise.all([
    gitOutput(root, [
      'status',
      '--porcelain=v1',
      '-z',
      '--untracked-files=all',
      '--ignored=matching',
      '--no-renames',
      '--ignore-submodules=none',
      ...where,
    ]),
    // `H 100644 <object> 0<tab><path>`
    gitOutput(root, ['ls-files', '-v', '--stage', '-z', ...where]),
  ]);
  if (status === undefined || index === undefined) return ['git could not tell'];
  const pathIn = (line: string): string => line.slice(line.indexOf('\t') + 1);
  const inContext = (file: string): boolean =>
    !ignored.leavesOut(relative === '' ? file : file.slice(relative.length + 1));
  /** Git names a folder that is ignored as a whole by its own name. */
  const firstInContext = async (file: string): Promise<string | undefined> => {
    if (!file.endsWith('/')) return inContext(file) ? file : undefined;
    if (!ignored.hasExceptions && !inContext(file.slice(0, -1))) return undefined;
    const names = await readdir(path.join(root, file), { recursive: true, withFileTypes: true });
    return names
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
      .find(inContext);
  };
  const changed = records(status).map(async (line) => {
    const file = await firstInContext(line.slice(3));
    return file === undefined ? [] : [`${file}: ${STATES[line.slice(0, 2)] ?? 'changed'}`];
  });
  const entries = records(index);
  return [
    ...(await Promise.all(changed)).flat(),
    // Lower case: marked as unchanged; S: left out by a sparse checkout.
    ...entries
      .filter((line) => /^[a-zS]/.test(line) && inContext(pathIn(line)))
      .map((line) => `${pathIn(line)}: git was told not to look at it`),
    // In the index: where HEAD has another one, the status says so.
    ...entries
      .filter((line) => /^. 160000 /.test(line))
      .map(pathIn)
      .filter(inContext)
      .map((file) => `${file}: a submodule`),
  ];
}

const records = (output: string): string[] => output.split('\0').filter((line) => line !== '');

const STATES: Readonly<Record<string, string>> = {
  '??': 'not added',
  '!!': 'ignored by git, but not by Docker',
};
