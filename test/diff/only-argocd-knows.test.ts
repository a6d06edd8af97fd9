import { describe, expect, test } from 'vitest';
import { diffComment } from '../../src/diff/comment.ts';
import { diffText } from '../../src/diff/terminal.ts';
import { application, configMap, HERE, repositoryOf } from './changed-repository.ts';

const previews = (namespace: string): string => `\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: previews, namespace: argocd}
spec:
  generators: [{pullRequest: {github: {owner: acme, repo: shop}}}]
  template:
    metadata: {name: 'pr-{{number}}'}
    spec:
      project: default
      source: {repoURL: ${HERE}, path: shop}
      destination: {server: https://kubernetes.default.svc, namespace: ${namespace}}
`;

const files = {
  'argo/shop.yaml': application('shop', 'shop'),
  'argo/plugged.yaml': application('plugged', 'plugged').replace(
    'path: plugged',
    'path: plugged, plugin: {name: x}',
  ),
  'argo/previews.yaml': previews('previews'),
  'argo/jsonnet.yaml': application('jsonnet', 'jsonnet'),
  'shop/config.yaml': configMap('shop', 'a'),
  'plugged/anything.txt': 'a\n',
  'jsonnet/config.jsonnet': '{apiVersion: "v1", kind: "ConfigMap", metadata: {name: "x"}}\n',
};

describe('what only Argo CD can make of a repository', () => {
  test('is named, and fails no pull request that does not touch it', async () => {
    await using repository = await repositoryOf(files);
    const { report, exitCode } = await repository.diff({ 'shop/config.yaml': configMap('shop', 'b') });
    expect(exitCode).toBe(0);
    expect(report.applications.affected).toBe(1);
    expect(report.notLookedAt).toMatchObject([
      { application: 'ApplicationSet/previews' },
      { application: 'plugged' },
    ]);
    expect(diffComment(report)[0]).toMatch(/\*\*Not looked at\*\*.*`ApplicationSet\/previews`, `plugged`/);
    expect(diffText(report)).toContain('Not looked at');
  });

  test.each([
    ['a file of a plugin', { 'plugged/anything.txt': 'b\n' }, 'plugged'],
    [
      'an ApplicationSet that asks for pull requests',
      { 'argo/previews.yaml': previews('other') },
      'ApplicationSet/previews',
    ],
    ['Jsonnet', { 'jsonnet/config.jsonnet': '{}\n' }, 'jsonnet'],
  ])('is never green where the pull request touches it: %s', async (_, changes, name) => {
    await using repository = await repositoryOf(files);
    const { report, exitCode } = await repository.diff(changes);
    expect(exitCode).toBe(2);
    expect(report.notRendered).toMatchObject([{ application: name, side: 'after' }]);
  });
});
