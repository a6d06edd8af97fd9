import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, test } from 'vitest';
import { digest, gitopsFiles, image, releaseFile, startGitops } from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import { refused } from '../report/failure.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { formatImage } from './image-reference.ts';
import { type RollbackDeps, runRollback } from './rollback.ts';
import { rollbackJson, rollbackSummary, rollbackText } from './rollback-report.ts';
import { type RollbackTexts, rollbackRequest } from './rollback-request.ts';
import { readVerdicts } from './verdict.ts';

const RELEASE = 'apps/web/release.production.yaml';
const REPOSITORY = { owner: 'acme', name: 'gitops' };
const NOW = new Date('2026-11-21T09:00:00Z');

const disposables: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(disposables.splice(0).map((dispose) => dispose()));
});

/** v1 healthy, v2 healthy, v3 failed in prod-2. */
async function begin() {
  const setting = await startGitops(gitopsFiles());
  disposables.push(() => setting.github[Symbol.asyncDispose]());
  const repository = setting.github.repository('acme/gitops');
  const releases: string[] = [];
  for (const nth of [1, 2, 3]) {
    const text = releaseFile(`v${nth}`, `0${nth}`, setting.web[nth] ?? '', nth);
    releases.push(
      await repository.commit(
        { [RELEASE]: text.replace('09:00:00Z', `09:0${nth}:00Z`) },
        {
          message: `Deploy\n\nKajitori-App: web\nKajitori-Environment: production\nKajitori-Action: bump\n`,
        },
      ),
    );
  }
  for (const [nth, prod2] of ['success', 'success', 'failure'].entries()) {
    await repository.setStatus(releases[nth] ?? '', 'kajitori/web/prod-1', 'success');
    await repository.setStatus(releases[nth] ?? '', 'kajitori/web/prod-2', prod2 as 'success');
  }
  const reader = setting.github.createApp({
    slug: 'reader',
    permissions: { statuses: 'read', contents: 'read' },
  });
  reader.install('acme', ['gitops']);
  const client = (token: string) =>
    createGitHubClient({ apiUrl: setting.github.apiUrl, token, timing: virtualTiming() });
  const statuses = client(reader.token('acme'));
  const deps: RollbackDeps = {
    on: { kind: 'github', client: client(setting.token), target: { repository: REPOSITORY } },
    deployer: { kind: 'repository', repository: 'acme/web' },
    verdictsOf: (commits) => readVerdicts(statuses, REPOSITORY, commits),
    checkImages: undefined,
    timing: virtualTiming(),
    key: `test/${Math.random()}`,
  };
  return { ...setting, repository, releases, deps };
}

const inputs = (texts: Partial<RollbackTexts> = {}) =>
  rollbackRequest(
    {
      apps: 'web',
      environment: 'production',
      to: undefined,
      reason: 'orders fail',
      until: '4h',
      by: 'alice',
      run: 'https://github.com/acme/gitops/actions/runs/9',
      pullRequest: undefined,
      dryRun: false,
      ...texts,
    },
    NOW,
  );

describe('a rollback', () => {
  test('goes to the last release that was healthy in every cluster, by one signed commit with a hold', async () => {
    const { deps, repository, web } = await begin();
    const outputs = await runRollback(inputs(), deps);
    expect(outputs).toMatchObject({ changed: true, imagesChecked: false });
    const text = await repository.read(RELEASE);
    expect(text).toContain(`tag: v2 # the build's\n  digest: ${digest('02')}`);
    expect(text).toContain('rollback: true');
    expect(text).toContain(
      'hold:\n  reason: orders fail\n  by: alice\n  at: "2026-11-21T09:00:00Z"\n  until: "2026-11-21T13:00:00Z"\n',
    );
    const [commit] = await repository.commits();
    expect(commit).toMatchObject({ oid: outputs.commit?.oid, signed: true });
    const log = rollbackText(outputs, NOW, 'https://github.com');
    expect(log).toContain(`undoes: https://github.com/acme/web/compare/${web[2]}...${web[3]}`);
    expect(log).toContain('Not checked: whether the image still exists');
    expect(log).toContain('hold on web until 2026-11-21T13:00:00.000Z, by alice: orders fail');
    expect(rollbackSummary(outputs, NOW, 'https://github.com')).toContain('| `web` |');
    expect(rollbackJson(outputs)).toMatchObject({ changed: true, to: [{ app: 'web', verdict: 'healthy' }] });
  });

  test('as a pull request, asked for twice, it is one; another target takes its place', async () => {
    const { deps, repository } = await begin();
    const pull = { pullRequest: true } as const;
    const outputs = await runRollback(inputs(pull), deps);
    expect(outputs).toMatchObject({ changed: true, commit: undefined });
    const { pullRequest } = outputs;
    expect(await runRollback(inputs(pull), { ...deps, key: 'again' })).toMatchObject({
      changed: false,
      pullRequest,
    });
    const other = await runRollback(inputs({ ...pull, to: '1' }), { ...deps, key: 'other' });
    expect(other).toMatchObject({ changed: true, pullRequest });
    expect(repository.pullRequests()).toHaveLength(1);
    expect(await repository.read(RELEASE, 'kajitori/rollback/production/web')).toContain('tag: v1');
  });

  test('run twice, it goes back once', async () => {
    const { deps, repository } = await begin();
    await runRollback(inputs(), deps);
    const head = await repository.head();
    for (const to of ['last-healthy', 'previous']) {
      const again = await runRollback(inputs({ to }), { ...deps, key: 'again' });
      expect(again.changed).toBe(false);
      expect(rollbackText(again, NOW, '')).toContain('Nothing to do');
    }
    expect(await repository.head()).toBe(head);
  });

  test('a rollback that failed itself: further back', async () => {
    const { deps, repository } = await begin();
    await runRollback(inputs(), deps);
    await repository.setStatus(await repository.head(), 'kajitori/web/prod-1', 'failure');
    await runRollback(inputs(), { ...deps, key: 'again' });
    expect(await repository.read(RELEASE)).toContain('tag: v1 ');
  });

  test.each([
    ['the number of a build', () => '1', 'v1'],
    ['the beginning of a commit', (releases: readonly string[]) => `${releases[0]?.slice(0, 9)}`, 'v1'],
    ['the one before', () => 'previous', 'v2'],
  ])('or to %s', async (_name, to, tag) => {
    const { deps, repository, releases } = await begin();
    await runRollback(inputs({ to: to(releases) }), { ...deps, verdictsOf: undefined });
    expect(await repository.read(RELEASE)).toContain(`tag: ${tag} `);
  });

  test('a dry run shows all of it and writes nothing', async () => {
    const { deps, repository } = await begin();
    const head = await repository.head();
    const outputs = await runRollback(inputs({ dryRun: true }), deps);
    expect(rollbackText(outputs, NOW, '')).toContain('+  tag: v2');
    expect(await repository.head()).toBe(head);
  });

  test('as a pull request', async () => {
    const { deps, repository } = await begin();
    const head = await repository.head();
    const outputs = await runRollback(inputs({ pullRequest: true }), deps);
    expect(outputs.pullRequest).toBeDefined();
    expect(repository.pullRequests()).toHaveLength(1);
    expect(await repository.head()).toBe(head);
  });

  test('in a clone the file is edited, for the person to commit', async () => {
    const { deps, repository } = await begin();
    const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-rollback-'));
    disposables.push(() => rm(folder, { recursive: true }));
    await execa('git', ['clone', '--quiet', repository.gitDir, folder]);
    const copy = await openWorkingCopy(folder);
    const own = { ...deps, on: { kind: 'working-copy', copy }, deployer: { kind: 'own-right' } } as const;
    const outputs = await runRollback(inputs(), own);
    expect(rollbackText(outputs, NOW, '')).toContain('Edited this folder');
    expect(await copy.read(RELEASE)).toContain('tag: v2 ');
  });
});

describe('nothing is written', () => {
  const refusal = async (
    setting: Awaited<ReturnType<typeof begin>>,
    deps: Partial<RollbackDeps>,
    texts: Partial<RollbackTexts> = {},
  ) => {
    const head = await setting.repository.head();
    const failure = await runRollback(inputs(texts), { ...setting.deps, ...deps }).catch(
      (error: unknown) => error,
    );
    expect(await setting.repository.head()).toBe(head);
    return failure;
  };

  test('when an image is gone', async () => {
    const setting = await begin();
    const asked: string[] = [];
    const gone = refused('The image is gone.', { reason: 'image-missing' });
    const checkImages: RollbackDeps['checkImages'] = async (images) => {
      asked.push(...images.map(formatImage));
      throw gone;
    };
    expect(await refusal(setting, { checkImages })).toBe(gone);
    expect(asked).toEqual([image('v2', '02')]);
  });

  test('when somebody deploys in the meantime: what nobody looked at is not undone', async () => {
    const setting = await begin();
    const checkImages: RollbackDeps['checkImages'] = async () => {
      const text = (await setting.repository.read(RELEASE)) ?? '';
      await setting.repository.commit({ [RELEASE]: text.replace('v3', 'v4').replace('09:03', '09:04') });
    };
    const before = await setting.repository.head();
    const failure = await runRollback(inputs(), { ...setting.deps, checkImages }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ exitCode: 1, reason: 'moved-on' });
    const [newest, older] = await setting.repository.commits();
    expect(parseTrailers(newest?.message ?? '')).toEqual([]);
    expect(older?.oid).toBe(before);
  });

  test.each([
    ['no verdicts can be read', { verdictsOf: undefined }, {}, 'no-healthy-release', 2],
    ['none was healthy', { verdictsOf: async () => new Map() }, {}, 'no-healthy-release', 2],
    ['no such build', {}, { to: '77' }, 'no-release', 2],
    ['no such commit', {}, { to: 'abcdef1' }, 'no-release', 2],
    ['the app was never deployed there', {}, { environment: 'staging' }, 'no-release', 2],
    ['an unknown app', {}, { apps: 'weeb' }, 'unknown-app', 2],
    ['an unknown environment', {}, { environment: 'prod' }, 'unknown-environment', 2],
    [
      'a foreign repository asks',
      { deployer: { kind: 'repository', repository: 'acme/evil' } as const },
      {},
      'foreign-source',
      1,
    ],
  ])('when %s', async (_name, deps, texts, reason, exitCode) => {
    const setting = await begin();
    expect(await refusal(setting, deps, texts)).toMatchObject({ reason, exitCode });
  });

  test.each([
    ['a target that is none', { to: 'HEAD~1; rm -rf /' }, 'bad-target'],
    ['an end that is over', { until: '2026-11-21T08:00Z' }, 'bad-date'],
    ['an end that is years away', { until: '900d' }, 'bad-date'],
    ['no app', { apps: ' , ' }, 'no-app'],
    ['a path for an app', { apps: '../web' }, 'bad-app-name'],
  ])('for %s', (_name, texts, reason) => {
    expect(() => inputs(texts)).toThrowError(expect.objectContaining({ exitCode: 2, reason }));
  });
});
