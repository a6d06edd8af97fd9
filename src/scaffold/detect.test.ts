import { describe, expect, it } from 'vitest';
import { detect } from './detect.ts';
import { editedTree, emptyTree } from './edited-tree.ts';

const repository = (files: Record<string, string>) =>
  editedTree(emptyTree('gitops'), new Map(Object.entries(files)));

const APPLICATION_SET = `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: apps }
spec:
  generators:
  - matrix:
      generators:
      - git: { repoURL: "https://github.com/acme/gitops.git", directories: [{ path: "apps/*" }] }
      - list:
          elements:
          - { cluster: stg-1, env: staging, region: ap-northeast-1, accountId: "111111111111" }
          - { cluster: prod-1, env: production, account: 222222222222, url: "https://ABC123.gr7.ap-northeast-1.eks.amazonaws.com" }
          - { cluster: "{{ injected }}", env: production }
`;

describe('detection', () => {
  it('finds clusters in list generators, and says where', async () => {
    const found = await detect(repository({ 'argocd/apps.yaml': APPLICATION_SET }));
    expect(Object.fromEntries(found.clusters)).toEqual({
      'stg-1': {
        environment: 'staging',
        kubernetes: undefined,
        region: 'ap-northeast-1',
        account: '111111111111',
      },
      'prod-1': {
        environment: 'production',
        kubernetes: undefined,
        region: 'ap-northeast-1',
        account: '222222222222',
      },
    });
    expect(found.url).toBe('https://github.com/acme/gitops.git');
    expect(found.detections).toContainEqual({
      what: 'cluster',
      value: 'stg-1 (staging, ap-northeast-1, 111111111111)',
      from: 'argocd/apps.yaml',
    });
  });

  it('proposes our own registries, and not those of community charts', async () => {
    const found = await detect(
      repository({
        'apps/web/values.yaml':
          'image: { repository: 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web, tag: a }',
        'apps/old/values.yaml': 'web: { image: "333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/old:1" }',
        'platform/keda/values.yaml': 'image: { repository: ghcr.io/kedacore/keda }',
      }),
    );
    expect(found.registries).toEqual(['333333333333.dkr.ecr.ap-northeast-1.amazonaws.com']);
  });

  it('does not guess which of several repositories this one is', async () => {
    const found = await detect(
      repository({
        'a.yaml': APPLICATION_SET,
        'b.yaml': APPLICATION_SET.replace('acme/gitops.git', 'acme/other.git'),
      }),
    );
    expect(found.url).toBeUndefined();
  });

  it('passes over what it cannot read: templates, broken files, alias bombs, hidden folders', async () => {
    // Each line names the one before it nine times: 9^9 values from 300 bytes.
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [before, name] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'].map((pair) =>
      pair.split(''),
    )) {
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
    }
    const found = await detect(
      repository({
        'charts/app/templates/x.yaml': '{{- if .Values.x }}\nkind: ApplicationSet\n{{ end }}',
        'broken.yaml': 'a: [',
        'bomb.yaml': bomb.join('\n'),
        '.git/config.yaml': APPLICATION_SET,
        'empty.yaml': '',
      }),
    );
    expect(found.detections).toEqual([]);
  });
});
