import { describe, expect, test } from 'vitest';
import { diffComment } from '../../src/diff/comment.ts';
import { RISKS } from '../../src/diff/risk.ts';
import { diffText } from '../../src/diff/terminal.ts';
import { application, configMap, HERE, repositoryOf } from './changed-repository.ts';

const FINALIZER = ', finalizers: [resources-finalizer.argocd.argoproj.io]';

const CLUSTERS = `\
apiVersion: kajitori.dev/v1
environments: { production: { clusters: [prod-1, prod-2] } }
clusters:
  prod-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
registries: [333333333333.dkr.ecr.ap-northeast-1.amazonaws.com]
`;

const set = (policy: string, apps: string): string => `\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shops, namespace: argocd}
spec:
  generators: [{list: {elements: [${apps}]}}]
  syncPolicy: {${policy}}
  template:
    metadata: {name: '{{name}}'}
    spec:
      project: default
      source: {repoURL: ${HERE}, path: '{{name}}'}
      destination: {server: https://kubernetes.default.svc, namespace: shop}
`;

const root = application('root', 'argo', '', FINALIZER);

describe('an application that is removed', () => {
  test.each([
    [
      'with its finalizer: all that it made is deleted',
      FINALIZER,
      'Application deleted',
      '**Deleted**: `ConfigMap/shop`',
    ],
    [
      'with the finalizer in another form',
      ', finalizers: [resources-finalizer.argocd.argoproj.io/background]',
      'Application deleted',
      '**Deleted**',
    ],
    [
      'without a finalizer: nothing is deleted',
      '',
      'Application removed, and what it made stays',
      '**No longer managed**: `ConfigMap/shop`',
    ],
    [
      'with somebody else’s finalizer',
      ', finalizers: [acme.example.com/audit]',
      'Application removed, and what it made stays',
      '**No longer managed**',
    ],
  ])('%s', async (_, metadata, title, objects) => {
    await using repository = await repositoryOf({
      'root.yaml': root,
      'argo/shop.yaml': application('shop', 'shop', '', metadata),
      'shop/config.yaml': configMap('shop', 'a'),
    });
    const { report } = await repository.diff({ 'argo/shop.yaml': null });
    const [comment] = diffComment(report);
    expect(comment).toContain(`**${title}.**`);
    expect(comment).toContain(objects);
  });

  test('nothing here applies it: who deletes it in Argo CD is asked', async () => {
    await using repository = await repositoryOf({
      'shop.yaml': application('shop', 'shop', '', FINALIZER),
      'shop/config.yaml': configMap('shop', 'a'),
    });
    const { report } = await repository.diff({ 'shop.yaml': null });
    expect(diffText(report)).toContain('nothing in this repository applies it');
  });

  test.each([
    ['by default', '', 'application-deleted'],
    ['that keeps what they made', 'preserveResourcesOnDeletion: true', 'application-let-go'],
    ['that never deletes any', 'applicationsSync: create-update', 'application-let-go'],
    ['that may delete them', 'applicationsSync: create-delete', 'application-deleted'],
  ])('of an ApplicationSet %s', async (_, policy, code) => {
    await using repository = await repositoryOf({
      'argo/set.yaml': set(policy, '{name: web}, {name: shop}'),
      'web/config.yaml': configMap('web', 'a'),
      'shop/config.yaml': configMap('shop', 'a'),
    });
    const { report } = await repository.diff({ 'argo/set.yaml': set(policy, '{name: web}') });
    expect(report.blocks).toMatchObject([{ how: 'removed', risks: [{ code }] }]);
  });
});

test('an application that goes to another cluster leaves all that it made where it was, finalizer or not', async () => {
  const inCluster = (name: string) =>
    application('shop', 'shop', '', FINALIZER).replace(
      'server: https://kubernetes.default.svc',
      `name: ${name}`,
    );
  await using repository = await repositoryOf({
    'kajitori.yaml': CLUSTERS,
    'argo/shop.yaml': inCluster('prod-1'),
    'shop/config.yaml': configMap('shop', 'a'),
  });
  const { report } = await repository.diff({ 'argo/shop.yaml': inCluster('prod-2') });
  expect(report.blocks).toMatchObject([
    { how: 'removed', places: [{ clusters: ['prod-1'] }], risks: [{ code: 'application-let-go' }] },
    { how: 'added', places: [{ clusters: ['prod-2'] }] },
  ]);
});

describe('an object that is removed from its application', () => {
  const withOption = (option: string): string =>
    configMap('shop', 'a').replace(
      '{name: shop}',
      `{name: shop, annotations: {argocd.argoproj.io/sync-options: '${option}'}}`,
    );
  test.each([
    ['', '', 'deleted', ''],
    ['Prune=false', '', 'left-behind', 'Prune=false'],
    ['ServerSideApply=true, Prune=confirm', '', 'deleted', 'after somebody confirms'],
    ['', 'syncPolicy: {syncOptions: [Prune=false]}', 'left-behind', 'Prune=false'],
    ['Prune=true', 'syncPolicy: {syncOptions: [Prune=false]}', 'deleted', ''],
    ['', 'syncPolicy: {automated: {}}', 'deleted', 'pruning is off'],
    ['', 'syncPolicy: {automated: {prune: true}}', 'deleted', ''],
    ['', 'syncPolicy: {automated: {enabled: false}}', 'deleted', ''],
  ])('%s %s', async (option, policy, code, why) => {
    await using repository = await repositoryOf({
      'argo/shop.yaml': application('shop', 'shop', policy === '' ? '' : `  ${policy}\n`),
      'shop/config.yaml': withOption(option),
      'shop/other.yaml': configMap('other', 'a'),
    });
    const { report } = await repository.diff({ 'shop/config.yaml': null });
    const [risk] = report.blocks[0]?.changes[0]?.risks ?? [];
    expect(risk).toMatchObject({ code, what: why === '' ? '' : expect.stringContaining(why) });
  });
});

describe('objects that go from one application to another', () => {
  const files = (name: string, metadata: string) => ({
    'root.yaml': root,
    'argo/shop.yaml': application(name, 'shop', '', metadata).replace(
      `namespace: ${name}}`,
      'namespace: shop}',
    ),
    'shop/config.yaml': configMap('shop', 'a'),
  });

  test.each([
    [
      'with the finalizer they may be deleted on the way',
      FINALIZER,
      'high',
      '!! Goes to another application',
    ],
    ['without it they stay', '', 'low', 'goes to the application store'],
  ])('a renamed application: %s', async (_, metadata, level, words) => {
    await using repository = await repositoryOf(files('shop', metadata));
    const { report } = await repository.diff(files('store', metadata));
    const gone = report.blocks.find(({ how }) => how === 'removed');
    const [risk] = gone?.changes[0]?.risks ?? [];
    expect(risk).toMatchObject({ what: 'to store' });
    expect(RISKS[risk?.code ?? 'deleted'].level).toBe(level);
    expect(diffText(report)).toContain(words);
    expect(diffComment(report)[0]).toContain('**Goes to another application**: `ConfigMap/shop`');
  });
});
