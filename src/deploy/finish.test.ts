import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { APP_YAML } from '../../test/bump-world.ts';
import { brings, MINUTE, smooth, type WaitWorld, waitWorld, writeStatus } from '../../test/wait-world.ts';
import { finishExitCode } from './finish.ts';
import { finishResult } from './finish-report.ts';

const HOUR = 60 * MINUTE;

/** A run that dies at its nth look. */
class Killed extends Error {}
const dying = (at: WaitWorld, nth: number) => {
  let looks = 0;
  at.meanwhile = async () => {
    if (++looks >= nth) {
      at.meanwhile = undefined;
      throw new Killed();
    }
  };
};

const failing = (about: Parameters<typeof smooth>[0]) =>
  brings(about.awaited, 2) && about.awaited.cluster === 'prod-2'
    ? ({ state: 'failed', words: 'crashes' } as const)
    : smooth(about);

describe('a run that died', () => {
  test('is finished by the next one: the deploy was well', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    dying(at, 2);
    await expect(at.wait(smooth, { commit })).rejects.toThrow(Killed);
    expect(at.verdicts(commit)).toEqual(['pending waiting for Argo CD', 'pending waiting for Argo CD']);

    await at.world.timing.sleep(13 * MINUTE);
    const finished = await at.finish(smooth);
    expect(finished).toMatchObject([{ deploy: { why: 'died' }, outputs: { verdict: 'healthy' } }]);
    expect(at.verdicts(commit)).toEqual([
      'success runs this commit and is healthy',
      'success runs this commit and is healthy',
    ]);
    expect(await at.finish(smooth)).toEqual([]);
  });

  test('is undone by the next one: the deploy had failed', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    dying(at, 1);
    await expect(at.wait(failing, { commit })).rejects.toThrow(Killed);
    await at.world.timing.sleep(13 * MINUTE);
    const finished = await at.finish(failing);
    expect(finished).toMatchObject([{ outputs: { verdict: 'failed', remedy: { kind: 'written' } } }]);
    expect(finishExitCode(finished)).toBe(1);
    expect(parse(await at.release()).image.tag).toBe('build-1');
    expect(await at.gitops.commits()).toHaveLength(3);
    expect(await at.finish(failing)).toEqual([]);
  });

  test('between the verdict and the commit that puts back: it is put back', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outage = at.world.github.inject({
      match: ({ operation }) => operation === 'Commit',
      kind: 'status',
      status: 500,
      times: 1_000,
    });
    await expect(at.wait(failing, { commit })).rejects.toMatchObject({ exitCode: 2 });
    expect(at.verdicts(commit)[1]).toBe('failure crashes');
    expect(outage.struck).toBeGreaterThan(0);
    at.world.github.clearFaults();
    await at.world.timing.sleep(13 * MINUTE);
    const finished = await at.finish(failing);
    expect(finished).toMatchObject([{ deploy: { why: 'died' }, outputs: { remedy: { kind: 'written' } } }]);
  });

  test('between the commit that puts back and its end: that one is finished', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    at.meanwhile = async () => {
      if ((await at.gitops.commits()).length === 3) {
        at.meanwhile = undefined;
        throw new Killed();
      }
    };
    await expect(at.wait(failing, { commit })).rejects.toThrow(Killed);
    await at.world.timing.sleep(13 * MINUTE);
    const finished = await at.finish(failing);
    const [undone] = await at.gitops.commits();
    expect(finished).toMatchObject([
      { deploy: { why: 'died', commit: { oid: undone?.oid } }, outputs: { verdict: 'healthy' } },
    ]);
    expect(await at.gitops.commits()).toHaveLength(3);
    // What the dead run left pending on the commit before is nobody's any more.
    expect(at.verdicts(commit)).toEqual([
      `error not judged: replaced by ${undone?.oid.slice(0, 8)}`,
      'failure crashes',
    ]);
  });

  test('before it said anything: a deploy that nobody waited for', async () => {
    const at = await waitWorld();
    await at.deploy(2);
    expect(await at.finish(smooth)).toEqual([]);
    await at.world.timing.sleep(13 * MINUTE);
    expect(await at.finish(smooth)).toMatchObject([
      { deploy: { why: 'never-judged' }, outputs: { verdict: 'healthy' } },
    ]);
  });

  test('after it said of one cluster that it failed: the others are not waited for for ever', async () => {
    const at = await waitWorld();
    await at.gitops.commit({ 'apps/new/app.yaml': APP_YAML });
    const commit = await at.deploy(2, 'new');
    await writeStatus(at, commit, 'kajitori/new/prod-1', 'pending', 'waiting for Argo CD');
    await writeStatus(at, commit, 'kajitori/new/prod-2', 'failure', 'crashes');
    await at.world.timing.sleep(13 * MINUTE);
    expect(await at.finish(crashing)).toMatchObject([{ deploy: { why: 'died' } }]);
    expect(at.verdicts(commit, 'new')).toEqual(['error not judged: it failed in prod-2', 'failure crashes']);
  });

  test.each(['hold', 'hold-end'])('behind a commit that deploys nothing: %s', async (action) => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.gitops.commit(
      { 'README.md': action },
      {
        message: `${action}\n\nKajitori-App: web\nKajitori-Environment: production\nKajitori-Action: ${action}`,
      },
    );
    await at.world.timing.sleep(13 * MINUTE);
    expect(await at.finish(failing)).toMatchObject([
      { deploy: { commit: { oid: commit } }, outputs: { remedy: { kind: 'written' } } },
    ]);
    expect(parse(await at.release()).image.tag).toBe('build-1');
  });

  test('two that finish the same deploy at once write one commit', async () => {
    const at = await waitWorld();
    await at.deploy(2);
    await at.world.timing.sleep(13 * MINUTE);
    const both = await Promise.all([at.finish(failing), at.finish(failing)]);
    expect(await at.gitops.commits()).toHaveLength(3);
    expect(both.flat().map((each) => 'outputs' in each && each.outputs.verdict)).toEqual(
      expect.arrayContaining(['failed']),
    );
    expect(parse(await at.release()).image.tag).toBe('build-1');
  });
});

/** As `failing`, of every app. */
const crashing = ({ awaited, age }: Parameters<typeof smooth>[0]) =>
  awaited.cluster === 'prod-2' ? ({ state: 'failed', words: 'crashes' } as const) : smooth({ awaited, age });

describe('what is left alone', () => {
  test('first deploys that failed: nothing ran before them, and their own run said so', async () => {
    const at = await waitWorld();
    await at.gitops.commit({ 'apps/one/app.yaml': APP_YAML, 'apps/two/app.yaml': APP_YAML });
    const commit = await at.deployTogether(2, ['one', 'two']);
    const outputs = await at.wait(
      (about) => (about.awaited.app === 'one' ? crashing(about) : { state: 'waiting' }),
      { commit },
    );
    expect(outputs.remedy).toEqual({ kind: 'nothing-earlier' });
    expect(at.verdicts(commit, 'two')[0]).toBe('error not judged: it failed in prod-2');
    await at.world.timing.sleep(13 * MINUTE);
    expect(await at.finish(crashing)).toEqual([]);
  });

  test('a first deploy that failed beside an app that went back', async () => {
    const at = await waitWorld();
    await at.gitops.commit({ 'apps/new/app.yaml': APP_YAML });
    const commit = await at.deployTogether(2, ['web', 'new']);
    await at.wait((about) => (about.awaited.app === 'new' ? crashing(about) : smooth(about)), { commit });
    expect(parse(await at.release('web')).image.tag).toBe('build-1');
    await at.world.timing.sleep(13 * MINUTE);
    expect(await at.finish(crashing)).toEqual([]);
  });

  test('what failed, where rollback is never', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.wait(failing, { commit, rollback: 'never' });
    await at.world.timing.sleep(13 * MINUTE);
    expect(await at.finish(failing, { rollback: 'never' })).toEqual([]);
    expect(await at.gitops.head()).toBe(commit);
  });

  test('a deploy that somebody waits for, however long', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const startedAt = at.world.timing.now();
    const meanwhile: unknown[] = [];
    at.meanwhile = async () => {
      if (at.world.timing.now() - startedAt < 13 * MINUTE) return;
      at.meanwhile = undefined;
      meanwhile.push(await at.finish(failing));
    };
    const outputs = await at.wait(({ age }) => (age < 14 * MINUTE ? {} : { state: 'done' }), { commit });
    expect(meanwhile).toEqual([[]]);
    expect(outputs.verdict).toBe('healthy');
  });

  test('an older deploy, when a newer one is there', async () => {
    const at = await waitWorld();
    await at.deploy(2);
    const newer = await at.deploy(3);
    await at.world.timing.sleep(13 * MINUTE);
    const finished = await at.finish(failing);
    expect(finished).toMatchObject([{ deploy: { commit: { oid: newer } }, outputs: { verdict: 'healthy' } }]);
  });

  test('a deploy of yesterday: what is unhealthy now has other causes', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.world.timing.sleep(25 * HOUR);
    expect(await at.finish(failing)).toEqual([]);
    expect(await at.gitops.head()).toBe(commit);
  });

  test('another app, when one is named', async () => {
    const at = await waitWorld(['web', 'api']);
    await at.deploy(2, 'web');
    await at.deploy(2, 'api');
    await at.world.timing.sleep(13 * MINUTE);
    const finished = await at.finish(smooth, { apps: ['api'] });
    expect(finished.map(({ deploy }) => deploy.apps)).toEqual([['api']]);
  });
});

test('the worst is told first, and nothing at all is told too', async () => {
  const at = await waitWorld(['web', 'api']);
  expect(finishResult(await at.finish(smooth))).toMatchObject({
    exitCode: 0,
    headline: 'No deploy is unfinished',
  });
  await at.deploy(2, 'api');
  await at.deploy(2, 'web');
  await at.world.timing.sleep(13 * MINUTE);
  const result = finishResult(await at.finish(failing));
  expect(result).toMatchObject({ exitCode: 1, verdict: 'failed', headline: 'web failed in prod-2: crashes' });
  expect(result.rolledBackCommit).toBe(await at.gitops.head());
  // What runs there may be another image now: both are looked at.
  expect(result.waitedFor.toSorted((a, b) => a.apps.join().localeCompare(b.apps.join()))).toEqual([
    { apps: ['api'], environment: 'production' },
    { apps: ['web'], environment: 'production' },
  ]);
});
