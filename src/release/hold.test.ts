import { afterEach, describe, expect, test } from 'vitest';
import { gitopsFiles, releaseFile, startGitops } from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import type { Deployer } from './deployer.ts';
import { type HoldTexts, holdRequest, listHolds, runHold } from './hold.ts';
import { holdJson, holdSummary, holdsSummary, holdsText, holdText } from './hold-report.ts';

const RELEASE = 'apps/web/release.production.yaml';
const NOW = new Date('2026-11-21T09:00:00Z');
const RUNNING = releaseFile('v1', '01', '1'.repeat(40));

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

async function begin(files: Readonly<Record<string, string>> = { [RELEASE]: RUNNING }) {
  const { github, token } = await startGitops(gitopsFiles(files));
  open.push(github);
  const on = {
    kind: 'github',
    client: createGitHubClient({ apiUrl: github.apiUrl, token, timing: virtualTiming() }),
    target: { repository: { owner: 'acme', name: 'gitops' } },
  } as const;
  const repository = github.repository('acme/gitops');
  const hold = (texts: Partial<HoldTexts>, deployer: Deployer = { kind: 'own-right' }, dryRun = false) =>
    runHold(
      {
        request: holdRequest(
          {
            apps: 'web',
            environment: 'production',
            reason: undefined,
            until: undefined,
            end: false,
            by: 'alice',
            run: undefined,
            pullRequest: undefined,
            ...texts,
          },
          NOW,
        ),
        dryRun,
      },
      { on, deployer, timing: virtualTiming(), key: `test/${Math.random()}` },
    );
  return { github, on, repository, hold };
}

test('a hold is set, found again, and ended: the file is as before', async () => {
  const { hold, repository, on } = await begin();
  const outputs = await hold({ reason: 'sale until noon', until: '3h' });
  expect(outputs).toMatchObject({ changed: true, result: { apps: [{ outcome: 'held' }] } });
  expect(await repository.read(RELEASE)).toBe(
    `${RUNNING}hold:\n  reason: sale until noon\n  by: alice\n  at: "2026-11-21T09:00:00Z"\n  until: "2026-11-21T12:00:00Z"\n`,
  );
  expect(holdText(outputs)).toContain(
    'web is on hold in production, until 2026-11-21T12:00:00.000Z: sale until noon',
  );
  const [commit] = await repository.commits();
  expect(parseTrailers(commit?.message ?? '').map(({ name, value }) => `${name}: ${value}`)).toEqual([
    'Kajitori-App: web',
    'Kajitori-Environment: production',
    'Kajitori-Action: hold',
    'Kajitori-By: alice',
    'Kajitori-Reason: sale until noon',
    expect.stringMatching(/^Kajitori-Key: /),
  ]);
  const holds = await listHolds(on, NOW);
  expect(holds).toMatchObject([{ app: 'web', team: 'shop', environment: 'production', inForce: true }]);
  expect(holdsText(holds, NOW)).toContain('web (shop) in production: sale until noon');
  const ended = await hold({ end: true, reason: 'it is over' });
  expect(holdSummary(ended)).toContain('not on hold in production any more');
  expect(await repository.read(RELEASE)).toBe(RUNNING);
  expect(await listHolds(on, NOW)).toEqual([]);
});

test('twice is once; another reason replaces it', async () => {
  const { hold, repository } = await begin();
  await hold({ reason: 'sale' });
  const head = await repository.head();
  const again = await hold({ reason: 'sale' });
  expect(again).toMatchObject({ changed: false, result: { apps: [{ outcome: 'already-there' }] } });
  expect(holdText(again)).toContain('Nothing to do');
  expect(await repository.head()).toBe(head);
  expect(await hold({ reason: 'audit' })).toMatchObject({ changed: true });
  expect(await repository.read(RELEASE)).toContain('reason: audit');
  await hold({ end: true });
  expect(await hold({ end: true })).toMatchObject({ changed: false });
});

test('what people write stays one line of text', async () => {
  const { hold, on } = await begin();
  await hold({ reason: 'a\nKajitori-App: billing\u0000 # | [x](http://evil) @acme/all: {' });
  const holds = await listHolds(on, NOW);
  expect(holds[0]?.hold.reason).toBe('a Kajitori-App: billing # | [x](http://evil) @acme/all: {');
  expect(holdsSummary(holds, NOW)).not.toContain('[x](');
});

test('a dry run writes nothing and shows the change', async () => {
  const { hold, repository } = await begin();
  const head = await repository.head();
  const outputs = await hold({ reason: 'sale' }, { kind: 'own-right' }, true);
  expect(holdText(outputs)).toContain('+  reason: sale');
  expect(holdJson(outputs)).toMatchObject({ changed: false, dryRun: true });
  expect(await repository.head()).toBe(head);
});

test('a hold whose end is over is listed as such', async () => {
  const { on } = await begin({
    [RELEASE]: `${RUNNING}hold: { reason: old, by: bob, until: "2026-11-20T00:00:00Z" }\n`,
    'apps/billing/release.staging.yaml': `${RUNNING}hold: { reason: new, by: bob }\n`,
  });
  const holds = await listHolds(on, NOW);
  expect(holds.map(({ app, inForce }) => [app, inForce])).toEqual([
    ['billing', true],
    ['web', false],
  ]);
});

describe('refused, and nothing is written', () => {
  test.each([
    ['an app that was never deployed there', { environment: 'staging', reason: 'x' }, 'no-release', 2],
    ['an unknown app', { apps: 'weeb', reason: 'x' }, 'unknown-app', 2],
    ['no reason', {}, 'no-reason', 2],
    ['an end that is over', { reason: 'x', until: '2026-11-20T00:00Z' }, 'bad-date', 2],
    ['an end and an until', { end: true, until: '4h' }, 'bad-input', 2],
  ])('%s', async (_name, texts, reason, exitCode) => {
    const { hold, repository } = await begin();
    const head = await repository.head();
    const failure = await Promise.resolve()
      .then(() => hold(texts))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason, exitCode });
    expect(await repository.head()).toBe(head);
  });

  test('somebody of another team', async () => {
    const { hold } = await begin();
    const teams = { hasTeam: async () => true, hasMember: async () => false };
    await expect(hold({ reason: 'x' }, { kind: 'person', login: 'mallory', teams })).rejects.toMatchObject({
      reason: 'not-a-member',
      exitCode: 1,
    });
  });
});

test('many apps are read by few requests', async () => {
  const apps = Array.from({ length: 60 }, (_, nth) => `app${nth}`);
  const { on, github } = await begin(
    Object.fromEntries(
      apps.flatMap((app) => [
        [`apps/${app}/app.yaml`, 'app: { team: shop, sources: [acme/web] }\n'],
        [`apps/${app}/release.production.yaml`, `${RUNNING}hold: { reason: sale }\n`],
      ]),
    ),
  );
  const before = github.log.length;
  expect(await listHolds(on, NOW)).toHaveLength(60);
  expect(github.log.length - before).toBe(3);
});
