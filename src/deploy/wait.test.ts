import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { APP_YAML, KAJITORI_YAML, trailer } from '../../test/bump-world.ts';
import { brings, MINUTE, smooth, waitWorld } from '../../test/wait-world.ts';
import type { Lookout, Sight } from './lookout.ts';
import { waitExitCode, waitHeadline, waitRemedy, waitSummary, waitText, waitTodo } from './wait-report.ts';

const missing: Partial<Sight> = {
  state: 'failed',
  words: 'the image web:build-2 cannot be pulled',
  todo: 'Push the image, or deploy one that exists.',
};

/** Build 2 fails in prod-2; everything else gets healthy. */
const badBuild =
  (sight: Partial<Sight> = missing) =>
  (about: Parameters<typeof smooth>[0]) =>
    brings(about.awaited, 2) && about.awaited.cluster === 'prod-2' && about.age >= 5_000
      ? sight
      : smooth(about);

describe('a deploy that ends well', () => {
  test('is healthy when every cluster is, and that is recorded on its commit for each of them', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(smooth, { commit });
    expect(outputs).toMatchObject({ verdict: 'healthy', remedy: undefined, knownBefore: false });
    expect(at.verdicts(commit)).toEqual([
      'success runs this commit and is healthy',
      'success runs this commit and is healthy',
    ]);
    expect(at.gitops.statuses(commit).map(({ state }) => state)).toEqual([
      'pending',
      'pending',
      'success',
      'success',
    ]);
    expect(at.told).toEqual([
      'web-prod-1: waiting for pods',
      'web-prod-2: waiting for pods',
      'web-prod-1: healthy',
      'web-prod-2: healthy',
    ]);
    expect(waitExitCode(outputs)).toBe(0);
    expect(waitText(outputs)).toMatch(/^web is healthy in production: prod-1 and prod-2, after 10 s\n/);
  });

  test('is not asked about again once it is known', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.wait(smooth, { commit });
    const again = await at.wait(
      () => {
        throw new Error('somebody looked');
      },
      { commit },
    );
    expect(again).toMatchObject({ verdict: 'healthy', knownBefore: true });
  });

  test('is found without its commit: the newest one that deployed the app', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.gitops.commit({ 'apps/web/values.yaml': 'web: { scale: 2 }\n' }, { message: 'Scale' });
    const outputs = await at.wait(smooth, { apps: ['web'] });
    expect(outputs.commit.oid).toBe(commit);
  });

  test('a hold is no deploy: the commit before it is waited for', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.gitops.commit(
      { 'README.md': 'held' },
      {
        message: 'Hold web\n\nKajitori-App: web\nKajitori-Environment: production\nKajitori-Action: hold',
      },
    );
    const outputs = await at.wait(smooth, { apps: ['web'] });
    expect(outputs.commit.oid).toBe(commit);
  });

  test('says now and then that somebody waits, so that nobody takes the run for dead', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    await at.wait(({ age }) => (age < 10 * MINUTE ? { words: '3 of 8 pods ready' } : { state: 'done' }), {
      commit,
    });
    expect(at.gitops.statuses(commit).map(({ state, description }) => `${state} ${description}`)).toEqual([
      'pending waiting for Argo CD',
      'pending waiting for Argo CD',
      expect.stringMatching(/^pending \d\d:\d\d UTC: 3 of 8 pods ready$/),
      expect.stringMatching(/^pending \d\d:\d\d UTC: 3 of 8 pods ready$/),
      'success runs this commit and is healthy',
      'success runs this commit and is healthy',
    ]);
  });
});

describe('both or none: when one cluster fails', () => {
  test('one commit puts all clusters back, holds the app, and it is waited until they are healthy', async () => {
    const at = await waitWorld();
    const before = await at.release();
    const commit = await at.deploy(2);
    const outputs = await at.wait(badBuild(), { commit });

    expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
    const [undone, deployed, ...rest] = await at.gitops.commits();
    expect(deployed?.oid).toBe(commit);
    expect(rest).toHaveLength(1);
    expect(outputs.remedy).toMatchObject({ commit: undone?.oid });
    expect(trailer(undone?.message ?? '', 'Kajitori-Action')).toEqual(['rollback']);
    const restored = parse(await at.release());
    expect(restored.image).toEqual(parse(before).image);
    expect(restored.release).toMatchObject({ source: parse(before).release.source, rollback: true });
    expect(restored.hold.reason).toBe('deploy failed in prod-2: the image web:build-2 cannot be pulled');
    expect(outputs.back.map(({ outcome }) => outcome?.kind)).toEqual(['healthy', 'healthy']);

    expect(at.verdicts(commit)).toEqual([
      'error not judged: it failed in prod-2, and all clusters went back',
      'failure the image web:build-2 cannot be pulled',
    ]);
    expect(at.verdicts(undone?.oid ?? '')).toEqual([
      'success runs this commit and is healthy',
      'success runs this commit and is healthy',
    ]);
    expect(waitExitCode(outputs)).toBe(1);
  });

  test('the first line names the cause and what to do', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(badBuild(), { commit });
    const [line] = waitSummary(outputs).split('\n');
    expect(line).toContain('web failed in prod-2: the image web:build-2 cannot be pulled');
    expect(line).toContain('Push the image, or deploy one that exists.');
    expect(line).toContain('web is on hold in production');
    expect(waitRemedy(outputs)).toMatch(
      /^All clusters of production are back at the release before, by commit [0-9a-f]{8}, and healthy: prod-1 and prod-2\.$/,
    );
  });

  test('the next bump is refused, and says why', async () => {
    const at = await waitWorld();
    await at.wait(badBuild(), { commit: await at.deploy(2) });
    await expect(at.deploy(3)).rejects.toMatchObject({
      reason: 'hold',
      message: expect.stringContaining('deploy failed in prod-2: the image web:build-2 cannot be pulled'),
    });
  });

  test('also when it was healthy already in the other one', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(
      (about) =>
        brings(about.awaited, 2) && about.awaited.cluster === 'prod-2'
          ? about.age >= MINUTE
            ? missing
            : {}
          : smooth(about),
      { commit },
    );
    expect(at.verdicts(commit)).toEqual([
      'success runs this commit and is healthy',
      'failure the image web:build-2 cannot be pulled',
    ]);
    expect(outputs.remedy?.kind).toBe('written');
  });

  test('a deadline that passes is a failure; it runs from the moment that Argo CD knows the commit', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(
      (about) => {
        if (!brings(about.awaited, 2)) return smooth(about);
        return about.age < 10 * MINUTE
          ? { seen: false, words: 'Argo CD has not seen the commit yet' }
          : { words: 'the migration runs' };
      },
      { commit },
    );
    expect(waitHeadline(outputs)).toBe(
      'web failed in prod-1: not healthy within 15 minutes: the migration runs',
    );
    expect(outputs.endedAt.getTime() - outputs.startedAt.getTime()).toBeGreaterThanOrEqual(25 * MINUTE);
    expect(outputs.remedy?.kind).toBe('written');
  });

  test('what is late is looked at once more: what was seen last may be of a moment in which nothing was to be seen', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const lookout: Lookout = {
      look: async (awaited) =>
        awaited.map(() => ({ state: 'waiting', words: 'syncing', seen: true, blocked: false })),
      pause: (milliseconds) => at.world.timing.sleep(milliseconds),
      explain: async () => ({ words: 'The pod web-1 crashes (exit 1).' }),
      endOperation: async () => false,
      close: () => {},
    };
    const inputs = { commit, rollback: 'never' } as const;
    const outputs = await at.wait(smooth, inputs, { lookout: async () => lookout });
    expect(waitHeadline(outputs)).toBe(
      'web failed in prod-1: not healthy within 15 minutes: The pod web-1 crashes (exit 1).',
    );
  });

  test('an app has a deadline of its own, in its app.yaml: each of a commit by its own', async () => {
    const at = await waitWorld(['web', 'slow']);
    await at.gitops.commit({ 'apps/slow/app.yaml': `${APP_YAML}  deadline: 1h\n` });
    const commit = await at.deployTogether(2, ['web', 'slow']);
    const late = await at.wait(
      ({ awaited, age }) => smooth({ awaited, age: awaited.app === 'slow' ? age - 50 * MINUTE : age }),
      { commit },
    );
    expect(late.verdict).toBe('healthy');
    expect(late.endedAt.getTime() - late.startedAt.getTime()).toBeGreaterThanOrEqual(50 * MINUTE);
    const again = await at.deployTogether(3, ['web', 'slow']);
    const failed = await at.wait((about) => (brings(about.awaited, 3) ? {} : smooth(about)), {
      commit: again,
    });
    expect(waitHeadline(failed)).toMatch(/^web failed in prod-1: not healthy within 15 minutes/);
  });

  test('an operation that hangs is ended where it failed, at once; elsewhere when it had a minute to end', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const startedAt = at.world.timing.now();
    const times: number[] = [];
    const outputs = await at.wait(
      ({ awaited, age }) => {
        if (brings(awaited, 2)) {
          return awaited.cluster === 'prod-2' ? { state: 'failed', words: 'the migration failed' } : {};
        }
        times.push(at.world.timing.now() - startedAt);
        return at.ended.includes(awaited.application)
          ? smooth({ awaited, age })
          : { blocked: true, words: 'the operation of an older commit runs' };
      },
      { commit },
    );
    expect(at.ended).toEqual(['web-prod-2', 'web-prod-1']);
    expect(outputs.back.map(({ outcome }) => outcome?.kind)).toEqual(['healthy', 'healthy']);
    expect(at.told).toContain('web-prod-2: ended its operation, which hung');
  });

  test('an operation of an earlier deploy that hangs is ended, when it had half of the deadline', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(
      ({ awaited, age }) =>
        at.ended.includes(awaited.application) || awaited.cluster === 'prod-1'
          ? smooth({ awaited, age })
          : { blocked: true, words: 'the operation of an older commit runs' },
      { commit },
    );
    expect(at.ended).toEqual(['web-prod-2']);
    expect(outputs.verdict).toBe('healthy');
  });

  test('a cluster that does not come back is told, and nothing else is undone', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(
      ({ awaited }) =>
        awaited.cluster === 'prod-2' ? { state: 'failed', words: 'crashes' } : { state: 'done' },
      { commit },
    );
    expect(await at.gitops.commits()).toHaveLength(3);
    expect(waitRemedy(outputs)).toContain('but not all of them are healthy: web-prod-2 (crashes)');
    expect(waitTodo(outputs)).toContain('Look at web-prod-2 in Argo CD now');
    expect(at.verdicts(outputs.remedy?.kind === 'written' ? outputs.remedy.commit : '')).toEqual([
      'success runs this commit and is healthy',
      'failure crashes',
    ]);
  });

  test('they go back to what was healthy, not to what was replaced before that was known', async () => {
    const at = await waitWorld();
    await at.wait(smooth, { commit: await at.deploy(2) });
    await at.deploy(3);
    const commit = await at.deploy(4);
    const outputs = await at.wait(
      (about) => (brings(about.awaited, 4) ? { state: 'failed', words: 'crashes' } : smooth(about)),
      { commit },
    );
    expect(outputs.remedy).toMatchObject({ kind: 'written' });
    expect(parse(await at.release()).image.tag).toBe('build-2');
  });

  test('apps that were deployed together go back together', async () => {
    const at = await waitWorld(['web', 'api']);
    const commit = await at.deployTogether(2, ['web', 'api']);
    await at.wait(badBuild(), { commit, apps: ['web'] });
    expect(await at.release('web')).toContain('build-1');
    expect(await at.release('api')).toContain('build-1');
    expect(await at.gitops.commits()).toHaveLength(3);
  });

  test('rollback: never leaves it as it is, and says so', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(badBuild(), { commit, rollback: 'never' });
    expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'never' }, back: [] });
    expect(await at.gitops.head()).toBe(commit);
    expect(waitRemedy(outputs)).toContain('rollback: never');
  });

  test('where deploys are pull requests, putting back is one too', async () => {
    const at = await waitWorld(
      ['web'],
      KAJITORI_YAML.replace('clusters: [prod-1, prod-2]', 'clusters: [prod-1, prod-2], via: pull-request'),
    );
    const commit = await at.deployTogether(2, ['web']);
    const outputs = await at.wait(badBuild(), { commit });
    expect(outputs.remedy).toMatchObject({ kind: 'proposed' });
    expect(waitTodo(outputs)).toMatch(/^Merge http\S+\/pull\/\d+ now\./);
    expect(await at.gitops.head()).toBe(commit);
  });

  test('and takes the place of one that a later deploy has made impossible to merge', async () => {
    const at = await waitWorld(
      ['web'],
      KAJITORI_YAML.replace('clusters: [prod-1, prod-2]', 'clusters: [prod-1, prod-2], via: pull-request'),
    );
    const failing = (about: Parameters<typeof smooth>[0]) => ({ ...smooth(about), ...missing });
    await at.wait(failing, { commit: await at.deployTogether(2, ['web']) });
    const later = await at.deployTogether(3, ['web']);
    const outputs = await at.wait(failing, { commit: later });
    expect(outputs.remedy).toMatchObject({ kind: 'proposed', pullRequest: { number: 1 } });
    const [proposed] = await at.gitops.commits('kajitori/undo/production/web');
    expect(trailer(proposed?.message ?? '', 'Kajitori-Key')).toEqual([`undo/production/${later}`]);
  });
});

describe('what is not ours is never undone', () => {
  test('a newer deploy: ours is superseded, not failed, and that one decides', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    let newer = '';
    at.meanwhile = async () => {
      at.meanwhile = undefined;
      newer = await at.deploy(3);
    };
    const outputs = await at.wait(badBuild(), { commit });
    expect(outputs).toMatchObject({ verdict: 'superseded', remedy: undefined });
    expect(await at.gitops.head()).toBe(newer);
    expect(at.verdicts(commit)[1]).toBe(
      `error not judged: deployed again by acme/web@${at.world.commits[3]}`,
    );
    expect(waitExitCode(outputs)).toBe(0);
  });

  test('a newer deploy that comes between the failure and our commit', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    let newer = '';
    const late = at.world.github.inject({
      match: ({ operation }) => operation === 'Commit',
      kind: 'status',
      status: 502,
      times: 1,
    });
    const { timing } = at.world;
    const outputs = await at.wait(
      badBuild(),
      { commit },
      {
        timing: {
          ...timing,
          // While our write is being repeated, somebody else deploys.
          sleep: async (milliseconds) => {
            if (late.struck > 0 && newer === '') newer = await at.deploy(3);
            await timing.sleep(milliseconds);
          },
        },
      },
    );
    expect(outputs).toMatchObject({ verdict: 'superseded', remedy: { kind: 'superseded' } });
    expect(await at.gitops.head()).toBe(newer);
  });

  test("a person's change is waited for in the apps that its files reach", async () => {
    const at = await waitWorld(['web', 'api']);
    const values = Object.fromEntries(
      Array.from({ length: 40 }, (_, nth) => [`apps/web/extra/${nth}.yaml`, '']),
    );
    const one = await at.gitops.commit({ 'README.md': 'x', ...values }, { message: 'Values' });
    expect(
      (await at.wait(smooth, { commit: one })).applications.map(({ application }) => application),
    ).toEqual(['web-prod-1', 'web-prod-2']);
    const all = await at.gitops.commit({ 'charts/app/Chart.yaml': 'x' }, { message: 'Chart' });
    expect(
      (await at.wait(smooth, { commit: all })).applications.map(({ application }) => application),
    ).toEqual(['api-prod-1', 'api-prod-2', 'web-prod-1', 'web-prod-2']);
    const none = await at.gitops.commit({ 'README.md': 'y' }, { message: 'Words' });
    const nothing = await at.wait(smooth, { commit: none });
    expect(nothing).toMatchObject({ verdict: 'healthy', applications: [] });
    expect(waitHeadline(nothing)).toContain('there is nothing to wait for');
  });

  test("a person's change of values is told, not reverted", async () => {
    const at = await waitWorld();
    const commit = await at.gitops.commit(
      { 'apps/web/values.yaml': 'web: { port: 1 }\n' },
      { message: 'Port' },
    );
    const outputs = await at.wait(() => missing, { commit, apps: ['web'] });
    expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'not-a-deploy' } });
    expect(await at.gitops.head()).toBe(commit);
    expect(waitTodo(outputs)).toContain(`revert commit ${commit.slice(0, 8)}`);
  });

  test('a rollback that fails: going back again would bring what failed before', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(badBuild(), { commit });
    const undone = outputs.remedy?.kind === 'written' ? outputs.remedy.commit : '';
    const second = await at.wait(() => missing, { commit: undone, apps: ['web'] });
    // It was found healthy at first; somebody asks again after it broke.
    expect(second).toMatchObject({ knownBefore: true });
    expect(await at.gitops.head()).toBe(undone);
  });

  test("an app's first deploy stays, without a hold: nothing ran before", async () => {
    const at = await waitWorld();
    await at.gitops.commit({ 'apps/new/app.yaml': 'app:\n  team: shop\n  sources: [acme/web]\n' });
    const commit = await at.deploy(2, 'new');
    const outputs = await at.wait(() => missing, { commit });
    expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'nothing-earlier' } });
    expect(await at.gitops.head()).toBe(commit);
    expect(at.ended).toEqual(['new-prod-1', 'new-prod-2']);
    expect(waitRemedy(outputs)).toContain('there is nothing to go back to');
  });

  test('of a repository that may not deploy the app, nothing is waited for and nothing written', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const evil = { deployer: { kind: 'repository', repository: 'acme/evil' } } as const;
    await expect(at.wait(() => missing, { commit }, evil)).rejects.toMatchObject({
      exitCode: 1,
      reason: 'foreign-source',
    });
    expect(at.verdicts(commit)).toEqual(['none', 'none']);
    expect(await at.gitops.head()).toBe(commit);
  });
});

test('a commit of another branch says nothing: nobody reviewed who may deploy there, and what it goes back to', async () => {
  const at = await waitWorld();
  await at.deploy(2);
  const forged = await at.gitops.commit(
    { 'apps/web/app.yaml': 'app:\n  team: shop\n  sources: [acme/evil]\n' },
    {
      message: 'Forged\n\nKajitori-App: web\nKajitori-Environment: production\nKajitori-Action: bump',
      branch: 'evil',
    },
  );
  const evil = { deployer: { kind: 'repository', repository: 'acme/evil' } } as const;
  await expect(at.wait(() => missing, { commit: forged }, evil)).rejects.toMatchObject({
    exitCode: 1,
    reason: 'foreign-commit',
  });
  expect(at.verdicts(forged)).toEqual(['none', 'none']);
});

test('a commit that is older than the newest hundred is found all the same', async () => {
  const at = await waitWorld();
  const commit = await at.deploy(2);
  for (let nth = 0; nth < 101; nth++)
    await at.gitops.commit({ 'README.md': String(nth) }, { message: 'Later' });
  expect(await at.wait(smooth, { commit })).toMatchObject({ verdict: 'healthy' });
});

describe('"could not find out" is not "failed"', () => {
  test('an Argo CD that does not answer: nothing is put back, exit code 2', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(
      ({ awaited }) =>
        awaited.cluster === 'prod-2'
          ? { state: 'unknown', seen: false, words: 'Argo CD does not answer' }
          : { state: 'done' },
      { commit },
    );
    expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
    expect(waitExitCode(outputs)).toBe(2);
    expect(await at.gitops.head()).toBe(commit);
    expect(at.verdicts(commit)).toEqual([
      'success runs this commit and is healthy',
      'error could not find out: Argo CD does not answer',
    ]);
  });

  test('an outage in the middle is waited out', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(
      (about) =>
        about.age > MINUTE && about.age < 8 * MINUTE
          ? { state: 'unknown', seen: false, words: 'Argo CD does not answer' }
          : about.age <= MINUTE
            ? {}
            : { state: 'done' },
      { commit },
    );
    expect(outputs.verdict).toBe('healthy');
  });

  test('a commit that Argo CD never sees', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    const outputs = await at.wait(() => ({ seen: false, words: 'it still compares an older commit' }), {
      commit,
    });
    expect(waitHeadline(outputs)).toBe(
      'Could not find out whether web is healthy in prod-1: Argo CD did not see the commit within 20 minutes: it still compares an older commit',
    );
    expect(await at.gitops.head()).toBe(commit);
  });

  test('GitHub does not answer for a while: it is waited, and one commit is written', async () => {
    const at = await waitWorld();
    const commit = await at.deploy(2);
    for (const operation of ['Commit', 'POST /repos/{owner}/{repo}/statuses/{sha}', 'Snapshot']) {
      at.world.github.inject({
        match: (request) => request.operation === operation,
        kind: 'lost-response',
        times: 2,
      });
    }
    const outputs = await at.wait(badBuild(), { commit });
    expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
    expect(await at.gitops.commits()).toHaveLength(3);
    expect(at.verdicts(commit)[1]).toBe('failure the image web:build-2 cannot be pulled');
  });
});
