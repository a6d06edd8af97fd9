import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { waitHeadline } from '../../src/deploy/wait-report.ts';
import { startClock } from './clock.ts';
import { type Deploys, openDeploys, running, type Waited, type WaitOptions } from './deploys.ts';
import { type Gitops, imageOf, startGitops } from './gitops.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { waitFor } from './rig/wait-for.ts';

/**
 * The whole way of a deploy, by the use cases that the actions and commands call: bump, wait, put back, hold; judged by a
 * real Argo CD on real API servers, and looked after with kubectl. How pods go is in the tag of their image (rig/pods.ts).
 */

const PRODUCTION = ['prod-1', 'prod-2'] as const;
const MINUTE = 60_000;

/** A company's own part of the chart: an image whose tag begins so cannot be rendered, or Kubernetes refuses what is. */
const OWN_TEMPLATE = `{{- if hasPrefix "unrenderable" .Values.image.tag }}
{{- fail "this image needs the value shop.currency" }}
{{- end }}
{{- if hasPrefix "refused" .Values.image.tag }}
apiVersion: v1
kind: Service
metadata:
  name: metrics
  namespace: {{ .Values.facts.app }}
spec:
  ports: [{ port: 99999 }]
{{- end }}
`;

const PLAIN = 'web: { port: 8080, scale: 1 }\n';
const MIGRATING = `${PLAIN}migrate: { run: bin/migrate, retries: 0 }\n`;

let rig: Rig;
let gitops: Gitops;
let deploys: Deploys;

beforeAll(async () => {
  rig = await startRig('stg-1', ...PRODUCTION);
  gitops = await startGitops(rig, { staging: ['stg-1'], production: PRODUCTION });
  deploys = openDeploys(rig);
  await gitops.push({ 'charts/app/templates/own.yaml': OWN_TEMPLATE });
});
afterAll(() => rig?.[Symbol.asyncDispose]());

/** A new app that runs v1 in production. */
async function begin(app: string, values: string): Promise<void> {
  await gitops.newApp(app, 'web', values);
  await deployWell(app, 'v1');
}

/** The images that run in each cluster of production, by kubectl. */
const inProduction = (app: string) => Promise.all(PRODUCTION.map((name) => running(rig.cluster(name), app)));

const both = (app: string, tag: string) => [[imageOf(app, tag)], [imageOf(app, tag)]];

/** Bumps, and waits. */
async function deploy(app: string, tag: string, options?: WaitOptions): Promise<Waited & { commit: string }> {
  const commit = await gitops.deploy(app, tag);
  return { ...(await deploys.wait(app, commit, options)), commit };
}

/** Done, and kubectl says the same. */
async function deployWell(app: string, tag: string): Promise<Waited & { commit: string }> {
  const waited = await deploy(app, tag);
  expect(waited.outputs).toMatchObject({ verdict: 'healthy' });
  expect(await inProduction(app)).toEqual(both(app, tag));
  return waited;
}

/** Both clusters are back by one commit, and a hold says why until somebody ends it. */
async function expectBack(app: string, waited: Waited & { commit: string }, tag: string): Promise<void> {
  const { outputs, commit } = waited;
  expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
  expect(outputs.back.map(({ outcome }) => outcome)).toEqual([{ kind: 'healthy' }, { kind: 'healthy' }]);
  expect(await inProduction(app)).toEqual(both(app, tag));
  const [back, ...others] = await deploys.commitsBack(app);
  expect(others).toEqual([]);
  expect(deploys.verdicts(app, back?.oid ?? '')).toEqual(['success', 'success']);
  expect(deploys.verdicts(app, commit)).toContain('failure');
  expect(deploys.verdicts(app, commit)).not.toContain('pending');
  await expect(gitops.deploy(app, 'refused-by-hold')).rejects.toMatchObject({
    exitCode: 1,
    reason: 'hold',
    message: expect.stringContaining('deploy failed in prod-'),
  });
}

describe.concurrent('each app for itself', () => {
  test('a bump is told in words until both clusters run it, and the commit says so', async () => {
    await begin('migrating', MIGRATING);
    const { told, commit } = await deployWell('migrating', 'v2');
    expect(told.join('\n')).toMatch(/migrating-prod-1: migration running \(migrating-migrate/);
    expect(told).toContain('migrating-prod-1: healthy');
    expect(told).toContain('migrating-prod-2: healthy');
    expect(deploys.verdicts('migrating', commit)).toEqual(['success', 'success']);
    expect(await deploys.commitsBack('migrating')).toEqual([]);
  });

  describe('a deploy that fails: the cause first, one commit back, both clusters as before, a hold', () => {
    test('a migration that fails', async () => {
      await begin('failing', MIGRATING);
      const waited = await deploy('failing', 'fail-1');
      expect(waited.first).toMatch(
        /^### failing failed in prod-[12]: The migration failing-migrate failed.* → .*on hold/,
      );
      await expectBack('failing', waited, 'v1');
      await deploys.endHold('failing');
      await deployWell('failing', 'v2');
    });

    test('a migration that hangs, because its image is not there, is ended', async () => {
      await begin('hanging', MIGRATING);
      const waited = await deploy('hanging', 'missing-1');
      expect(waited.first).toMatch(
        /^### hanging failed in prod-[12]: The image \S+\/hanging:missing-1 cannot be pulled: there is no such image.* → .*on hold/,
      );
      expect(waited.told.join('\n')).toMatch(/ended its operation, which hung/);
      await expectBack('hanging', waited, 'v1');
    });

    test('an image that is not there', async () => {
      await begin('absent', PLAIN);
      const waited = await deploy('absent', 'missing-1');
      expect(waited.first).toMatch(
        /^### absent failed in prod-[12]: The image \S+\/absent:missing-1 cannot be pulled: there is no such image.* → .*on hold/,
      );
      await expectBack('absent', waited, 'v1');
    });

    test('a crash', async () => {
      await begin('brittle', PLAIN);
      const clock = startClock();
      const waited = await deploy('brittle', 'crash-1', {
        timing: clock,
        // Kubernetes gives new pods ten minutes, and so would we: they pass as soon as it is clear what they would show.
        onTold: (line) => {
          if (/pod crashes/.test(line) && clock.now() - Date.now() < MINUTE) clock.skip(20 * MINUTE);
        },
      });
      expect(waited.first).toMatch(
        /^### brittle failed in prod-[12]: not healthy within 15 minutes: The pod \S+ crashes.* → .*on hold/,
      );
      await expectBack('brittle', waited, 'v1');
    });

    test('manifests that cannot be rendered', async () => {
      await begin('unrenderable', PLAIN);
      const waited = await deploy('unrenderable', 'unrenderable-1');
      expect(waited.first).toMatch(
        /^### unrenderable failed in prod-[12]: The manifests cannot be rendered: .*needs the value shop.currency.* → .*on hold/,
      );
      await expectBack('unrenderable', waited, 'v1');
    });

    test('an object that Kubernetes refuses', async () => {
      await begin('refused', PLAIN);
      const waited = await deploy('refused', 'refused-1');
      expect(waited.first).toMatch(
        /^### refused failed in prod-[12]: Kubernetes refuses Service metrics: .*99999.* → .*on hold/,
      );
      await expectBack('refused', waited, 'v1');
    });
  });

  test('a newer bump that comes while one is waited for is judged, and nothing is put back', async () => {
    await begin('overtaken', PLAIN);
    const clock = startClock();
    let newer: Promise<string> | undefined;
    const { outputs } = await deploy('overtaken', 'slow-1', {
      timing: clock,
      onTold: (line) => {
        if (!/pods/.test(line)) return;
        newer ??= gitops.deploy('overtaken', 'v2').then((commit) => {
          clock.skip(MINUTE);
          return commit;
        });
      },
    });
    expect(outputs).toMatchObject({ verdict: 'superseded', remedy: undefined });
    const later = await deploys.wait('overtaken', (await newer) ?? '');
    expect(later.outputs).toMatchObject({ verdict: 'healthy' });
    expect(await inProduction('overtaken')).toEqual(both('overtaken', 'v2'));
    expect(await deploys.commitsBack('overtaken')).toEqual([]);
  });

  describe('a run that is killed is finished by the next one', () => {
    const STATUS = 'POST /repos/{owner}/{repo}/statuses/{sha}';

    /** Kills `kajitori wait` when GitHub has done a certain request of it, before it hears of that. */
    async function killAt(app: string, commit: string, operation: string, nth: number): Promise<void> {
      let seen = 0;
      const fault = rig.github.inject({
        match: (request) => {
          if (request.operation !== operation && !request.fields.includes(operation)) return false;
          if (operation === STATUS && !request.path.endsWith(commit)) return false;
          seen += 1;
          return seen === nth;
        },
        kind: 'slow-after',
      });
      await deploys.waitApart(app, commit).killWhen(fault.reached);
      fault.release();
    }

    const finished = async (app: string) =>
      (await deploys.finish(app)).map((each) =>
        'outputs' in each ? waitHeadline(each.outputs) : each.failure.message,
      );

    test('while it waited; before it put back; after it had; while that was waited for', async () => {
      await begin('killed', MIGRATING);
      const healthy = await gitops.deploy('killed', 'v2');
      await killAt('killed', healthy, STATUS, 2);
      expect(deploys.verdicts('killed', healthy)).toEqual(['pending', 'pending']);
      expect(await finished('killed')).toEqual([expect.stringMatching(/^killed is healthy in production/)]);
      expect(deploys.verdicts('killed', healthy)).toEqual(['success', 'success']);
      expect(await inProduction('killed')).toEqual(both('killed', 'v2'));

      // The third verdict is the first that says failure.
      const undone = await gitops.deploy('killed', 'fail-1');
      await killAt('killed', undone, STATUS, 3);
      expect(await deploys.commitsBack('killed')).toHaveLength(0);
      expect(await finished('killed')).toEqual([
        expect.stringMatching(/^killed failed in prod-[12]: The migration killed-migrate failed/),
      ]);
      expect(await deploys.commitsBack('killed')).toHaveLength(1);
      expect(await inProduction('killed')).toEqual(both('killed', 'v2'));
      expect(await finished('killed')).toEqual([]);
      await deploys.endHold('killed');

      const written = await gitops.deploy('killed', 'fail-2');
      await killAt('killed', written, 'createCommitOnBranch', 1);
      expect(await deploys.commitsBack('killed')).toHaveLength(2);
      expect(await finished('killed')).toEqual([expect.stringMatching(/^killed is healthy in production/)]);
      expect(await deploys.commitsBack('killed')).toHaveLength(2);
      expect(deploys.verdicts('killed', written)).not.toContain('pending');
      expect(await inProduction('killed')).toEqual(both('killed', 'v2'));
      await expect(gitops.deploy('killed', 'v3')).rejects.toMatchObject({ reason: 'hold' });
      expect(await finished('killed')).toEqual([]);
    });
  });

  test('a change of values is waited for in the applications that it reaches; a bad one is the person’s to mend', async () => {
    await begin('edited', PLAIN);
    const file = 'apps/edited/values.yaml';
    const good = await gitops.push({ [file]: `${PLAIN}env: { GREETING: hello }\n` });
    const waited = await deploys.wait(undefined, good);
    expect(waited.outputs).toMatchObject({ verdict: 'healthy' });
    expect(waited.outputs.applications.map(({ application }) => application)).toEqual([
      'edited-prod-1',
      'edited-prod-2',
    ]);
    for (const name of PRODUCTION) {
      const [deployment] = await rig.cluster(name).list('deployments.apps', 'edited');
      expect(JSON.stringify(deployment?.spec)).toContain('GREETING');
    }
    const bad = await gitops.push({ [file]: 'wbe: { port: 8080 }\n' });
    const failed = await deploys.wait(undefined, bad);
    expect(failed.outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'not-a-deploy' } });
    expect(failed.first).toMatch(
      /^### edited failed in prod-[12]: The manifests cannot be rendered: .*wbe.* → .*revert/,
    );
    expect(await inProduction('edited')).toEqual(both('edited', 'v1'));
    const mended = await deploys.wait(undefined, await gitops.push({ [file]: PLAIN }));
    expect(mended.outputs).toMatchObject({ verdict: 'healthy' });
  });

  test('from staging to production by promotion, and back by a rollback', async () => {
    await begin('promoted', PLAIN);
    const stage = async (tag: string): Promise<string> => {
      const commit = await gitops.deploy('promoted', tag, 'staging');
      await rig.argocd.refresh();
      const staged = await deploys.wait('promoted', commit, { environment: 'staging' });
      expect(staged.outputs).toMatchObject({ verdict: 'healthy' });
      const { commit: promotion } = await deploys.promote('promoted', 'production');
      return promotion?.oid ?? '';
    };
    const first = await deploys.wait('promoted', await stage('v2'));
    expect(first.outputs).toMatchObject({ verdict: 'healthy' });
    expect(await inProduction('promoted')).toEqual(both('promoted', 'v2'));
    const second = await deploys.wait('promoted', await stage('v3'));
    expect(second.outputs).toMatchObject({ verdict: 'healthy' });
    expect(await running(rig.cluster('stg-1'), 'promoted')).toEqual([imageOf('promoted', 'v3')]);
    const { commit } = await deploys.rollback('promoted', 'orders fail');
    const back = await deploys.wait('promoted', commit?.oid ?? '');
    expect(back.outputs).toMatchObject({ verdict: 'healthy' });
    expect(await inProduction('promoted')).toEqual(both('promoted', 'v2'));
    await expect(deploys.promote('promoted', 'production')).rejects.toMatchObject({ reason: 'hold' });
  });
});

describe('what is not the deploy’s fault', () => {
  beforeAll(() => begin('shop', MIGRATING));
  let good = 'v1';

  test('Argo CD’s API is away for a while: waited out', async () => {
    await rig.argocd.server.stop();
    let back: Promise<void> | undefined;
    const { outputs, told } = await deploy('shop', 'v4', {
      onTold: (line) => {
        if (/could not/i.test(line)) back ??= rig.argocd.server.start();
      },
    });
    await back;
    expect(back, told.join('\n')).toBeDefined();
    expect(outputs).toMatchObject({ verdict: 'healthy' });
    expect(await inProduction('shop')).toEqual(both('shop', 'v4'));
    good = 'v4';
  });

  test('Argo CD’s API is away: could not find out, nothing is put back, and a later run finds out', async () => {
    const clock = startClock();
    await rig.argocd.server.stop();
    const { outputs, first, commit } = await deploy('shop', 'v5', {
      timing: clock,
      onTold: () => clock.skip(10 * MINUTE),
    });
    await rig.argocd.server.start();
    expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
    expect(first).toMatch(/^### Could not find out whether shop is healthy in prod-[12]: .* → /);
    expect(deploys.verdicts('shop', commit)).toEqual(['error', 'error']);
    const [found] = await deploys.finish('shop');
    expect(found).toMatchObject({ outputs: { verdict: 'healthy' } });
    expect(await inProduction('shop')).toEqual(both('shop', 'v5'));
    good = 'v5';
  });

  test('the git server does not answer Argo CD: could not find out, and a later run finds out', async () => {
    const clock = startClock();
    onTestFinished(() => rig.github.clearFaults());
    rig.github.inject({
      match: ({ operation }) => operation === 'git-upload-pack',
      kind: 'status',
      status: 503,
      times: Number.POSITIVE_INFINITY,
    });
    const { outputs, first, commit } = await deploy('shop', 'v6', {
      timing: clock,
      onTold: (line) => {
        if (/cannot read/.test(line)) clock.skip(20 * MINUTE);
      },
    });
    expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
    expect(first).toMatch(
      /^### Could not find out whether shop is healthy in prod-[12]: Argo CD cannot read the GitOps repository: status code: 503.* → /,
    );
    expect(await deploys.commitsBack('shop')).toHaveLength(0);
    expect(await inProduction('shop')).toEqual(both('shop', good));
    rig.github.clearFaults();
    const [found] = await deploys.finish('shop');
    expect(found).toMatchObject({ outputs: { verdict: 'healthy' } });
    expect(deploys.verdicts('shop', commit)).toEqual(['success', 'success']);
    expect(await inProduction('shop')).toEqual(both('shop', 'v6'));
    good = 'v6';
  });

  test('a dead cluster: the living one goes back, the dead one has it when it lives again', async () => {
    const clock = startClock();
    await rig.cluster('prod-2').apiServer.stop();
    const { outputs, first, told } = await deploy('shop', 'v7', {
      timing: clock,
      onTold: (line) => {
        if (/prod-2: .*cannot reach/i.test(line)) clock.skip(3 * MINUTE);
      },
    });
    expect(outputs, told.join('\n')).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
    expect(first).toMatch(
      /^### shop failed in prod-2: Argo CD cannot reach the cluster prod-2: connection refused.* → /,
    );
    // Argo CD shows what it saw of prod-2 last, which is Synced and Healthy: nobody is told that it is.
    expect(outputs.back).toMatchObject([
      { cluster: 'prod-1', outcome: { kind: 'healthy' } },
      {
        cluster: 'prod-2',
        outcome: {
          kind: 'failed',
          cause: 'Argo CD cannot reach the cluster prod-2: connection refused.',
        },
      },
    ]);
    expect(await running(rig.cluster('prod-1'), 'shop')).toEqual([imageOf('shop', good)]);
    expect(await deploys.commitsBack('shop')).toHaveLength(1);
    await rig.cluster('prod-2').apiServer.start();
    const [back] = await deploys.commitsBack('shop');
    const again = await deploys.wait('shop', back?.oid ?? '');
    expect(again.outputs).toMatchObject({ verdict: 'healthy' });
    // Its nodes may have been given up meanwhile; they come back by themselves.
    await waitFor(
      'both clusters to run the release before',
      () => inProduction('shop'),
      (images) => isDeepStrictEqual(images, both('shop', good)),
    );
    await deploys.endHold('shop');
  });
});

test('a hundred bumps of four apps at once, one in ten bad: none misjudged', {
  timeout: 20 * MINUTE,
}, async () => {
  await using argocd = await counted(rig.argocd.url);
  const githubBefore = rig.github.log.length;
  const started = performance.now();
  let left = 100;
  /** Bumps of one app in a row, as long as there are any left. @returns those that were misjudged */
  const lane = async (app: string, bad: string): Promise<string[]> => {
    let good = 'v1';
    await begin(app, bad === 'fail' ? MIGRATING : PLAIN);
    const misjudged: string[] = [];
    for (let nth = 1; left > 0; nth++) {
      left -= 1;
      const isBad = nth % 10 === 5;
      const tag = isBad ? `${bad}-bump-${nth}` : `bump-${nth}`;
      const { outputs } = await deploy(app, tag, { server: argocd.url });
      const runs = await inProduction(app);
      if (!isBad) good = tag;
      const isRight = outputs.verdict === (isBad ? 'failed' : 'healthy');
      if (!isRight || !isDeepStrictEqual(runs, both(app, good))) {
        misjudged.push(`${app} ${tag}: ${outputs.verdict}, runs ${JSON.stringify(runs)}`);
      }
      if (isBad) await deploys.endHold(app);
    }
    return misjudged;
  };
  const lanes = [
    ['orders', 'fail'],
    ['search', 'missing'],
    ['mailer', 'refused'],
    ['reports', 'unrenderable'],
  ] as const;
  const misjudged = await Promise.all(lanes.map(([app, bad]) => lane(app, bad)));
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `100 bumps in ${seconds.toFixed(0)} s: Argo CD was asked ${argocd.calls()} times (${(argocd.calls() / seconds / lanes.length).toFixed(2)} a second and run), GitHub ${rig.github.log.length - githubBefore} times`,
  );
  expect(misjudged.flat()).toEqual([]);
  expect(argocd.calls() / seconds / lanes.length).toBeLessThanOrEqual(1);
});

/** A way to Argo CD that counts what is asked. */
async function counted(url: string): Promise<AsyncDisposable & { readonly url: string; calls(): number }> {
  let calls = 0;
  const proxy = createServer((incoming, outgoing) => {
    calls += 1;
    const { method, headers } = incoming;
    const onward = ask(`${url}${incoming.url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    calls: () => calls,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}
