import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diffComment } from '../../src/diff/comment.ts';
import { writePage } from '../../src/diff/page-file.ts';
import { diffText } from '../../src/diff/terminal.ts';
import { application, configMap, repositoryOf } from './changed-repository.ts';

test('a repository without any Application is not one in which nothing changes', async () => {
  await using repository = await repositoryOf({ 'README.md': 'An app\n' });
  await expect(repository.diff({ 'README.md': 'Another\n' })).rejects.toMatchObject({
    exitCode: 2,
    reason: 'no-applications',
  });
});

test('where nothing changes, every form of the report says so in its first line', async () => {
  await using repository = await repositoryOf({
    'argo/shop.yaml': application('shop', 'shop'),
    'shop/config.yaml': configMap('shop', 'a'),
  });
  const { report } = await repository.diff({ 'README.md': 'New\n' });
  expect(diffText(report)).toMatch(/^Nothing changes in the clusters\n\n0 of 1 application is affected/);
  expect(diffComment(report)[0]).toMatch(/^## Nothing changes in the clusters\n/);
});

test('the page is written into a folder that is not there yet; where it cannot be, that is said', async () => {
  await using repository = await repositoryOf({
    'argo/shop.yaml': application('shop', 'shop'),
    'shop/a.yaml': '',
  });
  const { report } = await repository.diff();
  const file = join(repository.root, 'reports/today/diff.html');
  await writePage(file, report);
  expect(await readFile(file, 'utf8')).toContain('Nothing changes in the clusters');
  await expect(writePage(join(file, 'x.html'), report)).rejects.toMatchObject({
    exitCode: 2,
    reason: 'page-not-written',
  });
});

test('an app that is not there: the names that there are, each once, the nearest first', async () => {
  await using repository = await repositoryOf({
    'argo/shop.yaml': application('shop', 'shop'),
    'shop/a.yaml': '',
  });
  await expect(repository.diff({}, { app: 'shpo' })).rejects.toMatchObject({
    message: 'There is no application "shpo". Did you mean "shop"? There are: shop.',
  });
});

test('a kajitori.yaml that is broken in the base only is not told as the one that people see', async () => {
  await using repository = await repositoryOf({
    'kajitori.yaml': 'apiVersion: kajitori.dev/v1\n',
    'argo/shop.yaml': application('shop', 'shop'),
  });
  await expect(repository.diff({ 'kajitori.yaml': null })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/^Before this change \(at [0-9a-f]{12}\): /),
    at: { file: 'kajitori.yaml' },
  });
});
