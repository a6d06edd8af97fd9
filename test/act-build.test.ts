import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startArgoCd } from '../src/standin/argocd/server.ts';
import { foundCompany, release } from './act/company.ts';
import { deployment } from './act/deployment.ts';
import { releaseSuite } from './act/suite.ts';
import { whyNoBuildKit } from './build/buildkit.ts';
import { type BuildRig, startBuildRig } from './build/rig.ts';

const why = await whyNoBuildKit();
if (why !== undefined) console.warn(`Workflows that build are not tested: ${why}.`);

const ACCOUNT = '333333333333';
const REGION = 'ap-northeast-1';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/build`;

describe.skipIf(why !== undefined)('an app repository', () => {
  let suite: string;
  let rig: BuildRig;

  beforeAll(async () => {
    suite = await mkdtemp(join(tmpdir(), 'kajitori-suite-'));
    await releaseSuite(suite);
    rig = await startBuildRig();
    rig.ecr.role(ROLE, { allow: ['ecr:*'], webIdentity: { subject: 'repo:acme/web:*' } });
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
    await rm(suite, { recursive: true, force: true });
  });

  /** The runner of this machine; its PATH and HOME are act's. */
  const variables = () => {
    const { PATH: _, HOME: __, ...env } = rig.env;
    return { ...env, ...rig.issuer.variables };
  };
  const files = { Dockerfile: 'FROM scratch\nCOPY text /text\n', text: 'hello\n' };
  const image = { name: 'web', registries: `${ACCOUNT}/${REGION} ${ROLE}`, 'create-repository': true };

  test('calls build-image.yml with a runner for an architecture, then again: one image, built once', async () => {
    await using company = await foundCompany(suite);
    const build = {
      uses: 'kajitori/kajitori/.github/workflows/build-image.yml@v1',
      permissions: { contents: 'read', 'id-token': 'write' },
      with: {
        ...image,
        // One: act's first leg of a matrix puts its values in the place of the job's output expressions, and what later legs
        // set is lost (act 0.2.89, run_context.go, interpolateOutputs). GitHub hands on each leg's own outputs.
        // test/build.test.ts joins two parts.
        runners: JSON.stringify([{ platform: 'linux/amd64', 'runs-on': 'ubuntu-latest' }]),
      },
    };
    const run = await company.run({
      jobs: { build, again: { ...build, needs: 'build' } },
      files,
      variables: variables(),
    });
    expect(run.annotations).toEqual([]);
    expect(run.exitCode).toBe(0);
    expect(run.needed.build?.outputs).toMatchObject({ outcome: 'built' });
    expect(run.needed.again?.outputs).toMatchObject({
      outcome: 'existed',
      digest: run.needed.build?.outputs.digest,
    });
    expect(run.leaked).toEqual([]);
    expect(rig.ecr.secrets.filter((secret) => run.unmasked.includes(secret))).toEqual([]);
  });

  test('calls release.yml without an image: what it builds is looked at, deployed and marked as live', async () => {
    await using company = await foundCompany(suite);
    const run = await company.run({
      jobs: {
        release: release(
          {
            'build-name': 'released',
            'build-registries': image.registries,
            'build-create-repository': true,
            'check-image': true,
            'mark-live': true,
            'registry-role': ROLE,
          },
          company.app,
        ),
      },
      files,
      variables: variables(),
    });
    expect(run.annotations).toEqual([]);
    expect(run.exitCode).toBe(0);
    const file = parse((await company.gitops.read('apps/web/release.production.yaml')) ?? '');
    const [built] = rig.ecr
      .images(ACCOUNT, REGION, 'released')
      .filter(({ tags }) => tags.has(file.image.tag));
    expect(file.image).toEqual({
      repository: `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/released`,
      tag: await company.github.repository('acme/web').head(),
      digest: built?.digest,
    });
    expect(built?.tags).toContain('live-production');
    expect(built?.tags).toContain(`release.production.${file.release.build}`);
  });

  test('a deploy that is put back takes the mark of what is live with it', async () => {
    await using company = await foundCompany(suite, undefined, { permissions: { statuses: 'write' } });
    let healthy: string | undefined;
    await using argocd = await startArgoCd({
      clusters: ['stg-1', 'prod-1', 'prod-2'],
      repository: company.gitops,
      render: async (...parameters) => {
        const objects = await deployment(...parameters);
        // Once one is known to be healthy, no other one is.
        if (JSON.stringify(objects).includes(healthy ?? '')) return objects;
        throw new Error('values do not meet the specifications of the schema');
      },
    });
    const deploy = (text: string) =>
      company.run({
        jobs: {
          release: release(
            {
              'build-name': 'put-back',
              'build-registries': image.registries,
              'build-create-repository': true,
              'mark-live': true,
              'registry-role': ROLE,
              argocd: 'api',
              'argocd-server': argocd.url,
            },
            company.app,
            {
              secrets: { 'private-key': '${{ secrets.KAJITORI_PRIVATE_KEY }}', 'argocd-token': argocd.token },
            },
          ),
        },
        files: { ...files, text },
        variables: variables(),
      });
    const live = () =>
      rig.ecr
        .images(ACCOUNT, REGION, 'put-back')
        .filter(({ tags }) => tags.has('live-production'))
        .map(({ digest }) => digest);

    const good = await deploy('good\n');
    expect(good.needed.release?.outputs).toMatchObject({ verdict: 'healthy' });
    [healthy] = live();
    expect(healthy).toMatch(/^sha256:/);

    const bad = await deploy('bad\n');
    expect(bad.jobs.release).toMatchObject({ result: 'failure', outputs: { verdict: 'failed' } });
    // It was live, until it was put back.
    const released = rig.ecr
      .images(ACCOUNT, REGION, 'put-back')
      .filter(({ tags }) => [...tags].some((tag) => tag.startsWith('release.production.')));
    expect(released).toHaveLength(2);
    expect(live()).toEqual([healthy]);
  });
});
