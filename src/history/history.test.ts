import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gitopsFiles, releaseFile, startGitops } from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import { readVerdicts } from '../release/verdict.ts';
import { type HistoryDeps, runHistory } from './history.ts';
import { historyJson, historyMarkdown, historyText } from './history-report.ts';
import { readSourceTimes } from './source-times.ts';

const REPOSITORY = { owner: 'acme', name: 'gitops' };
const DAY = 86_400_000;

describe('kajitori history', () => {
  let setting: Awaited<ReturnType<typeof startGitops>>;
  let deps: HistoryDeps;
  const now = () => new Date(Date.now() + 1000);
  const inputs = (more: object = {}) => ({
    app: undefined,
    team: undefined,
    environment: undefined,
    since: new Date(Date.now() - 30 * DAY),
    now: now(),
    ...more,
  });

  beforeAll(async () => {
    setting = await startGitops(gitopsFiles());
    const repository = setting.github.repository('acme/gitops');
    const deploy = async (app: string, nth: number, action: string, prod2: 'success' | 'failure') => {
      const commit = await repository.commit(
        {
          [`apps/${app}/release.production.yaml`]: releaseFile(
            `v${nth}`,
            `0${nth}`,
            setting.web[nth] ?? '',
            nth,
          ).replace('T09:00', `T0${nth}:00`),
        },
        {
          message: `x\n\nKajitori-App: ${app}\nKajitori-Environment: production\nKajitori-Action: ${action}\nKajitori-Reason: <b>a</b> | @acme/all\n`,
          author: { name: 'mallory |', email: 'm@example.com' },
        },
      );
      await repository.setStatus(commit, `kajitori/${app}/prod-1`, 'success');
      await repository.setStatus(commit, `kajitori/${app}/prod-2`, prod2);
    };
    await deploy('web', 1, 'bump', 'success');
    await deploy('web', 2, 'bump', 'failure');
    await deploy('web', 1, 'rollback', 'success');
    await deploy('billing', 3, 'promote', 'success');
    const app = setting.github.createApp({
      slug: 'reader',
      permissions: { contents: 'read', statuses: 'read' },
    });
    app.install('acme');
    const client = createGitHubClient({
      apiUrl: setting.github.apiUrl,
      token: app.token('acme'),
      timing: virtualTiming(),
    });
    deps = {
      on: { kind: 'github', client, target: { repository: REPOSITORY } },
      verdictsOf: (commits) => readVerdicts(client, REPOSITORY, commits),
      sourceTimesOf: (sources) => readSourceTimes(client, sources),
    };
  });
  afterAll(() => setting.github[Symbol.asyncDispose]());

  test('per app, per team and for all, from git and verdicts', async () => {
    const history = await runHistory(inputs(), deps);
    expect(historyJson(history)).toMatchObject({
      environment: 'production',
      all: { deploys: 3, rollbacks: 1, failed: 1, failureRate: 1 / 3, openIncidents: 0, unjudged: 0 },
      teams: [
        { team: 'shop', deploys: 2, failureRate: 0.5 },
        { team: 'money', deploys: 1, failureRate: 0 },
      ],
      apps: [
        { app: 'web', releases: [{ action: 'rollback' }, { action: 'bump' }, { action: 'bump' }] },
        { app: 'billing' },
      ],
      notes: [],
    });
    expect(history.all.leadTimesFromRelease).toBe(0);
    expect(historyText(history)).toMatch(/^web +2 .*50 %/m);
  });

  test('a job summary with a table and a picture, in which nothing that people write has a meaning', async () => {
    const markdown = historyMarkdown(await runHistory(inputs({ app: 'web' }), deps));
    expect(markdown).toContain('| `web` | 2 |');
    expect(markdown).toContain('```mermaid\nxychart-beta\n');
    expect(markdown).toMatch(/^ {2}bar \[0, 0, 0, 0, 2\]$/m);
    expect(markdown).toMatch(/^ {2}line \[0, 0, 0, 0, 1\]$/m);
    expect(markdown).not.toContain('<b>');
    expect(markdown).toContain('mallory &#124;: &#60;b&#62;a&#60;/b&#62; &#124; @\u200bacme/all');
  });

  test('what could not be read is said', async () => {
    const history = await runHistory(inputs(), { ...deps, verdictsOf: undefined, sourceTimesOf: undefined });
    expect(history.notes).toEqual([expect.stringContaining('Verdicts were not read')]);
    const { all } = historyJson(history) as { all: Record<string, unknown> };
    expect(all).toMatchObject({ deploys: 3, unjudged: 2, failed: 1 });
    // One was rolled back; that the others were well is not known, so "all of them failed" would be a lie.
    expect(all.failureRate).toBeUndefined();
    expect(historyText(history)).not.toContain('100 %');
  });

  test('without the right to read the source, lead times count from the release', async () => {
    const token = setting.github.actionsToken('acme/gitops', { contents: 'read', statuses: 'read' });
    const client = createGitHubClient({ apiUrl: setting.github.apiUrl, token, timing: virtualTiming() });
    const history = await runHistory(inputs(), {
      ...deps,
      sourceTimesOf: (sources) => readSourceTimes(client, sources),
    });
    expect(history.notes).toEqual([expect.stringContaining('are counted from the release')]);
  });

  test.each([
    ['a team', { team: 'money' }, ['billing']],
    ['an app', { app: 'web' }, ['web']],
    ['another environment', { environment: 'staging' }, []],
    ['the time since', { since: new Date(Date.now() + DAY) }, []],
  ])('only %s', async (_name, more, apps) => {
    const history = await runHistory(inputs(more), deps);
    expect(history.apps.map(({ app }) => app)).toEqual(apps);
    expect(historyMarkdown(history)).toContain(apps.length === 0 ? 'No deploys.' : 'xychart');
  });

  test.each([
    ['an unknown app', { app: 'weeb' }, 'unknown-app', 'Did you mean "web"'],
    ['an unknown team', { team: 'sop' }, 'unknown-team', 'Did you mean "shop"'],
    ['an unknown environment', { environment: 'prod' }, 'unknown-environment', 'production'],
  ])('%s', async (_name, more, reason, words) => {
    const failure = await runHistory(inputs(more), deps).catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason, exitCode: 2 });
    expect(String(failure)).toContain(words);
  });
});
