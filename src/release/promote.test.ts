import { afterEach, describe, expect, test } from 'vitest';
import {
  digest,
  gitopsFiles,
  image,
  KAJITORI_YAML,
  REGISTRY,
  releaseFile,
  startGitops,
} from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { readChecks } from '../github/checks.ts';
import { createGitHubClient } from '../github/client.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import { formatImage } from './image-reference.ts';
import { type PromoteDeps, promoteDue, runPromote } from './promote.ts';
import { dueSummary, dueText, promoteJson, promoteSummary, promoteText } from './promote-report.ts';
import { type PromoteTexts, promoteRequest } from './promote-request.ts';
import { gitHubSourceHistory } from './source-history.ts';
import { readVerdicts } from './verdict.ts';

const STAGING = 'apps/web/release.staging.yaml';
const PRODUCTION = 'apps/web/release.production.yaml';
const REPOSITORY = { owner: 'acme', name: 'gitops' };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

const gated = (gates: string): string =>
  KAJITORI_YAML.replace('promoteFrom: staging', `promoteFrom: staging\n    promote: ${gates}`);

interface Setting {
  readonly gates?: string;
  /** Of acme/web's line of commits, what runs in staging and in production. */
  readonly staging?: number;
  readonly production?: number;
  readonly verdict?: 'success' | 'failure' | 'pending';
  /** Minutes since the verdict. */
  readonly soaked?: number;
  readonly files?: Readonly<Record<string, string>>;
}

/** Staging runs v2, healthy; production runs v1. */
async function begin({
  gates = '{}',
  staging = 2,
  production = 1,
  verdict = 'success',
  soaked = 60,
  files = {},
}: Setting = {}) {
  const setting = await startGitops(gitopsFiles({ 'kajitori.yaml': gated(gates), ...files }));
  open.push(setting.github);
  const repository = setting.github.repository('acme/gitops');
  const release = (nth: number) => releaseFile(`v${nth}`, `0${nth}`, setting.web[nth] ?? '', nth);
  if (production > 0) {
    await repository.commit({ [PRODUCTION]: release(production) });
  }
  const deployed = await repository.commit({ [STAGING]: release(staging) });
  await repository.setStatus(deployed, 'kajitori/web/stg-1', verdict);
  const { createdAt } = { createdAt: repository.statuses(deployed)[0]?.at ?? new Date() };
  const timing = virtualTiming(createdAt.getTime() + soaked * 60_000);
  const reader = setting.github.createApp({
    slug: 'reader',
    permissions: { statuses: 'read', contents: 'read', checks: 'read' },
  });
  reader.install('acme');
  const client = (token: string) => createGitHubClient({ apiUrl: setting.github.apiUrl, token, timing });
  const readAll = client(reader.token('acme'));
  const deps: PromoteDeps = {
    on: { kind: 'github', client: client(setting.token), target: { repository: REPOSITORY } },
    deployer: { kind: 'own-right' },
    verdictsOf: (commits) => readVerdicts(readAll, REPOSITORY, commits),
    historyOf: (source) => gitHubSourceHistory(readAll, source),
    checksOf: (source, names) =>
      readChecks(readAll, parseRepositoryName(source.repository), source.commit, names),
    checkImages: undefined,
    copyImage: undefined,
    timing,
    key: `test/${Math.random()}`,
  };
  return { ...setting, repository, deps };
}

const inputs = (texts: Partial<PromoteTexts> = {}) =>
  promoteRequest({
    apps: 'web',
    to: 'production',
    force: false,
    override: undefined,
    reason: undefined,
    by: 'alice',
    run: undefined,
    pullRequest: undefined,
    dryRun: false,
    ...texts,
  });

async function refusal(
  { repository, deps }: Awaited<ReturnType<typeof begin>>,
  texts: Partial<PromoteTexts> = {},
  more: Partial<PromoteDeps> = {},
): Promise<unknown> {
  const head = await repository.head();
  const failure = await runPromote(inputs(texts), { ...deps, ...more }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(await repository.head(), 'nothing is written').toBe(head);
  return failure;
}

describe('a promotion', () => {
  test('copies image, digest and build to every cluster of the next environment, in one signed commit', async () => {
    const { deps, repository, web } = await begin();
    const outputs = await runPromote(inputs(), deps);
    expect(outputs).toMatchObject({
      changed: true,
      result: { from: 'staging', environment: 'production', clusters: ['prod-1', 'prod-2'] },
    });
    const text = await repository.read(PRODUCTION);
    expect(text).toContain(`tag: v2 # the build's\n  digest: ${digest('02')}`);
    expect(text).toContain(`source: acme/web@${web[2]}, build: 2, workflow: deploy.yml`);
    const [commit] = await repository.commits();
    expect(commit).toMatchObject({ oid: outputs.commit?.oid, signed: true });
    expect(commit?.message.split('\n')[0]).toBe('Promote web v2 from staging to production');
    expect(parseTrailers(commit?.message ?? '').map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Kajitori-App: web',
      'Kajitori-Environment: production',
      `Kajitori-Source: acme/web@${web[2]}`,
      'Kajitori-Build: 2',
      'Kajitori-Action: promote',
      'Kajitori-By: alice',
      expect.stringMatching(/^Kajitori-Key: /),
    ]);
    expect(promoteText(outputs)).toContain('✅ web: healthy in every cluster of staging (stg-1)');
    expect(promoteSummary(outputs)).toContain('| `web` |');
    expect(promoteJson(outputs)).toMatchObject({ changed: true, from: 'staging' });
    const again = await runPromote(inputs(), { ...deps, key: 'again' });
    expect(again).toMatchObject({ changed: false, result: { images: [{ outcome: 'already-there' }] } });
    expect(promoteText(again)).toContain('Nothing to do');
  });

  test('an older build never replaces a newer one', async () => {
    const { deps, repository } = await begin({ staging: 1, production: 3 });
    const head = await repository.head();
    expect(await runPromote(inputs(), deps)).toMatchObject({
      changed: false,
      result: { images: [{ outcome: 'older' }] },
    });
    expect(await repository.head()).toBe(head);
  });

  test('a first release in the next environment, as a pull request, and as a dry run', async () => {
    const { deps, repository } = await begin({ production: 0 });
    const shown = await runPromote(inputs({ dryRun: true }), deps);
    expect(promoteText(shown)).toContain('+  tag: v2');
    expect(repository.pullRequests()).toEqual([]);
    const outputs = await runPromote(inputs({ pullRequest: true }), deps);
    expect(outputs.pullRequest?.number).toBe(repository.pullRequests()[0]?.number);
    expect(await repository.read(PRODUCTION)).toBeUndefined();
  });

  test('an end of a rollback: the mark does not stay, and is not copied', async () => {
    const { deps, repository } = await begin();
    const rolledBack = async (file: string) =>
      ((await repository.read(file)) ?? '').replace('release: {', 'release: { rollback: true,');
    const head = await repository.commit({
      [PRODUCTION]: await rolledBack(PRODUCTION),
      [STAGING]: await rolledBack(STAGING),
    });
    await repository.setStatus(head, 'kajitori/web/stg-1', 'success');
    await runPromote(inputs(), deps);
    expect(await repository.read(PRODUCTION)).not.toContain('rollback');
  });

  test('two apps are one set: one refused, none promoted', async () => {
    const setting = await begin({
      files: {
        'apps/billing/release.production.yaml': 'hold: { reason: audit, by: bob }\n',
      },
    });
    const { repository, web } = setting;
    const text = releaseFile('v2', '02', web[2] ?? '', 2);
    const head = await repository.commit({ 'apps/billing/release.staging.yaml': text });
    await repository.setStatus(head, 'kajitori/billing/stg-1', 'success');
    expect(await refusal(setting, { apps: 'web,billing' })).toMatchObject({ reason: 'hold', exitCode: 1 });
    const outputs = await runPromote(
      inputs({ apps: 'web,billing', override: 'hold', reason: 'agreed with audit' }),
      setting.deps,
    );
    expect([...outputs.edits.keys()]).toEqual([PRODUCTION, 'apps/billing/release.production.yaml']);
    const [commit] = await repository.commits();
    expect(commit?.message).toContain('Kajitori-Reason: hold overridden: agreed with audit');
  });
});

describe('gates: what is not known to have passed is not promoted', () => {
  test.each<[string, Setting, string, number, string]>([
    ['it failed there', { verdict: 'failure' }, 'gates', 1, 'it failed in staging'],
    ['it is not judged yet', { verdict: 'pending' }, 'gates', 1, 'not judged yet'],
    [
      'it is healthy for 10 of 30 minutes',
      { gates: '{ soak: 30m }', soaked: 10 },
      'gates',
      1,
      'healthy for 10 min of 30 min',
    ],
    ['its check has not begun', { gates: '{ checks: [e2e] }' }, 'gates', 1, 'the check e2e has not begun'],
    ['a hold', { files: { [PRODUCTION]: 'hold: { reason: audit }\n' }, production: 0 }, 'hold', 1, 'audit'],
  ])('%s', async (_name, setting, reason, exitCode, words) => {
    const failure = await refusal(await begin(setting));
    expect(failure).toMatchObject({ reason, exitCode });
    expect(String(failure)).toContain(words);
  });

  test('without verdicts nothing is known, and that is no yes', async () => {
    expect(await refusal(await begin(), {}, { verdictsOf: undefined })).toMatchObject({
      reason: 'gates-unknown',
      exitCode: 2,
    });
  });

  test('soak and checks pass', async () => {
    const { deps, github, web } = await begin({ gates: '{ soak: 30m, checks: [e2e, lint] }', soaked: 30 });
    const source = github.repository('acme/web');
    await source.setStatus(web[2] ?? '', 'e2e', 'success');
    await source.setStatus(web[2] ?? '', 'lint', 'pending');
    await expect(runPromote(inputs(), deps)).rejects.toThrow('the check lint is running');
    await source.setStatus(web[2] ?? '', 'lint', 'failure');
    await expect(runPromote(inputs(), deps)).rejects.toThrow('the check lint failed');
    await source.setStatus(web[2] ?? '', 'lint', 'success');
    expect(await runPromote(inputs(), deps)).toMatchObject({ changed: true });
  });

  test('they are set aside with a reason only, which is recorded', async () => {
    const setting = await begin({ verdict: 'failure' });
    expect(await refusal(setting, { override: 'gates' })).toMatchObject({ reason: 'no-reason', exitCode: 2 });
    await runPromote(inputs({ override: 'gates', reason: 'staging is broken, not we' }), setting.deps);
    const [commit] = await setting.repository.commits();
    expect(commit?.message).toContain('Kajitori-Reason: gates overridden: staging is broken, not we');
  });

  test('what somebody deploys to the environment before in the meantime is not judged', async () => {
    const setting = await begin();
    const checkImages: PromoteDeps['checkImages'] = async () => {
      await setting.repository.commit({ [STAGING]: releaseFile('v3', '03', setting.web[3] ?? '', 3) });
    };
    await expect(runPromote(inputs(), { ...setting.deps, checkImages })).rejects.toMatchObject({
      reason: 'moved-on',
    });
    expect(await setting.repository.read(PRODUCTION)).toContain('tag: v1');
  });

  test('proposed before the environment before ran another build: that one takes its place', async () => {
    const { deps, repository, web } = await begin();
    const first = await runPromote(inputs({ pullRequest: true }), deps);
    const deployed = await repository.commit({ [STAGING]: releaseFile('v3', '03', web[3] ?? '', 3) });
    await repository.setStatus(deployed, 'kajitori/web/stg-1', 'success');
    const second = await runPromote(inputs({ pullRequest: true }), { ...deps, key: 'later' });
    expect(second).toMatchObject({ changed: true, pullRequest: first.pullRequest });
    expect(await repository.read(PRODUCTION, 'kajitori/promote/production/web')).toContain('tag: v3');
  });

  test.each([
    ['an environment that nothing is promoted to', { to: 'staging' }, 'no-promotion'],
    ['an app that was never deployed before', { apps: 'billing' }, 'no-release'],
    ['an unknown environment', { to: 'prod' }, 'unknown-environment'],
  ])('%s', async (_name, texts, reason) => {
    expect(await refusal(await begin(), texts)).toMatchObject({ reason, exitCode: 2 });
  });

  test('an override that is none', () => {
    expect(() => inputs({ override: 'everything' })).toThrowError(
      expect.objectContaining({ reason: 'bad-override' }),
    );
  });

  test('somebody of another team', async () => {
    const teams = { hasTeam: async () => true, hasMember: async () => false };
    expect(
      await refusal(await begin(), {}, { deployer: { kind: 'person', login: 'mallory', teams } }),
    ).toMatchObject({ reason: 'not-a-member' });
  });
});

describe('another registry', () => {
  const OTHER = '444444444444.dkr.ecr.ap-northeast-1.amazonaws.com';
  const setting = async () => {
    const yaml = gated(`{ registry: ${OTHER} }`).replace(`["${REGISTRY}"]`, `["${REGISTRY}", "${OTHER}"]`);
    return begin({ files: { 'kajitori.yaml': yaml } });
  };

  test('the image is copied first, then the same digest is written with the new name', async () => {
    const { deps, repository } = await setting();
    const copied: string[] = [];
    const copyImage: PromoteDeps['copyImage'] = async (from, to) => {
      expect(await repository.read(PRODUCTION)).toContain('tag: v1');
      copied.push(formatImage(from), formatImage(to));
    };
    await runPromote(inputs(), { ...deps, copyImage });
    expect(copied).toEqual([image('v2', '02'), image('v2', '02').replace(REGISTRY, OTHER)]);
    expect(await repository.read(PRODUCTION)).toContain(`repository: ${OTHER}/web\n  tag: v2`);
  });

  test('nobody copies and nobody looks: nothing is written', async () => {
    expect(await refusal(await setting())).toMatchObject({ reason: 'image-unchecked', exitCode: 2 });
  });
});

describe('what is due', () => {
  const person = { by: 'kajitori (schedule)', run: undefined, dryRun: false };

  test('is promoted; what waits says for what; a second run finds nothing to do', async () => {
    const setting = await begin({ gates: '{ automatic: true, soak: 30m }', soaked: 10 });
    const { deps, repository } = setting;
    const waiting = await promoteDue(person, deps);
    expect(waiting).toMatchObject([{ app: 'web', to: 'production', state: 'waiting' }]);
    expect(dueText(waiting)).toContain('web to production: waits: healthy for 10 min of 30 min');
    await deps.timing.sleep(20 * 60_000);
    expect(await promoteDue({ ...person, dryRun: true }, deps)).toMatchObject([{ state: 'would-promote' }]);
    const done = await promoteDue(person, deps);
    expect(done).toMatchObject([{ state: 'promoted', commit: await repository.head() }]);
    expect(dueSummary(done)).toContain('promoted');
    expect(await promoteDue(person, { ...deps, key: 'again' })).toEqual([]);
  });

  test('a hold refuses it and stops no other app', async () => {
    const setting = await begin({
      gates: '{ automatic: true }',
      files: { 'apps/billing/release.production.yaml': 'hold: { reason: audit, by: bob }\n' },
    });
    const { deps, repository, web } = setting;
    const head = await repository.commit({
      'apps/billing/release.staging.yaml': releaseFile('v2', '02', web[2] ?? '', 2),
    });
    await repository.setStatus(head, 'kajitori/billing/stg-1', 'success');
    expect(await promoteDue(person, deps)).toMatchObject([
      { app: 'billing', state: 'refused', words: expect.stringContaining('audit') },
      { app: 'web', state: 'promoted' },
    ]);
  });

  test('nothing is promoted by itself where kajitori.yaml does not say so', async () => {
    const { deps, repository } = await begin();
    const head = await repository.head();
    expect(await promoteDue(person, deps)).toEqual([]);
    expect(await repository.head()).toBe(head);
  });

  test('a gate that could not be found out is told apart from one that waits', async () => {
    const { deps } = await begin({ gates: '{ automatic: true }' });
    expect(await promoteDue(person, { ...deps, verdictsOf: undefined })).toMatchObject([
      { state: 'unknown' },
    ]);
  });
});
