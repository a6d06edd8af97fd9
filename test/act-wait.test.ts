import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startArgoCd } from '../src/standin/argocd/server.ts';
import { foundCompany, image, release } from './act/company.ts';
import { deployment } from './act/deployment.ts';
import { releaseSuite } from './act/suite.ts';

let suite: string;
beforeAll(async () => {
  suite = await mkdtemp(join(tmpdir(), 'kajitori-suite-'));
  await releaseSuite(suite);
});
afterAll(() => rm(suite, { recursive: true, force: true }));

test('release.yml to healthy in both clusters; then a bad image, and both are back, held, and the run says why', async () => {
  await using company = await foundCompany(suite, undefined, { permissions: { statuses: 'write' } });
  await using argocd = await startArgoCd({
    clusters: ['stg-1', 'prod-1', 'prod-2'],
    repository: company.gitops,
    render: deployment,
  });
  const waiting = (byte: string, tag: string) =>
    release({ image: image('web', tag, byte), argocd: 'api', 'argocd-server': argocd.url }, company.app, {
      secrets: {
        'private-key': '${{ secrets.KAJITORI_PRIVATE_KEY }}',
        'argocd-token': argocd.token,
      },
    });
  const states = (commit: string) =>
    ['prod-1', 'prod-2'].map(
      (cluster) =>
        company.gitops.statuses(commit).findLast(({ context }) => context === `kajitori/web/${cluster}`)
          ?.state,
    );

  const token = { deployments: 'write', statuses: 'write', pull_requests: 'write' } as const;
  const good = await company.run({ jobs: { release: waiting('a', 'v2') }, token });
  expect(good.annotations).toEqual([]);
  expect(good.needed.release).toMatchObject({
    result: 'success',
    outputs: { reason: 'bumped', verdict: 'healthy', 'rolled-back-commit': '' },
  });
  expect(good.summary).toContain('web is healthy in production: prod-1 and prod-2');
  const deployed = good.needed.release?.outputs.commit ?? '';
  expect(states(deployed)).toEqual(['success', 'success']);
  expect(good.leaked).toEqual([]);
  const web = company.github.repository('acme/web');
  const shown = () => web.deployments().map((each) => [each.environment, each.statuses[0]?.state]);
  expect(shown()).toEqual([
    ['web/production/prod-2', 'success'],
    ['web/production/prod-1', 'success'],
  ]);
  expect(web.statuses(await web.head()).at(-1)).toMatchObject({ context: 'kajitori/web/production' });

  argocd.cluster('prod-2').image('v3', 'missing');
  // Without the permissions to tell people: the verdict is the same.
  const bad = await company.run({ jobs: { release: waiting('b', 'v3') } });
  expect(bad.exitCode).not.toBe(0);
  expect(bad.summary).toContain('Not told: ');
  expect(shown()).toHaveLength(2);
  const [undone, failed] = await company.gitops.commits();
  // act starts no job after a called workflow that failed: what the waiting job left is read from its steps.
  expect(bad.jobs.release).toMatchObject({
    result: 'failure',
    outputs: { verdict: 'failed', 'rolled-back-commit': undone?.oid },
  });
  expect(bad.annotations).toEqual([
    expect.objectContaining({
      step: 'wait',
      title: 'The deploy failed',
      message: expect.stringMatching(
        /^web failed in prod-2: The image \S+ cannot be pulled.*\nAll clusters of production are back .*\n→ /,
      ),
    }),
  ]);
  const restored = parse((await company.gitops.read('apps/web/release.production.yaml')) ?? '');
  expect(restored).toMatchObject({
    image: { tag: 'v2' },
    release: { rollback: true },
    hold: { by: 'kajitori', reason: expect.stringContaining('deploy failed in prod-2') },
  });
  expect(states(failed?.oid ?? '')[1]).toBe('failure');
  expect(states(undone?.oid ?? '')).toEqual(['success', 'success']);
  expect(bad.leaked).toEqual([]);
});
