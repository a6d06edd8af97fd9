import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ArgoCdClient, openArgoCd } from '../src/argocd/client.ts';
import { gatherEvidence } from '../src/argocd/evidence.ts';
import { explain } from '../src/argocd/explain.ts';
import { baselineOf, type Expectation, type Judgement, judge, type Reading } from '../src/argocd/judge.ts';
import { interestOf, type WatchTrouble, watchApplications } from '../src/argocd/watch.ts';
import { plainRenderer } from '../src/standin/argocd/git-source.ts';
import { type ArgoCdStandin, startArgoCd } from '../src/standin/argocd/server.ts';
import { type StandinRepository, startGitHub } from '../src/standin/github/server.ts';
import { gitopsFiles, releaseFile } from './gitops-fixture.ts';
import { virtualTiming } from './virtual-timing.ts';

const FILE = 'apps/web/release.production.yaml';
const VALUES = 'apps/web/values.yaml';
const release = (tag: string): string => releaseFile(tag, 'ab', 'a'.repeat(40));

let started: AsyncDisposableStack;
let timing: ReturnType<typeof virtualTiming>;
let argocd: ArgoCdStandin;
let repository: StandinRepository;
let client: ArgoCdClient;

beforeEach(async () => {
  started = new AsyncDisposableStack();
  timing = virtualTiming();
  const github = started.use(await startGitHub());
  repository = await github.createRepository('acme/gitops', {
    files: gitopsFiles({ [FILE]: release('v1'), [VALUES]: 'progressDeadlineSeconds: 60\n' }),
  });
  argocd = started.use(
    await startArgoCd({
      clusters: ['prod-1', 'prod-2'],
      repository,
      clock: timing.now,
      render: plainRenderer,
      webhook: false,
    }),
  );
  client = openArgoCd({ server: argocd.url, token: () => argocd.token, timing });
  await timing.sleep(20_000);
  await argocd.settle();
});
afterEach(() => started.disposeAsync());

const deploy = (tag: string): Promise<string> => repository.commit({ [FILE]: release(tag) });

/** Watches both clusters to the end. */
async function watch(
  commit: string,
  more: Partial<Parameters<typeof watchApplications>[0]> = {},
  known: Partial<Expectation> = {},
) {
  const judgements = new Map<string, Judgement>();
  const readings = new Map<string, Reading>();
  const troubles: (WatchTrouble | undefined)[] = [];
  const startedAt = timing.now();
  const end = await watchApplications({
    client,
    timing,
    applications: ['web-prod-1', 'web-prod-2'],
    selector: 'kajitori.dev/app=web',
    onReading: (name, reading) => {
      const expectation = { commit, isDescendant: () => false, images: [], ...known };
      judgements.set(name, judge(reading, expectation, judgements.get(name)));
      readings.set(name, reading);
      const judgement = judgements.get(name);
      return judgement === undefined ? 'look' : interestOf(judgement);
    },
    onTrouble: (trouble) => troubles.push(trouble),
    ...more,
  });
  const states = [...judgements.values()].map(({ state }) => state);
  return { end, states, judgements, readings, troubles, seconds: (timing.now() - startedAt) / 1000 };
}

describe('one watch for many applications', () => {
  test('a new commit is asked for once an application, and both are done', async () => {
    const { states } = await watch(await deploy('v2'));
    expect(states).toEqual(['done', 'done']);
    const refreshes = argocd.log.filter(({ path }) => path.includes('refresh=normal'));
    expect(refreshes).toHaveLength(2);
  });

  test('it asks at most once a second, however it goes', async () => {
    for (const tag of ['v2', 'missing-1', 'crash-1', 'v3']) {
      const before = client.requests;
      const { seconds } = await watch(await deploy(tag));
      expect(client.requests - before).toBeLessThanOrEqual(Math.ceil(seconds));
    }
  });

  test('answers that fail now and then change nothing', async () => {
    const commit = await deploy('v2');
    argocd.inject({ path: /applications\?/, times: 1, status: 'no-answer' });
    let looks = 0;
    const flaky = {
      ...timing,
      sleep: async (milliseconds: number) => {
        looks += 1;
        if (looks % 3 === 0) argocd.inject({ path: /applications\?/, times: 1, status: 502 });
        await timing.sleep(milliseconds);
      },
    };
    const { states, troubles } = await watch(commit, { timing: flaky });
    expect(states).toEqual(['done', 'done']);
    expect(troubles).toEqual([]);
  });

  test('an Argo CD that stays away is neither done nor failed: it could not be found out', async () => {
    const commit = await deploy('v2');
    argocd.inject({ status: 503 });
    const { end, states, troubles, seconds } = await watch(commit, { patienceMs: 60_000 });
    expect(states).toEqual([]);
    expect(end.unknown.map(({ error }) => error.fault)).toEqual(['unavailable', 'unavailable']);
    expect(troubles).toHaveLength(1);
    expect(seconds).toBeGreaterThanOrEqual(60);
  });

  test('one that comes back is told of, and the watch goes on', async () => {
    const commit = await deploy('v2');
    argocd.inject({ status: 503, times: 5 });
    const { states, troubles } = await watch(commit);
    expect(states).toEqual(['done', 'done']);
    expect(troubles.map((trouble) => trouble === undefined)).toEqual([false, true]);
  });

  test('an application that Argo CD does not list: the words say both of what it may be', async () => {
    const { end } = await watch(await deploy('v2'), { applications: ['nothing'], patienceMs: 30_000 });
    expect(end.unknown).toMatchObject([{ applications: ['nothing'], error: { fault: 'missing-or-denied' } }]);
    expect(end.unknown[0]?.words).toMatch(/does not exist \(yet\), or the token may not see it/);
  });

  test('a token that is refused ends it at once', async () => {
    const wrong = openArgoCd({ server: argocd.url, token: () => 'wrong', timing });
    await expect(watch(await deploy('v2'), { client: wrong })).rejects.toMatchObject({ fault: 'denied' });
  });

  test('it ends when it is told to', async () => {
    const stop = new AbortController();
    const reason = new Error('deadline');
    const watching = watch(await deploy('slow-1'), { signal: stop.signal, onTrouble: () => {} });
    stop.abort(reason);
    await expect(watching).rejects.toBe(reason);
  });
});

describe('what goes wrong in one cluster is seen in that one', () => {
  test('a dead cluster', async () => {
    argocd.cluster('prod-2').down();
    const { judgements, readings } = await watch(await deploy('v2'));
    expect(judgements.get('web-prod-1')?.state).toBe('done');
    const dead = judgements.get('web-prod-2');
    expect(dead).toMatchObject({ state: 'failed', cause: { kind: 'cluster-unreachable' } });
    const status = readings.get('web-prod-2')?.status;
    if (status === undefined || dead === undefined) throw new Error('never seen');
    expect(explain(status, dead, []).headline).toBe(
      'Argo CD cannot reach the cluster prod-2: connection refused.',
    );
  });

  test('a dead cluster that never left what it goes back to: asked itself, once for all its applications', async () => {
    await repository.commit({ [FILE.replace('web', 'api')]: release('v1') });
    await timing.sleep(60_000);
    argocd.cluster('prod-2').down();
    const before = argocd.log.length;
    const nothing = await repository.commit({ 'README.md': 'changes nothing that runs\n' });
    const applications = ['web-prod-1', 'web-prod-2', 'api-prod-1', 'api-prod-2'];
    const { judgements } = await watch(nothing, { applications, selector: undefined });
    expect(Object.fromEntries([...judgements].map(([name, { state }]) => [name, state]))).toEqual({
      'web-prod-1': 'done',
      'api-prod-1': 'done',
      'web-prod-2': 'failed',
      'api-prod-2': 'failed',
    });
    const asked = argocd.log.slice(before).filter(({ path }) => path.includes('/resource?'));
    expect(asked.filter(({ path }) => path.includes('-prod-1/'))).toHaveLength(1);
    // Every ten seconds or so, for the two minutes of its silence.
    expect(asked.filter(({ path }) => path.includes('-prod-2/')).length).toBeLessThanOrEqual(13);
  });

  test('a cluster that answers again in time has what it goes back to', async () => {
    argocd.cluster('prod-2').down();
    const sleep = async (milliseconds: number) => {
      await timing.sleep(milliseconds);
      if (argocd.log.some(({ path }) => path.includes('web-prod-2/resource?'))) argocd.cluster('prod-2').up();
    };
    const nothing = await repository.commit({ 'README.md': 'changes nothing that runs\n' });
    expect((await watch(nothing, { timing: { ...timing, sleep } })).states).toEqual(['done', 'done']);
  });

  test('a crash: exit code and last words', async () => {
    argocd.cluster('prod-2').image('v2', 'crash', ['boot', 'password=hunter22 refused']);
    const files = { [VALUES]: 'progressDeadlineSeconds: 600\n', [FILE]: release('v2') };
    const { judgements, readings, seconds } = await watch(await repository.commit(files));
    // Long before Kubernetes gives it up, and not before the kubelet has tried it five times.
    expect(seconds).toBeGreaterThan(150);
    expect(seconds).toBeLessThan(200);
    expect(judgements.get('web-prod-1')?.state).toBe('done');
    const crashed = judgements.get('web-prod-2');
    const status = readings.get('web-prod-2')?.status;
    if (status === undefined || crashed === undefined) throw new Error('never seen');
    expect(crashed.state).toBe('failed');
    const explanation = explain(status, crashed, [], await gatherEvidence(client, status, crashed.cause, []));
    expect(explanation.headline).toMatch(/^The pod web-\w+ crashes \(exit 1, 5 restarts\)\.$/);
    expect(explanation.details).toContain('  boot');
    expect(explanation.details.join('\n')).not.toContain('hunter22');
  });

  test('an image that is not there, while others commit all the time: the pods are not forgotten', async () => {
    await using busy = await startArgoCd({
      clusters: ['prod-1', 'prod-2'],
      repository,
      clock: timing.now,
      render: plainRenderer,
    });
    await timing.sleep(20_000);
    await busy.settle();
    busy.cluster('prod-2').image('v2', 'missing');
    const commit = await deploy('v2');
    const later = new Set<string>();
    const compared = new Set<string>();
    const othersCommit = async (): Promise<void> => {
      const nth = later.size + 1;
      later.add(await repository.commit({ 'apps/billing/values.yaml': `web: { port: ${9000 + nth} }\n` }));
    };
    let nextAt = timing.now() + 3_000;
    const { judgements, readings, seconds } = await watch(
      commit,
      {
        client: openArgoCd({ server: busy.url, token: () => busy.token, timing }),
        timing: {
          ...timing,
          sleep: async (milliseconds) => {
            const end = timing.now() + milliseconds;
            for (; nextAt <= end; nextAt += 3_000) {
              await timing.sleep(nextAt - timing.now());
              await othersCommit();
              // The webhook.
              await busy.settle();
            }
            await timing.sleep(end - timing.now());
            compared.add(busy.look('web-prod-2')?.revision ?? '');
          },
        },
      },
      { isDescendant: (revision) => later.has(revision) },
    );
    expect(judgements.get('web-prod-1')?.state).toBe('done');
    expect(judgements.get('web-prod-2')).toMatchObject({ state: 'failed', cause: { kind: 'image-missing' } });
    // Only the pods know it so early (trap 6): progressDeadlineSeconds is 60.
    expect(readings.get('web-prod-2')?.status.health.status).toBe('Progressing');
    expect(seconds).toBeLessThan(50);
    expect(compared.size).toBeGreaterThan(5);
  });

  test('a rule that refuses: its name and its words', async () => {
    argocd.cluster('prod-1').deny('Deployment', 'pinned-images', 'image not pinned by digest');
    const { judgements, readings } = await watch(await deploy('v2'));
    const refused = judgements.get('web-prod-1');
    const status = readings.get('web-prod-1')?.status;
    if (status === undefined || refused === undefined) throw new Error('never seen');
    expect(explain(status, refused, []).headline).toBe(
      'A rule of the cluster prod-1 refuses Deployment web: image not pinned by digest (pinned-images)',
    );
  });

  test('git that does not answer: unknown, and done when it does', async () => {
    const commit = await deploy('v2');
    argocd.gitDown();
    await client.refresh('web-prod-1');
    const status = await client.get('web-prod-1');
    const judgement = judge({ status, at: 0 }, { commit, isDescendant: () => false, images: [] });
    expect(judgement).toMatchObject({ state: 'unknown', cause: { kind: 'git-unreachable' } });
    argocd.gitUp();
    expect((await watch(commit)).states).toEqual(['done', 'done']);
  });

  test('a cache that is stale is not done, though everything in it is Synced and Healthy', async () => {
    const stale = await client.get('web-prod-1');
    expect(stale).toMatchObject({ sync: { status: 'Synced' }, health: { status: 'Healthy' } });
    argocd.freeze();
    await client.list({ selector: 'kajitori.dev/app=web' });
    const commit = await deploy('v2');
    const stop = new AbortController();
    const watching = watch(commit, {
      signal: stop.signal,
      timing: {
        ...timing,
        sleep: async (milliseconds) => {
          await timing.sleep(milliseconds);
          if (timing.now() > 0 && argocd.log.length > 60) stop.abort(new Error('still waiting'));
        },
      },
    });
    await expect(watching).rejects.toThrow('still waiting');
    argocd.thaw();
    expect((await watch(commit)).states).toEqual(['done', 'done']);
  });

  test('a cron job that failed before, and an object that somebody changed by hand, do not hinder', async () => {
    argocd.health('web-prod-1', 'Service/web', { status: 'Degraded', message: 'no endpoints' });
    const before = baselineOf(await client.get('web-prod-1'));
    expect(before.degraded).toHaveLength(1);
    argocd.drift('web-prod-2', 'Deployment', 'web');
    const { states } = await watch(await deploy('v2'), {}, { before });
    expect(states).toEqual(['done', 'done']);
  });
});
