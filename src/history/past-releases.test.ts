import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gitopsFiles, KAJITORI_YAML, releaseFile, startGitops } from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { createGitHubClient, type GitHubClient } from '../github/client.ts';
import { type RecordedVerdict, readVerdicts } from '../release/verdict.ts';
import { gitRevisions } from './git-revisions.ts';
import { gitHubRevisions } from './github-revisions.ts';
import { lastHealthy, type PastRelease, pastReleases } from './past-releases.ts';
import type { Revisions } from './revisions.ts';

const RELEASE = 'apps/web/release.production.yaml';
const REPOSITORY = { owner: 'acme', name: 'gitops' };
const config = parseKajitoriYaml(KAJITORI_YAML);

const message = (headline: string, action: string, more = ''): string =>
  `${headline}\n\nKajitori-App: billing\nKajitori-Environment: production\nKajitori-Action: bump\nKajitori-App: web\nKajitori-Environment: production\nKajitori-Run: https://github.com/acme/web/actions/runs/1\nKajitori-Action: ${action}\n${more}`;

/** v1, a comment, v2, a hold, a change elsewhere, v3 (bad), back to v2. */
async function startHistory() {
  const setting = await startGitops(gitopsFiles());
  const repository = setting.github.repository('acme/gitops');
  const [, c1 = '', c2 = '', c3 = ''] = setting.web;
  const at = (text: string, minute: number) => text.replace('09:00:00Z', `09:0${minute}:00Z`);
  const v1 = at(releaseFile('v1', '01', c1, 1), 1);
  const v2 = at(releaseFile('v2', '02', c2, 2), 2);
  const v3 = at(releaseFile('v3', '03', c3, 3), 3);
  const back = at(releaseFile('v2', '02', c2, 2), 4).replace('workflow', 'rollback: true, workflow');
  const commits = {
    first: await repository.commit({ [RELEASE]: v1 }, { message: message('Deploy', 'bump') }),
    comment: await repository.commit({ [RELEASE]: `# look here\n${v1}` }, { message: 'A comment' }),
    second: await repository.commit({ [RELEASE]: v2 }, { message: message('Deploy', 'bump') }),
    hold: await repository.commit({ [RELEASE]: `${v2}hold: { reason: sale }\n` }, { message: 'Hold' }),
    elsewhere: await repository.commit({ 'apps/web/values.yaml': 'web: { port: 1 }\n' }),
    third: await repository.commit(
      { [RELEASE]: v3 },
      { message: 'by hand', author: { name: 'mallory', email: 'm@example.com' } },
    ),
    back: await repository.commit(
      { [RELEASE]: back },
      { message: message('Roll back', 'rollback', 'Kajitori-By: alice\nKajitori-Reason: it crashes\n') },
    ),
  };
  const verdict = (commit: string, cluster: string, state: 'success' | 'failure') =>
    repository.setStatus(commit, `kajitori/web/${cluster}`, state);
  await verdict(commits.first, 'prod-1', 'success');
  await verdict(commits.first, 'prod-2', 'success');
  await verdict(commits.second, 'prod-1', 'success');
  await verdict(commits.third, 'prod-1', 'success');
  await verdict(commits.third, 'prod-2', 'failure');
  return { ...setting, repository, commits };
}

describe('the releases of an app, from git', () => {
  let setting: Awaited<ReturnType<typeof startHistory>>;
  let client: GitHubClient;
  let folder: string;
  const sources: Record<'GitHub' | 'a clone', () => Promise<Revisions>> = {
    GitHub: async () => gitHubRevisions(client, REPOSITORY, await setting.repository.head()),
    'a clone': async () => gitRevisions(folder),
  };
  beforeAll(async () => {
    setting = await startHistory();
    const app = setting.github.createApp({
      slug: 'reader',
      permissions: { contents: 'read', statuses: 'read' },
    });
    app.install('acme', ['gitops']);
    client = createGitHubClient({
      apiUrl: setting.github.apiUrl,
      token: app.token('acme'),
      timing: virtualTiming(),
    });
    folder = await mkdtemp(path.join(tmpdir(), 'kajitori-history-'));
    await execa('git', ['clone', '--quiet', setting.repository.gitDir, folder]);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await setting.github[Symbol.asyncDispose]();
  });

  test.each(['GitHub', 'a clone'] as const)(
    '%s: commits that changed what runs, newest first',
    async (name) => {
      const { commits } = setting;
      const past = await pastReleases(await sources[name](), config, 'web', 'production', { limit: 50 });
      expect(past).toMatchObject({ more: false, unreadable: [] });
      expect(
        past.releases.map(({ commit, action, release }) => [
          commit,
          action,
          release.images.get('')?.image.tag,
          release.images.get('')?.build?.build,
        ]),
      ).toEqual([
        [commits.back, 'rollback', 'v2', 2],
        [commits.third, 'edit', 'v3', 3],
        [commits.second, 'bump', 'v2', 2],
        [commits.first, 'bump', 'v1', 1],
      ]);
      expect(past.releases[0]).toMatchObject({
        by: 'alice',
        reason: 'it crashes',
        run: 'https://github.com/acme/web/actions/runs/1',
      });
      expect(past.releases[1]).toMatchObject({ by: 'mallory', reason: undefined });
    },
  );

  test('verdicts of all clusters together; the last healthy one is not the one that was rolled back', async () => {
    const past = await pastReleases(
      await sources.GitHub(),
      config,
      'web',
      'production',
      { limit: 50 },
      (commits) => readVerdicts(client, REPOSITORY, commits),
    );
    expect(past.releases.map(({ verdict }) => verdict)).toEqual(['none', 'failed', 'unknown', 'healthy']);
    expect(lastHealthy(past.releases)?.commit).toBe(setting.commits.first);
  });

  test.each(['GitHub', 'a clone'] as const)('%s: bounded, and says that there is more', async (name) => {
    const past = await pastReleases(await sources[name](), config, 'web', 'production', { limit: 3 });
    // The third commit set the hold: what it changed cannot be seen without the one before.
    expect(past).toMatchObject({ more: true });
    expect(past.releases.map(({ commit }) => commit)).toEqual([setting.commits.back, setting.commits.third]);
  });

  test('an app that was never deployed there has none', async () => {
    expect(await pastReleases(await sources.GitHub(), config, 'web', 'staging', { limit: 50 })).toEqual({
      releases: [],
      more: false,
      unreadable: [],
    });
  });

  test('a folder that is no repository: could not find out', async () => {
    await expect(
      pastReleases(gitRevisions(tmpdir()), config, 'web', 'production', { limit: 5 }),
    ).rejects.toMatchObject({ exitCode: 2, reason: 'no-history' });
  });

  test('a revision that nobody can read is reported, not taken for a release', async () => {
    const broken = await setting.repository.commit({ [RELEASE]: 'hold: please\n' }, { message: 'oops' });
    const past = await pastReleases(await sources.GitHub(), config, 'web', 'production', { limit: 50 });
    expect(past.unreadable).toMatchObject([{ commit: broken, why: expect.stringContaining('hold') }]);
    expect(past.releases).toHaveLength(4);
  });
});

describe('the last healthy release', () => {
  const release = (nth: number, tag: string, verdict: PastRelease['verdict']): PastRelease => ({
    app: 'web',
    environment: 'production',
    commit: String(nth).repeat(40),
    url: undefined,
    at: new Date(nth),
    by: 'alice',
    action: 'bump',
    reason: undefined,
    run: undefined,
    release: {
      images: new Map([
        [
          '',
          { name: '', image: { repository: 'r', tag, digest: undefined }, build: undefined, at: undefined },
        ],
      ]),
      rollback: false,
      hold: undefined,
    },
    verdict,
    verdicts: [] satisfies RecordedVerdict[],
  });

  test.each([
    [
      'the one before',
      [release(3, 'c', 'failed'), release(2, 'b', 'healthy'), release(1, 'a', 'healthy')],
      'b',
    ],
    [
      'not one that nobody judged',
      [release(3, 'c', 'failed'), release(2, 'b', 'none'), release(1, 'a', 'healthy')],
      'a',
    ],
    [
      'not what runs',
      [release(3, 'c', 'unknown'), release(2, 'c', 'healthy'), release(1, 'a', 'healthy')],
      'a',
    ],
    [
      'not what failed when it came a second time',
      [
        release(4, 'c', 'failed'),
        release(3, 'b', 'failed'),
        release(2, 'b', 'healthy'),
        release(1, 'a', 'healthy'),
      ],
      'a',
    ],
    ['none', [release(2, 'b', 'failed'), release(1, 'a', 'unknown')], undefined],
    ['none of nothing', [], undefined],
  ])('%s', (_name, releases, tag) => {
    expect(lastHealthy(releases)?.release.images.get('')?.image.tag).toBe(tag);
  });
});
