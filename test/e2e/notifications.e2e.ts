import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { notifiedContext } from '../../src/deploy/notified-lookout.ts';
import { startClock } from './clock.ts';
import { type Deploys, openDeploys, running, type Waited, type WaitOptions } from './deploys.ts';
import { type Gitops, imageOf, startGitops } from './gitops.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { waitFor } from './rig/wait-for.ts';

/**
 * Waiting where runners cannot reach Argo CD: its real notifications controller writes commit statuses by the ConfigMap that
 * we generate, as a GitHub App, and only these are read. Argo CD's API server does not even run.
 */

const PRODUCTION = ['prod-1', 'prod-2'] as const;
const MINUTE = 60_000;
const PLAIN = 'web: { port: 8080, scale: 1 }\n';
const MIGRATING = `${PLAIN}migrate: { run: bin/migrate, retries: 0 }\n`;

/** Of the team's own, beside the chart. */
const FAILING_JOB = `apiVersion: batch/v1
kind: Job
metadata: { name: import }
spec:
  activeDeadlineSeconds: 1
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: import, image: "${imageOf('ailing', 'fail-1')}" }]
`;

let rig: Rig;
let gitops: Gitops;
let deploys: Deploys;

beforeAll(async () => {
  rig = await startRig(...PRODUCTION);
  gitops = await startGitops(rig);
  deploys = openDeploys(rig);
  await giveKey();
  await rig.argocd.startNotifications();
  const config = parseDocument((await gitops.read('kajitori.yaml')) ?? '');
  config.setIn(['argocd', 'notifications'], true);
  for (const cluster of PRODUCTION) config.setIn(['clusters', cluster, 'argocd', 'server'], rig.argocd.url);
  await gitops.regenerate({ 'kajitori.yaml': String(config) });
  // What a company's own part of the chart cannot render.
  await gitops.push({
    'charts/app/templates/own.yaml':
      '{{ if hasPrefix "unrenderable" .Values.image.tag }}{{ fail "no currency" }}{{ end }}\n',
  });
  // A roll-out that gets nowhere is given up soon, not after ten minutes.
  const chart = 'charts/app/templates/deployment.yaml';
  const template = (await gitops.read(chart)) ?? '';
  await gitops.push({
    [chart]: template.replace(
      /^( *progressDeadlineSeconds:).*$/m,
      '$1 {{ ternary 10 600 (hasPrefix "missing-soon" $.Values.image.tag) }}',
    ),
  });
  await rig.argocd.server.stop();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

/** The App that Argo CD writes as, in its Secret (docs/setup.md). */
async function giveKey(): Promise<void> {
  const app = rig.github.createApp({ slug: 'argocd-notifications', permissions: { statuses: 'write' } });
  const installation = app.install('acme', ['gitops']);
  await rig.cluster('prod-1').apply([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'argocd-notifications-secret', namespace: 'argocd' },
      stringData: {
        'github-appID': String(app.appId),
        'github-installationID': String(installation),
        'github-privateKey': app.privateKey,
      },
    },
  ]);
}

/** A new app that runs v1. */
async function begin(app: string, values: string): Promise<void> {
  await gitops.newApp(app, 'web', values);
  await deployWell(app, 'v1');
}

/** Bumps, and waits. Argo CD is told at once of the commit that goes back, too, as a webhook would. */
async function deploy(app: string, tag: string, options?: WaitOptions): Promise<Waited & { commit: string }> {
  const commit = await gitops.deploy(app, tag);
  let webhook: Promise<void> | undefined;
  const onTold = (line: string): void => {
    if (/goes back to the release before/.test(line)) webhook ??= rig.argocd.refresh();
    options?.onTold?.(line);
  };
  const waited = await deploys.wait(app, commit, { ...options, onTold, notifications: true });
  await webhook;
  return { ...waited, commit };
}

/** Done, and kubectl says the same. */
async function deployWell(app: string, tag: string): Promise<Waited & { commit: string }> {
  const waited = await deploy(app, tag);
  expect(waited.outputs).toMatchObject({ verdict: 'healthy' });
  await expectRunning(app, tag);
  return waited;
}

async function expectRunning(app: string, tag: string): Promise<void> {
  const images = await Promise.all(PRODUCTION.map((name) => running(rig.cluster(name), app)));
  expect(images).toEqual([[imageOf(app, tag)], [imageOf(app, tag)]]);
}

/** One commit put both clusters back, and was judged by its own statuses. */
async function expectBack(app: string, { outputs, commit }: Waited & { commit: string }): Promise<void> {
  expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
  expect(outputs.back.map(({ outcome }) => outcome)).toEqual([{ kind: 'healthy' }, { kind: 'healthy' }]);
  await expectRunning(app, 'v1');
  const [back, ...others] = await deploys.commitsBack(app);
  expect(others).toEqual([]);
  expect(deploys.verdicts(app, back?.oid ?? '')).toEqual(['success', 'success']);
  expect(deploys.verdicts(app, commit)).toContain('failure');
  expect(deploys.verdicts(app, commit)).not.toContain('pending');
}

/** Waits until Argo CD's status of an app's applications is so. */
async function expectStatus(app: string, isSo: (status: Status) => boolean): Promise<void> {
  const names = PRODUCTION.map((cluster) => `application.argoproj.io/${app}-${cluster}`);
  await waitFor(
    `the applications of ${app}`,
    () => Promise.all(names.map((name) => rig.cluster('prod-1').get(name, 'argocd'))),
    (all) => all.every((found) => isSo((found?.status ?? {}) as Status)),
  );
}

interface Status {
  readonly conditions?: readonly object[];
  readonly health?: { readonly status?: string };
}

/** A commit and those after it, oldest first: where a newer one is there before Argo CD looks, it applies that. */
async function commitsSince(commit: string): Promise<string[]> {
  const commits = (await rig.github.repository('acme/gitops').commits()).map(({ oid }) => oid);
  return commits.slice(0, commits.indexOf(commit) + 1).toReversed();
}

/** What Argo CD wrote about an application to a commit and those after it, oldest first. */
const notified = async (commit: string, application: string) =>
  (await commitsSince(commit))
    .flatMap((oid) => rig.github.repository('acme/gitops').statuses(oid))
    .filter(({ context }) => context === notifiedContext(application));

describe.concurrent('by commit statuses alone', () => {
  test('a bump is known to be healthy in both clusters, by statuses on its commit that link to Argo CD', async () => {
    await begin('web', MIGRATING);
    const { commit } = await deployWell('web', 'v2');
    expect(deploys.verdicts('web', commit)).toEqual(['success', 'success']);
    for (const cluster of PRODUCTION) {
      const written = await notified(commit, `web-${cluster}`);
      expect(written.map(({ state }) => state).slice(0, 1)).toEqual(['pending']);
      expect(written.at(-1)).toMatchObject({
        state: 'success',
        description: 'healthy',
        creator: 'argocd-notifications[bot]',
        targetUrl: `${rig.argocd.url}/applications/argocd/web-${cluster}`,
      });
    }
  });

  test('a migration that fails is named; the way back is judged although nothing has to be applied', async () => {
    await begin('failing', MIGRATING);
    const waited = await deploy('failing', 'fail-1');
    expect(waited.first).toMatch(/^### failing failed in prod-[12]: the sync failed: Job failing-migrate: /);
    await expectBack('failing', waited);
  });

  test('pods that do not get ready until the deadline have failed', async () => {
    await begin('late', PLAIN);
    const clock = startClock();
    const unready = new Set<string>();
    const waited = await deploy('late', 'missing-1', {
      timing: clock,
      onTold: (line) => {
        if (!/waiting for its pods/.test(line)) return;
        if (unready.add(line).size === PRODUCTION.length) clock.skip(20 * MINUTE);
      },
    });
    expect(waited.first).toMatch(
      /^### late failed in prod-[12]: not healthy within 15 minutes: applied; waiting for its pods/,
    );
    await expectBack('late', waited);
  });

  test('a roll-out that Kubernetes gave up is Degraded, and has failed', async () => {
    await begin('degrading', PLAIN);
    const waited = await deploy('degrading', 'missing-soon-1');
    expect(waited.first).toMatch(/^### degrading failed in prod-[12]: degraded: look at its pods/);
    await expectBack('degrading', waited);
  });

  describe('what cannot be told from here is unknown, and nothing is put back for it', () => {
    test('manifests that cannot be rendered: Argo CD then knows no commit', async () => {
      await begin('unrenderable', PLAIN);
      const clock = startClock();
      const commit = await gitops.deploy('unrenderable', 'unrenderable-1');
      // Its deadline begins when it looks for the first time.
      const looked = Promise.withResolvers<void>();
      const onTold = (line: string): void => {
        if (/has notified nothing/.test(line)) looked.resolve();
      };
      const waiting = deploys.wait('unrenderable', commit, { timing: clock, onTold, notifications: true });
      await expectStatus('unrenderable', ({ conditions }) =>
        JSON.stringify(conditions).includes('no currency'),
      );
      await looked.promise;
      clock.skip(30 * MINUTE);
      const { outputs } = await waiting;
      expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
      for (const cluster of PRODUCTION) expect(await notified(commit, `unrenderable-${cluster}`)).toEqual([]);
      await expectRunning('unrenderable', 'v1');
    });

    test('an application that was Degraded before', async () => {
      await begin('ailing', PLAIN);
      await gitops.push({ 'apps/ailing/extra/job.yaml': FAILING_JOB });
      await expectStatus('ailing', ({ health }) => health?.status === 'Degraded');
      const clock = startClock();
      const { outputs, told } = await deploy('ailing', 'v2', {
        timing: clock,
        onTold: (line) => {
          if (/was Degraded before/.test(line) && clock.now() - Date.now() < MINUTE) clock.skip(20 * MINUTE);
        },
      });
      expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
      expect(told.join('\n')).toMatch(/ailing-prod-[12]: .*it was Degraded before this commit/);
      await expectRunning('ailing', 'v2');
    });
  });

  test('what GitHub did not take is written again, though Argo CD believes that it was written', async () => {
    await begin('unheard', PLAIN);
    const lost = rig.github.inject({
      match: ({ body }) => body.includes(notifiedContext('unheard-')),
      kind: 'status',
      status: 502,
      times: Number.POSITIVE_INFINITY,
    });
    const commit = await gitops.deploy('unheard', 'v2');
    const believed = async (cluster: string): Promise<boolean> => {
      const name = `application.argoproj.io/unheard-${cluster}`;
      const { annotations = {} } = (await rig.cluster('prod-1').get(name, 'argocd'))?.metadata ?? {};
      const sent = annotations['notified.notifications.argoproj.io'] ?? '';
      return (await commitsSince(commit)).some((oid) => sent.includes(`${oid}]:kajitori-deployed`));
    };
    await waitFor(
      'Argo CD to believe that it has written the statuses',
      () => Promise.all(PRODUCTION.map(believed)),
      (all) => all.every((each) => each),
    );
    expect(lost.struck).toBeGreaterThanOrEqual(PRODUCTION.length);
    for (const cluster of PRODUCTION) expect(await notified(commit, `unheard-${cluster}`)).toEqual([]);
    rig.github.clearFaults();
    const { outputs } = await deploys.wait('unheard', commit, { notifications: true });
    expect(outputs).toMatchObject({ verdict: 'healthy' });
  });
});
