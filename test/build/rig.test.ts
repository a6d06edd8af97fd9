import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { authorization, openEcr } from '../../src/aws/ecr.ts';
import { ensureRepository } from '../../src/aws/ecr-repository.ts';
import { type RegistryLogin, withDockerConfig } from '../../src/build/docker-config.ts';
import { whyNoBuildKit } from './buildkit.ts';
import { buildRole, identityOfRun, OTHER_REGION, PRODUCTION, REGION, STAGING } from './company.ts';
import { type BuildRig, startBuildRig } from './rig.ts';

const reason = await whyNoBuildKit();
const PLAN = { environments: ['production'], keepReleases: 5, keepUnusedDays: 7, pullAccounts: [] };
const TARGETS = [
  { account: STAGING, region: REGION },
  { account: PRODUCTION, region: OTHER_REGION },
];

let rig: BuildRig;
let logins: RegistryLogin[];
let context: string;

beforeAll(async () => {
  if (reason !== undefined) return;
  rig = await startBuildRig();
  vi.stubEnv('AWS_ENDPOINT_URL', rig.ecr.endpoint);
  logins = await Promise.all(
    TARGETS.map(async ({ account, region }) => {
      rig.ecr.role(buildRole(account), { allow: ['ecr:*'], webIdentity: { subject: 'repo:acme/*' } });
      const ecr = openEcr(identityOfRun(rig.issuer)(buildRole(account), region));
      await ensureRepository(ecr, 'web', PLAN, true);
      return authorization(ecr);
    }),
  );
  context = path.join(rig.dockerConfig, '../context');
  mkdirSync(context);
  writeFileSync(path.join(context, 'Dockerfile'), 'FROM scratch\nCOPY main.rb /\n');
});
beforeEach(({ skip }) => skip(reason !== undefined, reason));
afterEach(() => rig?.ecr.clearFaults());
afterAll(async () => {
  vi.unstubAllEnvs();
  await rig?.[Symbol.asyncDispose]();
});

/** A build of some content by plain buildx, with the user's Docker configuration as it is. */
async function build(content: string, tag: string) {
  writeFileSync(path.join(context, 'main.rb'), content);
  const names = logins.flatMap(({ host }) => ['--tag', `${host}/web:${tag}`]);
  return withDockerConfig(logins, rig.env, (env) =>
    execa(
      'docker',
      ['buildx', 'build', '--push', '--platform', 'linux/amd64,linux/arm64', ...names, context],
      {
        env,
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
        all: true,
      },
    ),
  );
}

const imagesOf = (tag: string) =>
  TARGETS.map(({ account, region }) =>
    rig.ecr.images(account, region, 'web').find((image) => image.tags.has(tag)),
  );

describe('the rig of builds', () => {
  test('builds two architectures and pushes them to two accounts in two regions: the same digest', async () => {
    const { all, exitCode } = await build('puts 1', 'v1');
    expect(exitCode, all).toBe(0);
    const [staging, production] = imagesOf('v1');
    expect(staging?.digest).toMatch(/^sha256:/);
    expect(production?.digest).toBe(staging?.digest);
    const platforms = staging?.manifest.manifests?.map((child) => (child as { platform?: object }).platform);
    expect(platforms).toEqual(
      expect.arrayContaining([
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ]),
    );
  });

  test("signs in also where the user's configuration names a store that is not there", async () => {
    writeFileSync(path.join(rig.dockerConfig, 'config.json'), '{"credsStore":"not-installed"}');
    const { all, exitCode } = await build('puts 2', 'v2');
    expect(exitCode, all).toBe(0);
    writeFileSync(path.join(rig.dockerConfig, 'config.json'), '{}');
  });

  test('refuses a tag that exists, a repository that does not, a password that has expired', async () => {
    await build('puts 3', 'v3');
    const again = await build('puts 4', 'v3');
    expect(again.exitCode).toBe(1);
    expect(again.all).toContain('cannot be overwritten because the tag is immutable');
    rig.ecr.inject({ match: ({ operation }) => operation === 'PutImage', kind: 'expired', times: 99 });
    const late = await build('puts 5', 'v5');
    expect(late.all).toContain('Your authorization token has expired');
    expect(imagesOf('v5')).toEqual([undefined, undefined]);
    for (const secret of rig.ecr.secrets) expect(late.all).not.toContain(secret);
  });

  test('takes the images of docker.io from its own registry', async () => {
    const hub = `${rig.dockerHub.host}/library/busy:1`;
    writeFileSync(path.join(context, 'main.rb'), 'base');
    await rig.docker('buildx', 'build', '--push', '--tag', hub, context);
    writeFileSync(path.join(context, 'Again'), 'FROM busy:1\nCOPY main.rb /again\n');
    const out = path.join(context, '../out');
    await rig.docker(
      'buildx',
      'build',
      '--file',
      path.join(context, 'Again'),
      '--output',
      `type=local,dest=${out}`,
      context,
    );
    const { stdout } = await execa('ls', [out]);
    expect(stdout.split('\n')).toEqual(['again', 'main.rb']);
  });
});
