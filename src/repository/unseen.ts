import { existsSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import type { Tree } from './tree.ts';

/** Stands in every folder that `kajitori render --output` wrote. */
export const RENDERED_MARK = '.kajitori-render';

/**
 * A working copy without what Argo CD never gets to see: what git ignores, and what `kajitori render --output` wrote and nobody
 * committed. Manifests in there (in node_modules, in a scratch folder) would look like applications of their own.
 *
 * What is in a commit is never left out, whatever stands in it. A folder without git is left as it is.
 */
export async function withoutUnseen(tree: Tree, root: string): Promise<Tree> {
  const [ignored, untracked] = await Promise.all([
    paths(root, '--ignored', '--exclude-standard'),
    paths(root),
  ]);
  const rendered = untracked.filter(
    (file) => file.endsWith('/') && existsSync(path.join(root, file, RENDERED_MARK)),
  );
  const hidden = new Set([...ignored, ...rendered].map((file) => file.replace(/\/$/, '')));
  if (hidden.size === 0) return tree;
  return {
    ...tree,
    list: async (folder) => {
      const entries = await tree.list(folder);
      return entries.filter(({ name }) => !hidden.has(folder === '' ? name : `${folder}/${name}`));
    },
  };
}

/** Paths that are in no commit and not staged; a folder of only such files ends with a slash and stands for them (docs: git-ls-files). */
async function paths(root: string, ...options: readonly string[]): Promise<readonly string[]> {
  const { stdout, exitCode } = await execa(
    'git',
    ['-C', root, 'ls-files', '--others', '--directory', '-z', ...options],
    { reject: false, env: { GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined } },
  );
  return exitCode === 0 ? stdout.split('\0').filter((name) => name !== '') : [];
}
