import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApplicationStatus } from '../src/argocd/application-status.ts';
import { explain } from '../src/argocd/explain.ts';
import {
  baselineOf,
  type ClusterAnswer,
  type Expectation,
  type Judgement,
  judge,
} from '../src/argocd/judge.ts';
import { parseResourceTree } from '../src/argocd/resource-tree.ts';
import { hasArgoCdCorpus, recorded, recordedApplication, recordedSequence } from './argocd-corpus.ts';

const NOBODY = 'f'.repeat(40);

const expecting = (commit: string | undefined, more: Partial<Expectation> = {}): Expectation => ({
  commit: commit ?? NOBODY,
  isDescendant: () => false,
  images: [],
  ...more,
});

/** A cluster that is alive. */
const ANSWERS = { silence: undefined };

/** Judges one after the other; then the last answer again, as long as it takes to be sure. */
function replay(
  readings: readonly { readonly ms: number; readonly status: ApplicationStatus }[],
  expectation: Expectation,
): Judgement[] {
  const judgements: Judgement[] = [];
  const last = readings.at(-1);
  const later =
    last === undefined ? [] : [4_000, 15_000, 90_000].map((ms) => ({ ...last, ms: last.ms + ms }));
  for (const { ms, status } of [...readings, ...later]) {
    judgements.push(judge({ status, at: ms, cluster: ANSWERS }, expectation, judgements.at(-1)));
  }
  return judgements;
}

const shortened = (judgements: readonly Judgement[]): string[] =>
  judgements
    .map(({ state, phase }) =>
      state === 'waiting' ? phase.replace(/:.*/, '') : `${state.toUpperCase()}: ${phase}`,
    )
    .filter((line, index, all) => line !== all[index - 1]);

const commitOf = (name: string): string | undefined =>
  recordedSequence(name).at(-1)?.status.sync.revisions[0];

const steady = (name: string) => [{ ms: 0, status: recordedApplication(name) }];

describe.skipIf(!hasArgoCdCorpus)('every recorded sequence is judged rightly (recording → verdicts)', () => {
  const NEW = 'new: Argo CD has not looked at it yet'.replace(/:.*/, '');
  test.each<[recording: string, cause: string | undefined, verdicts: string[]]>([
    ['admission-denied', 'admission-denied', [NEW, 'syncing', 'FAILED: the sync failed']],
    ['cluster-down', 'cluster-unreachable', ['syncing', 'syncing, attempt 2', 'FAILED: the sync failed']],
    [
      'crash-first-deploy',
      'degraded',
      [
        NEW,
        'syncing, waiting for Namespace crash',
        'waiting for pods of web',
        'degraded',
        'FAILED: degraded',
      ],
    ],
    [
      'degraded',
      'degraded',
      ['starting to sync', 'syncing', 'waiting for pods of web', 'degraded', 'FAILED: degraded'],
    ],
    [
      'degraded-recovered',
      undefined,
      ['starting to sync', 'syncing', 'waiting for pods of web', 'synced; making sure', 'DONE: healthy'],
    ],
    ['drift-detected', undefined, ['synced; making sure', 'starting to sync']],
    [
      'drift-healed',
      undefined,
      ['syncing', 'about to sync', 'waiting for pods of web', 'synced; making sure', 'DONE: healthy'],
    ],
    [
      'hook-failed',
      'hook-failed',
      [
        NEW,
        'syncing',
        'syncing, waiting for Namespace hookbad',
        'migration running (web-migrate)',
        'FAILED: the sync failed',
      ],
    ],
    [
      'hook-failed-on-update',
      'hook-failed',
      ['starting to sync', 'syncing', 'migration running (web-migrate)', 'FAILED: the sync failed'],
    ],
    [
      'hook-ok',
      undefined,
      [
        NEW,
        'syncing',
        'syncing, waiting for Namespace hookok',
        'migration running (web-migrate)',
        'waiting for pods of web',
        'waiting for pods',
        'DONE: healthy',
      ],
    ],
    [
      'image-missing-degraded',
      'degraded',
      ['starting to sync', 'syncing', 'waiting for pods of web', 'degraded', 'FAILED: degraded'],
    ],
    [
      'manual-sync',
      undefined,
      [
        'starting to sync',
        'syncing',
        'syncing, waiting for Namespace manual',
        'about to sync',
        'waiting for pods of web',
        'DONE: healthy',
      ],
    ],
    [
      'manual-sync-revision',
      undefined,
      ['syncing', 'waiting for pods of web', 'waiting for pods', 'DONE: healthy'],
    ],
    // Trap 2: Synced, Healthy, Succeeded, at our commit; and a moment later it is not.
    ['rollback', undefined, ['starting to sync', 'blocked by an earlier sync', 'waiting for pods of web']],
    [
      'sync-failed',
      'sync-failed',
      [NEW, 'syncing', 'syncing, waiting for Namespace invalid', 'FAILED: the sync failed'],
    ],
    [
      'sync-failed-retries',
      'sync-failed',
      [
        NEW,
        'syncing',
        'syncing, waiting for Namespace retry',
        'syncing, waiting for Service web',
        'syncing, attempt 2',
        'syncing, attempt 3',
        'FAILED: the sync failed',
      ],
    ],
    ['terminated', 'terminated', ['the sync is being ended', 'FAILED: the sync failed']],
  ])('%s', (name, cause, verdicts) => {
    const judgements = replay(recordedSequence(name), expecting(commitOf(name)));
    expect(shortened(judgements)).toEqual(verdicts);
    const last = judgements.at(-1);
    expect(last?.state === 'failed' ? last.cause?.kind : undefined).toBe(cause);
    expect(last?.state === 'failed' ? last.todo : 'x').toBeTruthy();
  });

  const FAILING = [
    'admission-denied',
    'cluster-down',
    'crash-first-deploy',
    'degraded',
    'hook-failed',
    'hook-failed-on-update',
    'image-missing-degraded',
    'sync-failed',
    'sync-failed-retries',
    'terminated',
    'rollback',
  ];

  test.each(FAILING)('%s: read at any times, however often, it is never called done', (name) => {
    const sequence = recordedSequence(name);
    const commit = commitOf(name);
    const times = fc.array(fc.tuple(fc.nat(sequence.length - 1), fc.integer({ min: 1, max: 4 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(times, fc.integer({ min: 50, max: 120_000 }), (looks, pause) => {
        const order = looks
          .toSorted(([one], [other]) => one - other)
          .flatMap(([index, repeated]) => Array.from({ length: repeated }, () => sequence[index]?.status));
        let previous: Judgement | undefined;
        for (const [index, status] of order.entries()) {
          if (status === undefined) continue;
          previous = judge({ status, at: index * pause }, expecting(commit), previous);
          expect(previous.state).not.toBe('done');
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each(['degraded-recovered', 'hook-ok', 'manual-sync', 'manual-sync-revision', 'drift-healed'])(
    '%s: read at any times, it is never called failed',
    (name) => {
      const sequence = recordedSequence(name);
      fc.assert(
        fc.property(
          fc.subarray([...sequence.keys()]),
          fc.integer({ min: 50, max: 2_900 }),
          (indices, pause) => {
            let previous: Judgement | undefined;
            for (const [position, index] of indices.entries()) {
              const status = sequence[index]?.status;
              if (status === undefined) continue;
              previous = judge({ status, at: position * pause }, expecting(commitOf(name)), previous);
              expect(previous.state).not.toBe('failed');
            }
          },
        ),
        { numRuns: 60 },
      );
    },
  );
});

describe.skipIf(!hasArgoCdCorpus)('the traps of single answers', () => {
  test('it was healthy before: at an earlier commit nothing is done', () => {
    const judgements = replay(steady('healthy'), expecting(NOBODY));
    expect(shortened(judgements)).toEqual(['Argo CD has not seen the commit yet']);
  });

  test('trap 1: a later commit that needed no sync is as good as ours', () => {
    const status = recordedApplication('bumped');
    const [before] = status.operation?.revisions ?? [];
    const later = { ...status, sync: { ...status.sync, revisions: [NOBODY] } };
    const judgements = replay(
      [{ ms: 0, status: later }],
      expecting(before, { isDescendant: (revision) => revision === NOBODY }),
    );
    expect(judgements.at(-1)?.state).toBe('done');
  });

  test('a commit of which nobody knows where it stands is neither done nor failed', () => {
    const status = recordedApplication('bumped');
    const judgements = replay([{ ms: 0, status }], expecting(NOBODY, { isDescendant: () => undefined }));
    expect(judgements.at(-1)).toMatchObject({ state: 'waiting' });
  });

  test.each([
    ['comparison-error.helm', 'manifests', 'failed'],
    ['comparison-error.revision', 'manifests', 'failed'],
    ['comparison-error.git-down', 'git-unreachable', 'unknown'],
  ])('trap 5: %s is never done', (name, kind, state) => {
    const status = recordedApplication(name);
    const [commit] = status.operation?.revisions ?? [];
    const judgements = replay([{ ms: 0, status }], expecting(commit));
    expect(judgements.map((each) => each.state)).not.toContain('done');
    expect(judgements.at(-1)).toMatchObject({ state, cause: { kind } });
  });

  test('a comparison error of before the commit is not called the fault of the commit', () => {
    const status = recordedApplication('comparison-error.helm');
    const judgements = replay([{ ms: 0, status }], expecting(NOBODY, { before: baselineOf(status) }));
    expect(judgements.at(-1)).toMatchObject({ state: 'unknown', cause: { kind: 'manifests' } });
  });

  test('a comparison error that was there at the first look may be of the commit before: it is given time', () => {
    const broken = recordedApplication('comparison-error.helm');
    const [commit = ''] = broken.operation?.revisions ?? [];
    const expectation = expecting(NOBODY);
    const at = (status: ApplicationStatus, ms: number, previous?: Judgement) =>
      judge({ status, at: ms }, expectation, previous);
    const first = at(broken, 0);
    const later = at(broken, 15_000, first);
    expect(later).toMatchObject({ state: 'waiting', wants: 'refresh' });
    // Compared again, and it is still so.
    const again = { ...broken, reconciledAt: (broken.reconciledAt ?? 0) + 10_000 };
    expect(at(again, 16_000, later).state).toBe('failed');
    // It came while we watched.
    const healthy = at(
      { ...recordedApplication('bumped'), sync: { status: 'Synced', revisions: [commit] } },
      0,
    );
    expect(at(broken, 12_000, at(broken, 1_000, healthy)).state).toBe('failed');
  });

  test('trap 6: an image that does not exist fails the deploy by the pods, before the progress deadline', () => {
    const status = recordedApplication('image-missing');
    const tree = parseResourceTree(recorded('image-missing.resource-tree'));
    const expectation = expecting(status.sync.revisions[0], { images: ['registry.example/web:missing'] });
    const first = judge({ status, at: 0, tree }, expectation);
    expect(first).toMatchObject({ state: 'waiting', cause: { kind: 'image-missing' } });
    const later = judge({ status, at: 25_000, tree }, expectation, first);
    expect(later).toMatchObject({ state: 'failed', cause: { kind: 'image-missing' } });
    expect(later.cause?.words).toBe(
      'The image registry.example/web:missing cannot be pulled: there is no such image',
    );
    // Without the tree it asks for it, once it takes longer than usual.
    const blind = judge({ status, at: 0 }, expectation);
    expect(blind).not.toHaveProperty('wants');
    expect(judge({ status, at: 10_000 }, expectation, blind)).toMatchObject({
      state: 'waiting',
      wants: 'tree',
    });
  });

  test('trap 8: a dead cluster whose application says Healthy has failed', () => {
    for (const name of ['cluster-down', 'cluster-down.after-hard-refresh']) {
      const status = recordedApplication(name);
      expect(status.health.status).toBe('Healthy');
      expect(judge({ status, at: 0 }, expecting(status.sync.revisions[0]))).toMatchObject({
        state: 'failed',
        cause: { kind: 'cluster-unreachable' },
      });
    }
  });

  test('trap 8: where nothing had to be applied, only an answer of the cluster itself proves that it is alive', () => {
    const { operation, ...rest } = recordedApplication('bumped');
    const [commit] = rest.sync.revisions;
    const status = { ...rest, operation: operation && { ...operation, revisions: ['a'.repeat(40)] } };
    const silence = 'Could not read Deployment web of web-a: dial tcp 10.0.0.1:443: i/o timeout (500)';
    const at = (ms: number, cluster?: ClusterAnswer, previous?: Judgement) =>
      judge({ status, at: ms, cluster }, expecting(commit), previous);
    const asking = at(60_000, undefined, at(0));
    expect(asking).toMatchObject({ state: 'waiting', wants: 'cluster' });
    expect(at(61_000, ANSWERS, asking)).toMatchObject({ state: 'done' });
    const silent = at(61_000, { silence }, asking);
    expect(silent).toMatchObject({ state: 'unknown', wants: 'cluster' });
    const dead = at(200_000, { silence }, silent);
    expect(dead).toMatchObject({ state: 'failed', cause: { kind: 'cluster-unreachable' } });
    expect(explain(status, dead, []).headline).toMatch(
      /^Argo CD cannot reach the cluster .*: i\/o timeout\.$/,
    );
    // A cluster that applied our commit has answered.
    const applied = (ms: number, previous?: Judgement) =>
      judge({ status: { ...rest, operation }, at: ms }, expecting(commit), previous);
    expect(applied(60_000, applied(0))).toMatchObject({ state: 'done' });
  });

  test('an operation that waits for ever blocks a later commit, and it is said', () => {
    const status = recordedApplication('hook-running');
    const ahead = { ...status, sync: { status: 'Synced', revisions: [NOBODY] } };
    expect(judge({ status: ahead, at: 0 }, expecting(NOBODY))).toMatchObject({
      state: 'waiting',
      phase: 'blocked by an earlier sync',
      cause: { kind: 'blocked', words: expect.stringContaining('web-migrate') },
    });
  });

  test('a commit that Argo CD does not sync, since it compared with it during a sync that then failed, is told', () => {
    const status = recordedApplication('terminated');
    const ahead = { ...status, sync: { status: 'OutOfSync', revisions: [NOBODY] } };
    expect(replay([{ ms: 0, status: ahead }], expecting(NOBODY)).at(-1)).toMatchObject({
      state: 'waiting',
      phase: 'Argo CD does not sync it by itself',
      cause: { kind: 'blocked' },
    });
  });

  test('a sync that failed at our commit has failed, also when Argo CD has compared with a later one since that changes nothing', () => {
    const status = recordedApplication('hook-failed-on-update');
    const commit = status.operation?.revisions[0];
    const ahead = { ...status, sync: { status: 'OutOfSync', revisions: [NOBODY] } };
    const judgements = replay(
      [{ ms: 0, status: ahead }],
      expecting(commit, { isDescendant: (revision) => revision === NOBODY }),
    );
    expect(judgements[0]).toMatchObject({ state: 'waiting', phase: 'about to sync' });
    expect(judgements.at(-1)).toMatchObject({ state: 'failed', cause: { kind: 'hook-failed' } });
  });

  test('a sync that failed at our commit: while nobody knows whether Argo CD has gone on, nothing is decided', () => {
    const status = recordedApplication('hook-failed-on-update');
    const commit = status.operation?.revisions[0];
    const ahead = { ...status, sync: { status: 'OutOfSync', revisions: [NOBODY] } };
    const isDescendant = (revision: string) => (revision === NOBODY ? undefined : false);
    expect(judge({ status: ahead, at: 60_000 }, expecting(commit, { isDescendant }))).toMatchObject({
      state: 'waiting',
      phase: expect.stringContaining('we do not know'),
    });
  });

  test('a cluster that Argo CD cannot reach is no failure for a moment, and is one when it stays so', () => {
    const status = recordedApplication('bumped');
    const message = 'Failed to load live state: failed to get cluster info for "https://127.0.0.1:6444"';
    const down = {
      ...status,
      sync: { ...status.sync, status: 'Unknown' },
      conditions: [{ type: 'ComparisonError', message, lastTransitionTime: undefined }],
    };
    const at = (ms: number, previous?: Judgement) =>
      judge({ status: down, at: ms }, expecting(status.sync.revisions[0]), previous);
    const first = at(0);
    expect(first).toMatchObject({ state: 'unknown', cause: { kind: 'cluster-unreachable' } });
    expect(at(60_000, first)).toMatchObject({ state: 'unknown' });
    expect(at(180_000, at(60_000, first))).toMatchObject({
      state: 'failed',
      cause: { kind: 'cluster-unreachable' },
    });
  });

  test('a sync that failed at an earlier commit and was mended without a sync does not count', () => {
    const broken = recordedApplication('hook-failed-on-update').operation;
    const healthy = recordedApplication('bumped');
    const status = { ...healthy, operation: broken, reconciledAt: (broken?.finishedAt ?? 0) + 60_000 };
    expect(replay([{ ms: 0, status }], expecting(healthy.sync.revisions[0])).at(-1)?.state).toBe('done');
  });

  test('an application that is paused, or being deleted, is not done', () => {
    const paused = recordedApplication('suspended');
    expect(replay([{ ms: 0, status: paused }], expecting(paused.sync.revisions[0])).at(-1)).toMatchObject({
      state: 'waiting',
      phase: expect.stringContaining('paused'),
    });
    const deleting = recordedApplication('deleting');
    expect(judge({ status: deleting, at: 0 }, expecting(deleting.sync.revisions[0]))).toMatchObject({
      state: 'failed',
      cause: { kind: 'deleted' },
    });
  });

  test('no namespace: the words name it', () => {
    const status = recordedApplication('sync-failed.no-namespace');
    expect(judge({ status, at: 0 }, expecting(status.sync.revisions[0]))).toMatchObject({
      state: 'failed',
      cause: { kind: 'namespace-missing', words: 'namespaces "nons" not found' },
    });
  });
});

/** A healthy application at NOBODY, made by hand, for what no recording shows. */
const application = (more: Partial<ApplicationStatus> = {}): ApplicationStatus => ({
  name: 'web-a',
  namespace: 'argocd',
  labels: {},
  project: 'web',
  destination: { name: 'a', server: undefined, namespace: 'web' },
  sources: [
    {
      repoURL: 'https://github.com/acme/gitops',
      path: 'charts/app',
      targetRevision: 'main',
      chart: undefined,
      ref: undefined,
    },
  ],
  deleting: false,
  sync: { status: 'Synced', revisions: [NOBODY] },
  health: { status: 'Healthy', message: undefined },
  operationPending: false,
  operation: undefined,
  conditions: [],
  resources: [resource('Deployment', 'web', 'Healthy')],
  images: ['registry.example/web:v2@sha256:two'],
  reconciledAt: 1,
  resourceVersion: '1',
  ...more,
});

const resource = (kind: string, name: string, health: string) => ({
  group: kind === 'Deployment' ? 'apps' : 'batch',
  version: 'v1',
  kind,
  namespace: 'web',
  name,
  status: 'Synced',
  health,
  healthMessage: undefined,
  hook: false,
  requiresPruning: false,
});

describe('what counts, and what does not', () => {
  const IMAGE = 'registry.example/web:v2@sha256:two';

  test('several sources: each that is of the GitOps repository must be at the commit, charts have versions', () => {
    const [git] = application().sources;
    const chart = {
      repoURL: 'oci://registry.example',
      path: undefined,
      targetRevision: '1.2.3',
      chart: 'app',
      ref: undefined,
    };
    const sources = git === undefined ? [] : [chart, git, git];
    const at = (...revisions: string[]) =>
      judge(
        { status: application({ sources, sync: { status: 'Synced', revisions } }), at: 0, cluster: ANSWERS },
        expecting(NOBODY),
      ).state;
    expect(at('1.2.3', NOBODY, NOBODY)).toBe('done');
    expect(at('1.2.3', NOBODY, 'a'.repeat(40))).toBe('waiting');
  });

  test('pods of another digest under the same tag are not ours', () => {
    const status = application({ images: ['registry.example/web:v2@sha256:one'] });
    expect(judge({ status, at: 0 }, expecting(NOBODY, { images: [IMAGE] }))).toMatchObject({
      state: 'waiting',
      phase: 'pods still run another image',
      wants: 'tree',
    });
  });

  test('what is scaled to zero runs no image, and is done', () => {
    const status = application({ images: ['registry.example/other:v1'] });
    const reading = { status, at: 0, cluster: ANSWERS };
    expect(judge(reading, expecting(NOBODY, { images: [IMAGE] })).state).toBe('done');
  });

  test('a failed cron job does not undo a good deploy', () => {
    const resources = [resource('Deployment', 'web', 'Healthy'), resource('CronJob', 'report', 'Degraded')];
    const status = application({ resources, health: { status: 'Degraded', message: undefined } });
    expect(judge({ status, at: 0, cluster: ANSWERS }, expecting(NOBODY)).state).toBe('done');
  });

  test('what was degraded before, and is not touched, does not count; what the sync brings must become healthy', () => {
    const resources = [resource('Deployment', 'web', 'Healthy'), resource('Deployment', 'old', 'Degraded')];
    const status = application({ resources, health: { status: 'Degraded', message: undefined } });
    const before = baselineOf(status);
    const reading = { status, at: 0, cluster: ANSWERS };
    expect(judge(reading, expecting(NOBODY, { before })).state).toBe('done');
    expect(replay([{ ms: 0, status }], expecting(NOBODY)).at(-1)?.state).toBe('failed');
    const operation = {
      phase: 'Succeeded',
      message: undefined,
      revisions: [NOBODY],
      retryCount: 0,
      startedAt: 0,
      finishedAt: 0,
      resources: [
        {
          group: 'apps',
          kind: 'Deployment',
          namespace: 'web',
          name: 'old',
          status: 'Synced',
          message: undefined,
          hookType: undefined,
          hookPhase: undefined,
          syncPhase: 'Sync',
          images: [IMAGE],
        },
      ],
    };
    const touched = replay(
      [{ ms: 0, status: { ...status, operation } }],
      expecting(NOBODY, { before, images: [IMAGE] }),
    );
    expect(touched.at(-1)).toMatchObject({
      state: 'failed',
      cause: { kind: 'degraded', resource: { name: 'old' } },
    });
  });

  test('Synced and Healthy of an answer that is older than the end of the sync is not believed', () => {
    const operation = {
      phase: 'Succeeded',
      message: undefined,
      revisions: [NOBODY],
      retryCount: 0,
      startedAt: 8_000,
      finishedAt: 10_000,
      resources: [],
    };
    const stale = application({ operation, reconciledAt: 9_000 });
    expect(replay([{ ms: 0, status: stale }], expecting(NOBODY)).at(-1)?.state).toBe('waiting');
    const fresh = application({ operation, reconciledAt: 12_000 });
    expect(judge({ status: fresh, at: 0 }, expecting(NOBODY)).state).toBe('done');
  });
});
