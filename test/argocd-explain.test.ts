import { describe, expect, test } from 'vitest';
import type { ClusterEvent } from '../src/argocd/client.ts';
import type { ContainerState, Evidence } from '../src/argocd/evidence.ts';
import { explain, progressWords } from '../src/argocd/explain.ts';
import { judge } from '../src/argocd/judge.ts';
import { podsOf } from '../src/argocd/pods.ts';
import { parseResourceTree, type ResourceTree } from '../src/argocd/resource-tree.ts';
import { hasArgoCdCorpus, recorded, recordedApplication, recordings } from './argocd-corpus.ts';

const treeOf = (name: string): ResourceTree | undefined =>
  recordings().includes(`${name}.resource-tree.json`)
    ? parseResourceTree(recorded(`${name}.resource-tree`))
    : undefined;

/** What would be found out about a recorded application: the tree, and the pod with this image. */
function evidenceOf(name: string, image: string | undefined, more: Partial<Evidence> = {}): Evidence {
  const tree = treeOf(name);
  const pod = tree && image && podsOf(tree).find(({ images }) => images.includes(image));
  return { tree, pod: pod || undefined, container: undefined, logs: undefined, events: undefined, ...more };
}

/** Judged until it is sure, then explained. */
function explained(name: string, image?: string, more?: Partial<Evidence>) {
  const status = recordedApplication(name);
  const images = image === undefined ? [] : [image];
  const [commit = ''] = status.operation?.revisions ?? [];
  const evidence = evidenceOf(name, image, more);
  const expectation = { commit, isDescendant: () => false, images };
  const first = judge({ status, at: 0, tree: evidence.tree }, expectation);
  const last = judge({ status, at: 60_000, tree: evidence.tree }, expectation, first);
  expect(['failed', 'unknown']).toContain(last.state);
  return explain(status, last, images, evidence);
}

const container = (more: Partial<ContainerState>): ContainerState => ({
  name: 'web',
  ready: false,
  restarts: 0,
  exitCode: undefined,
  reason: undefined,
  message: undefined,
  ...more,
});

const warning = (reason: string, message: string, count = 1): ClusterEvent => ({
  type: 'Warning',
  reason,
  message,
  object: 'Pod/web',
  count,
  lastSeen: undefined,
});

describe.skipIf(!hasArgoCdCorpus)(
  'the first line names the cause, for every failure that was recorded',
  () => {
    test.each<[recording: string, image: string | undefined, headline: string]>([
      ['hook-failed', 'registry.example/web-migrate:fail', 'The migration web-migrate failed (exit 1).'],
      [
        'hook-failed-on-update',
        'registry.example/web-migrate:fail',
        'The migration web-migrate failed (exit 1).',
      ],
      [
        'image-missing',
        'registry.example/web:missing',
        'The image registry.example/web:missing cannot be pulled: there is no such image.',
      ],
      [
        'image-missing-degraded',
        'registry.example/web:missing',
        'The image registry.example/web:missing cannot be pulled: there is no such image.',
      ],
      [
        'admission-denied',
        undefined,
        'A rule of the cluster https://127.0.0.1:6443 refuses Deployment web: image not pinned by digest: registry.example/web:v1 (pinned-images)',
      ],
      [
        'sync-failed.no-namespace',
        undefined,
        'The namespace nons does not exist in the cluster https://127.0.0.1:6443.',
      ],
      [
        'comparison-error.helm',
        undefined,
        "The manifests cannot be rendered: web/templates/deployment.yaml:14:26: can't evaluate field repository in type interface {} (at .Values.image.repository)",
      ],
      [
        'comparison-error.revision',
        undefined,
        "The manifests cannot be rendered: unable to resolve 'no-such-branch' to a commit SHA",
      ],
      [
        'comparison-error.git-down',
        undefined,
        'Argo CD cannot read the GitOps repository: connection refused.',
      ],
      [
        'cluster-down',
        undefined,
        'Argo CD cannot reach the cluster https://127.0.0.1:6444: connection refused.',
      ],
      ['terminated', undefined, 'The operation was ended by somebody.'],
    ])('%s', (name, image, headline) => {
      const explanation = explained(name, image);
      expect(explanation.headline).toBe(headline);
      expect(explanation.todo).toMatch(/\w.*\.$/);
    });

    test('an object that Kubernetes refuses: the object and the field', () => {
      const { headline } = explained('sync-failed');
      expect(headline).toMatch(/^Kubernetes refuses Deployment web: .*env\[1\]\.name: Required value/);
    });

    test('a crash: how it ended, and its last words', () => {
      const explanation = explained('crash-first-deploy', 'registry.example/web:crash', {
        container: container({ exitCode: 137, restarts: 5, reason: 'Error' }),
        logs: ['boot', 'DATABASE_URL is not set'],
        events: [warning('BackOff', 'Back-off restarting failed container', 12)],
      });
      // The tree of this moment was not recorded, so the words are the Deployment's.
      expect(explanation.headline).toContain('web');
      const pod = podsOf(treeOf('image-missing') ?? { nodes: [] })[0];
      const crashed = explain(
        recordedApplication('crash-first-deploy'),
        { phase: 'degraded', cause: { kind: 'degraded', words: 'Deployment web is Degraded' } },
        [],
        {
          tree: undefined,
          pod,
          container: container({ exitCode: 137, restarts: 5 }),
          logs: ['boot', 'DATABASE_URL is not set'],
          events: [warning('BackOff', 'Back-off restarting failed container', 12)],
        },
      );
      expect(crashed.headline).toBe(`The pod ${pod?.name} crashes (exit 137, 5 restarts).`);
      expect(crashed.details).toEqual([
        'BackOff (12 times): Back-off restarting failed container',
        `Last lines of ${pod?.name}, container web:`,
        '  boot',
        '  DATABASE_URL is not set',
      ]);
    });

    test('a probe that fails: its words, beside how many pods are ready', () => {
      const explanation = explained('degraded', 'registry.example/web:slow', {
        events: [warning('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503', 30)],
      });
      expect(explanation.headline).toBe(
        'Pods do not become ready: 0 of 1. Readiness probe failed: HTTP probe failed with statuscode: 503',
      );
    });
  },
);

describe.skipIf(!hasArgoCdCorpus)('what is going on', () => {
  test('a migration: since when it runs', () => {
    const status = recordedApplication('hook-running');
    const tree = treeOf('hook-running');
    const job = tree?.nodes.find(({ kind }) => kind === 'Job');
    const judgement = judge(
      { status, at: 0 },
      { commit: status.sync.revisions[0] ?? '', isDescendant: () => false, images: [] },
    );
    expect(progressWords(judgement, [], tree, (job?.createdAt ?? 0) + 20_400)).toBe(
      'migration running (web-migrate, 20 s)',
    );
  });

  test('pods: how many of the new ones are ready, and what is wrong with them', () => {
    const tree = treeOf('image-missing');
    const words = progressWords(
      {
        state: 'waiting',
        phase: 'waiting for pods',
        cause: { kind: 'image-missing', words: 'no such image' },
      },
      ['registry.example/web:missing'],
      tree,
      0,
    );
    expect(words).toBe('0 of 1 pods ready. no such image');
  });
});
