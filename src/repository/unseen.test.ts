import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withoutUnseen } from './unseen.ts';
import { openWorkingCopy } from './working-copy.ts';

const FILES: Readonly<Record<string, string>> = {
  '.gitignore': 'scratch/\n*.tmp\n',
  'gitops/argocd/web.yaml': '',
  'gitops/argocd/new.yaml': '',
  'gitops/argocd/a.tmp': '',
  'gitops/scratch/deep/a.yaml': '',
  'gitops/out/.kajitori-render': '',
  'gitops/out/web/prod-1.yaml': '',
  'other/out/.kajitori-render': '',
};

test('in a folder of a repository, too, only what Argo CD gets to see is found', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-unseen-'));
  for (const [file, text] of Object.entries(FILES)) {
    await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true });
    await writeFile(path.join(folder.path, file), text);
  }
  const root = path.join(folder.path, 'gitops');
  const seen = async (...folders: readonly string[]) => {
    const tree = await withoutUnseen(await openWorkingCopy(root), root);
    const entries = await Promise.all(folders.map((each) => tree.list(each)));
    return entries.flat().map(({ name }) => name);
  };
  const everything = ['a.tmp', 'argocd', 'new.yaml', 'out', 'prod-1.yaml', 'scratch', 'web.yaml'];
  expect((await seen('', 'argocd', 'out/web')).sort()).toEqual(everything);
  await execa('git', ['-C', folder.path, 'init', '-q']);
  await execa('git', ['-C', folder.path, 'add', '.gitignore', 'gitops/argocd/web.yaml']);
  expect((await seen('', 'argocd', 'out/web')).sort()).toEqual(['argocd', 'new.yaml', 'out', 'web.yaml']);
});
