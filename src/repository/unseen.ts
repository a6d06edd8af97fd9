import path from 'node:path';
import { execa } from 'execa';
import { NO_OUTER_GIT } from './outer-git.ts';
import type { Tree } from './tree.ts';

/** Stands in every folder that `kajitori render --output` wrote. */
export const RENDERED_MARK = '.kajitori-render';

/** How git is asked for what `unseenPaths` reads (docs: git-status): a folder that is ignored as a whole is named, not its files. */
export const STATUS_OF_ALL = [
  'status',
  '--porcelain=v1',
  '-z',
  '--no-renames',
  '--untracked-files=all',
  '--ignored=matching',
];

/**
 * What of a working copy Argo CD never gets to see: what git ignores, and what `kajitori render --output` wrote and nobody committed.
 * Manifests in there (in node_modules, in a scratch folder) would look like applications of their own.
 *
 * What is in a commit is never left out, whatever stands in it.
 *
 * @param status lines of git for `STATUS_OF_ALL`: two letters, a space, and a path
 * @returns paths; one of a folder stands for all in it
 */
export function unseenPaths(status: readonly string[]): ReadonlySet<string> {
  const pathsOf = (letters: string) =>
    status.filter((line) => line.startsWith(letters)).map((line) => line.slice(3).replace(/\/$/, ''));
  const untracked = pathsOf('??');
  const rendered = untracked
    .filter((file) => path.posix.basename(file) === RENDERED_MARK)
    .map((file) => file.slice(0, -RENDERED_MARK.length));
  return new Set([
    ...pathsOf('!!'),
    ...untracked.filter((file) => rendered.some((folder) => file.startsWith(folder))),
  ]);
}

/** A tree in which some paths are not to be found when folders are listed. */
export const withoutPaths = (tree: Tree, hidden: ReadonlySet<string>): Tree => ({
  ...tree,
  list: async (folder) => {
    const entries = await tree.list(folder);
    return entries.filter(({ name }) => !hidden.has(folder === '' ? name : `${folder}/${name}`));
  },
});

/** A working copy, or a folder in one, without what Argo CD never gets to see. A folder without git is left as it is. */
export async function withoutUnseen(tree: Tree, root: string): Promise<Tree> {
  const git = (...args: readonly string[]) =>
    execa('git', ['-C', root, ...args], { reject: false, env: NO_OUTER_GIT });
  const [place, status] = await Promise.all([
    git('rev-parse', '--show-prefix'),
    git(...STATUS_OF_ALL, '--', '.'),
  ]);
  if (place.exitCode !== 0 || status.exitCode !== 0) return tree;
  // Git names paths as they are at the top.
  const prefix = place.stdout;
  const hidden = [...unseenPaths(status.stdout.split('\0'))].map((file) => file.slice(prefix.length));
  return withoutPaths(tree, new Set(hidden));
}
