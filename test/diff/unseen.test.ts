import { expect, test } from 'vitest';
import { application, configMap, repositoryOf } from './changed-repository.ts';

test('what git ignores, or `kajitori render` wrote, is no change; a new file that may be committed is', async () => {
  await using repository = await repositoryOf({
    '.gitignore': 'node_modules/\nscratch.yaml\n',
    'argo/shop.yaml': application('shop', 'shop'),
    'shop/config.yaml': configMap('shop', 'a'),
  });
  const { report } = await repository.diff({
    'scratch.yaml': application('scratch', 'shop'),
    'out/.kajitori-render': '',
    'out/in-cluster/root.yaml': application('rendered', 'shop'),
    'argo/new.yaml': application('new', 'shop'),
  });
  expect(report.blocks).toMatchObject([{ how: 'added', places: [{ app: 'new' }] }]);
});

test('a mark in a commit hides nothing', async () => {
  await using repository = await repositoryOf({
    'argo/.kajitori-render': '',
    'argo/shop.yaml': application('shop', 'shop'),
    'shop/config.yaml': configMap('shop', 'a'),
  });
  const { report } = await repository.diff({ 'shop/config.yaml': configMap('shop', 'b') });
  expect(report.applications).toEqual({ total: 1, affected: 1 });
});
