import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { lookoutOpener } from '../src/deploy/open-lookout.ts';
import { runWait, type WaitInputs, type WaitOutputs } from '../src/deploy/wait.ts';
import { progressLine, waitHeadline, waitResult, waitSummary } from '../src/deploy/wait-report.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { parseRepositoryName } from '../src/github/repository-name.ts';
import type { Timing } from '../src/github/timing.ts';
import type { KubernetesObject } from '../src/kubernetes/object.ts';
import type { Renderer } from '../src/standin/argocd/git-source.ts';
import { type ArgoCdStandin, startArgoCd } from '../src/standin/argocd/server.ts';
import { type GitHubStandin, type StandinRepository, startGitHub } from '../src/standin/github/server.ts';
import { APP_YAML, digest, KAJITORI_YAML, releaseYaml } from './bump-world.ts';
import { steppedTiming } from './stepped-timing.ts';

const MINUTE = 60_000;

/** A Deployment, and before it a migration, unless it is a rollback: as charts/app does, without a process for each. */
const render: Renderer = async ({ app, environment }, _config, root) => {
  const { image, release } = parse(
    await readFile(join(root, `apps/${app}/release.${environment}.yaml`), 'utf8'),
  );
  const template = {
    metadata: { labels: { app } },
    spec: { containers: [{ name: app, image: `${image.repository}:${image.tag}@${image.digest}` }] },
  };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace: app },
    spec: { replicas: 2, selector: { matchLabels: { app } }, template },
  };
  const migration = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${app}-migrate`,
      namespace: app,
      annotations: { 'argocd.argoproj.io/hook': 'Sync', 'argocd.argoproj.io/sync-wave': '-1' },
    },
    spec: { backoffLimit: 0, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
  };
  const objects: KubernetesObject[] = release.rollback === true ? [deployment] : [migration, deployment];
  return objects;
};

interface Company extends AsyncDisposable {
  readonly github: GitHubStandin;
  readonly gitops: StandinRepository;
  readonly argocd: ArgoCdStandin;
  readonly told: string[];
  deploy(tag: string): Promise<string>;
  wait(inputs?: Partial<WaitInputs>, token?: string): Promise<WaitOutputs>;
  states(commit: string): readonly string[];
}

/** GitHub, an Argo CD for both clusters, and an app that runs build 1, healthy in both. */
async function company(): Promise<Company> {
  const timing: Timing = steppedTiming();
  const github = await startGitHub({ clock: () => new Date(timing.now()) });
  const gitops = await github.createRepository('acme/gitops', {
    files: {
      'kajitori.yaml': KAJITORI_YAML,
      'apps/web/app.yaml': APP_YAML,
      'apps/web/release.production.yaml': releaseYaml('web', 1, 'a'.repeat(40)),
    },
    private: true,
  });
  const app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write' },
  });
  app.install('acme');
  const argocd = await startArgoCd({
    clusters: ['prod-1', 'prod-2'],
    repository: gitops,
    clock: timing.now,
    render,
  });
  const client = createGitHubClient({ apiUrl: github.apiUrl, token: app.token('acme'), timing });
  const target = { repository: parseRepositoryName('acme/gitops') };
  const told: string[] = [];
  let nth = 1;
  const at: Company = {
    github,
    gitops,
    argocd,
    told,
    deploy: (tag) => {
      nth += 1;
      return gitops.commit(
        {
          'apps/web/release.production.yaml': releaseYaml('web', nth, String(nth).repeat(40))
            .replace(`tag: build-${nth}`, `tag: ${tag}`)
            .replace('09:00:00Z', `09:0${nth}:00Z`),
        },
        {
          message: 'Deploy web\n\nKajitori-App: web\nKajitori-Environment: production\nKajitori-Action: bump',
        },
      );
    },
    wait: (inputs = {}, token = argocd.token) =>
      runWait(
        {
          apps: ['web'],
          environment: 'production',
          commit: undefined,
          limits: { deadlineMs: 5 * MINUTE, unseenMs: 8 * MINUTE },
          rollback: 'auto',
          run: undefined,
          ...inputs,
        },
        {
          client,
          target,
          timing,
          deployer: { kind: 'own-right' },
          applicationName: (name, cluster) => `${name}-${cluster}`,
          lookout: lookoutOpener(
            {
              kind: 'api',
              server: argocd.url,
              token,
              connector: undefined,
              idToken: undefined,
              ca: undefined,
              onToken: () => undefined,
            },
            { client, target, timing },
          ),
          report: { application: (each) => told.push(progressLine(each)), step: (words) => told.push(words) },
        },
      ),
    states: (commit) =>
      ['prod-1', 'prod-2'].map(
        (cluster) =>
          gitops.statuses(commit).findLast(({ context }) => context === `kajitori/web/${cluster}`)?.state ??
          'none',
      ),
    async [Symbol.asyncDispose]() {
      await argocd[Symbol.asyncDispose]();
      await github[Symbol.asyncDispose]();
    },
  };
  return at;
}

let open: Company | undefined;
const found = async (): Promise<Company> => {
  open = await company();
  return open;
};
afterEach(async () => {
  await open?.[Symbol.asyncDispose]();
  open = undefined;
});

/** The release file at the head. */
const runs = async (at: Company) => (await at.gitops.read('apps/web/release.production.yaml')) ?? '';

test('from the commit to healthy in both clusters, by one Argo CD', async () => {
  const at = await found();
  const commit = await at.deploy('build-2');
  const outputs = await at.wait({ commit });
  expect(outputs).toMatchObject({ verdict: 'healthy', remedy: undefined });
  expect(at.states(commit)).toEqual(['success', 'success']);
  expect(at.told.at(-1)).toMatch(/^web-prod-[12]: healthy$/);
});

test('a commit that comes while Argo CD is at ours: healthy there is healthy', async () => {
  const at = await found();
  const commit = await at.deploy('build-2');
  await at.gitops.commit({ 'README.md': 'x' }, { message: 'Another one' });
  expect(await at.wait({ commit })).toMatchObject({ verdict: 'healthy' });
});

describe('a deploy that fails in one cluster: the right words, one commit, both clusters back', () => {
  test.each([
    [
      'an image that is not there',
      'missing',
      /The image \S+\/web:build-2 cannot be pulled: there is no such image/,
      '',
    ],
    ['a failing migration', 'fail', /The migration web-migrate failed/, 'relation "orders" does not exist'],
    [
      'a manifest that Kubernetes refuses',
      'invalid',
      /Kubernetes refuses Job web-migrate: .*Required value/,
      '',
    ],
  ] as const)('%s', async (_, fate, words, shown) => {
    const at = await found();
    at.argocd.cluster('prod-2').image('build-2', fate);
    const commit = await at.deploy('build-2');
    const outputs = await at.wait({ commit });
    expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
    expect(waitHeadline(outputs)).toMatch(/^web failed in prod-2: /);
    expect(waitHeadline(outputs)).toMatch(words);
    expect(waitSummary(outputs).split('\n')[0]).toContain('→');
    expect(waitSummary(outputs)).toContain(shown);
    expect(outputs.back.map(({ outcome }) => outcome?.kind)).toEqual(['healthy', 'healthy']);
    expect(await at.gitops.commits()).toHaveLength(3);
    expect(await runs(at)).toContain(`${digest(1)}`);
    expect(at.states(commit)[1]).toBe('failure');
    expect(at.states(outputs.remedy?.kind === 'written' ? outputs.remedy.commit : '')).toEqual([
      'success',
      'success',
    ]);
  });

  test('a migration that never ends: the operation is ended, or the way back would be blocked', async () => {
    const at = await found();
    at.argocd.cluster('prod-2').image('build-2', 'slow');
    const commit = await at.deploy('build-2');
    const outputs = await at.wait({ commit, limits: { deadlineMs: 3 * MINUTE, unseenMs: 8 * MINUTE } });
    expect(waitHeadline(outputs)).toMatch(
      /^web failed in prod-2: not healthy within 3 minutes: migration running/,
    );
    expect(at.told).toContain('web-prod-2: ended its operation, which hung');
    expect(outputs.back.map(({ outcome }) => outcome?.kind)).toEqual(['healthy', 'healthy']);
  });
});

test('a sync that failed has failed, also when Argo CD has gone on to a commit of others that changes nothing of the app', async () => {
  const at = await found();
  at.argocd.cluster('prod-2').image('build-2', 'fail');
  const commit = await at.deploy('build-2');
  expect(await at.wait({ commit, rollback: 'never' })).toMatchObject({ verdict: 'failed' });
  await at.gitops.commit({ 'README.md': 'x' }, { message: 'Another one' });
  const outputs = await at.wait({ commit });
  expect(waitHeadline(outputs)).toMatch(/^web failed in prod-2: The migration web-migrate failed/);
  expect(outputs.back.map(({ outcome }) => outcome?.kind)).toEqual(['healthy', 'healthy']);
});

test('an Argo CD that does not answer for a while is waited out', async () => {
  const at = await found();
  const commit = await at.deploy('build-2');
  at.argocd.inject({ status: 503, times: 8 });
  at.argocd.inject({ status: 'no-answer', times: 3 });
  expect(await at.wait({ commit })).toMatchObject({ verdict: 'healthy' });
});

test('a token that is refused is told at once, and the verdict says that nothing is known', async () => {
  const at = await found();
  const commit = await at.deploy('build-2');
  at.argocd.inject({ status: 401 });
  await expect(at.wait({ commit })).rejects.toMatchObject({ exitCode: 2, reason: 'argocd-denied' });
  expect(at.states(commit)).toEqual(['error', 'error']);
  expect(await at.gitops.head()).toBe(commit);
});

test('a token that may not see the app: nothing is known, nothing is put back, and its rights are named', async () => {
  const at = await found();
  const commit = await at.deploy('build-2');
  const outputs = await at.wait(
    { commit, limits: { deadlineMs: MINUTE, unseenMs: 2 * MINUTE } },
    at.argocd.createToken({ projects: ['another'] }),
  );
  expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
  expect(waitResult(outputs).error).toMatch(/web-prod-1.*token/s);
  expect(await at.gitops.head()).toBe(commit);
});

test('a git server that Argo CD cannot read: could not find out, nothing is put back', async () => {
  const at = await found();
  at.argocd.gitDown();
  const commit = await at.deploy('build-2');
  const outputs = await at.wait({ commit, limits: { deadlineMs: MINUTE, unseenMs: 2 * MINUTE } });
  expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
  expect(waitHeadline(outputs)).toMatch(
    /^Could not find out whether web is healthy in prod-1: .*Argo CD cannot read the GitOps repository: /,
  );
  expect(await at.gitops.head()).toBe(commit);
});

test('a dead cluster: its deploy failed, and the other one goes back with it', async () => {
  const at = await found();
  at.argocd.cluster('prod-2').down();
  const commit = await at.deploy('build-2');
  const outputs = await at.wait({ commit });
  expect(waitHeadline(outputs)).toMatch(/^web failed in prod-2: Argo CD cannot reach the cluster prod-2/);
  expect(outputs.remedy?.kind).toBe('written');
  expect(await runs(at)).toContain(digest(1));
});
