import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AppRepository, createAppRepository } from './build/app-repository.ts';
import { whyNoBuildKit } from './build/buildkit.ts';
import { signedInConfig } from './build/docker-config.ts';
import { type BuildRig, startBuildRig } from './build/rig.ts';
import { printing } from './build/tiny-program.ts';

const why = await whyNoBuildKit();
if (why !== undefined) console.warn(`The commands of images are not tested: ${why}.`);

const [STAGING, PRODUCTION] = ['111111111111', '222222222222'] as const;
const [TOKYO, VIRGINIA] = ['ap-northeast-1', 'us-east-1'] as const;
const BUILD = `arn:aws:iam::${STAGING}:role/build`;
const PUSH = `arn:aws:iam::${PRODUCTION}:role/push`;
const KAJITORI = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

describe.skipIf(why !== undefined)('the commands of images', () => {
  let rig: BuildRig;
  let app: AppRepository;

  beforeAll(async () => {
    rig = await startBuildRig();
    app = await createAppRepository(rig);
    rig.ecr.role(BUILD, { allow: ['ecr:*', 'sts:AssumeRole'], webIdentity: { subject: 'repo:acme/web:*' } });
    rig.ecr.role(PUSH, { allow: ['ecr:*'], trusts: [BUILD] });
  });
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
  });

  const kajitori = (...args: readonly string[]) =>
    execa(process.execPath, [KAJITORI, ...args], {
      cwd: app.folder,
      env: { ...rig.env, ...rig.ecr.keys(BUILD) },
      extendEnv: false,
      reject: false,
      all: true,
    });
  const copy = (...args: readonly string[]) => kajitori('copy-image', ...args);
  const there = () => rig.ecr.images(PRODUCTION, VIRGINIA, 'web');

  test('build: one image, then several, each in its own repository', async () => {
    const commit = await app.commit({
      'two/Dockerfile': 'FROM scratch AS app\nCOPY one /\nFROM scratch AS proxy\nCOPY other /\n',
      'two/one': 'one',
      'two/other': 'other',
      'images.yaml': '{ app: { target: app }, proxy: { target: proxy } }\n',
    });
    const to = ['--registry', `${STAGING}/${TOKYO}`, '--create-repository', '--context', 'two', '--json'];
    const one = await kajitori('build', '--name', 'laptop', '--target', 'app', ...to);
    expect(one.exitCode, one.all).toBe(0);
    expect(JSON.parse(one.stdout)).toMatchObject({ outcome: 'built', commit });
    const several = await kajitori('build', '--name', 'laptop', '--images', 'images.yaml', ...to);
    expect(several.exitCode, several.all).toBe(0);
    const outputs = JSON.parse(several.stdout) as Record<string, { outcome: string; digest: string }>;
    expect(Object.keys(outputs)).toEqual(['app', 'proxy']);
    for (const [name, { outcome, digest }] of Object.entries(outputs)) {
      expect(outcome).toBe('built');
      const found = rig.ecr.images(STAGING, TOKYO, `laptop-${name}`).find((image) => image.digest === digest);
      expect(found?.tags).toContain(commit);
    }
    const wrong = await kajitori('build', '--name', 'laptop', '--images', 'none.yaml', ...to);
    expect(wrong).toMatchObject({ exitCode: 2, all: expect.stringContaining('none.yaml cannot be read') });
  });

  test('build: the assets of a stage are in S3 with it; one half of what they need is bad input', async () => {
    const Bucket = 'acme-laptop-assets';
    const assets = `arn:aws:iam::${STAGING}:role/assets`;
    rig.ecr.role(assets, { allow: ['s3:*'], trusts: [BUILD] });
    const keys = rig.ecr.keys(assets);
    const s3 = new S3Client({
      endpoint: rig.ecr.endpoint,
      region: TOKYO,
      forcePathStyle: true,
      credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY },
    });
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: TOKYO } }),
    );
    await app.commit({
      'page/Dockerfile': 'FROM scratch AS assets\nCOPY public /public\nFROM scratch\nCOPY Dockerfile /\n',
      'page/public/app-1f3c9e2b.js': 'one',
    });
    const to = ['--registry', `${STAGING}/${TOKYO}`, '--create-repository', '--context', 'page'];
    const build = ['build', '--name', 'page', ...to, '--assets-role', assets];
    const half = await kajitori(...build, '--assets-to', `s3://${Bucket}/web`);
    expect(half).toMatchObject({ exitCode: 2, all: expect.stringContaining('assets-target') });
    expect(rig.ecr.images(STAGING, TOKYO, 'page')).toEqual([]);
    const whole = [...build, '--assets-target', 'assets', '--assets-path', '/public'];
    const built = await kajitori(...whole, '--assets-to', `s3://${Bucket}/web`);
    expect(built.all).toContain(`assets: 1 uploaded to s3://${Bucket}/web`);
    expect(built.exitCode, built.all).toBe(0);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents.map(({ Key }) => Key)).toContain('web/app-1f3c9e2b.js');
  });

  test('what BuildKit built for two architectures, with its provenance, is the same digest in the other account', async () => {
    const commit = await app.commit({
      'image/Dockerfile': 'FROM scratch\nARG TARGETARCH\nCOPY --chmod=755 hello-$TARGETARCH /hello\n',
      'image/hello-amd64': printing('amd64', 'hello\n'),
      'image/hello-arm64': printing('arm64', 'hello\n'),
    });
    const built = await app.build({
      name: 'web',
      registries: `${STAGING}/${TOKYO} ${BUILD}`,
      context: 'image',
      platforms: 'linux/amd64,linux/arm64',
    });
    const { digest = '' } = built.outputs;
    const image = ['--name', 'web', '--digest', digest, '--tag', commit, '--from', `${STAGING}/${TOKYO}`];
    const args = [...image, '--registry', `${PRODUCTION}/${VIRGINIA} ${PUSH}`, '--create-repository'];
    const first = await copy(...args);
    expect(first.all).toContain(`${PRODUCTION}.dkr.ecr.${VIRGINIA}.amazonaws.com/web:${commit}@${digest}`);
    expect(first.exitCode).toBe(0);
    const index = there().find((image) => image.digest === digest);
    expect(index?.tags).toEqual(new Set([commit]));
    // Two images, and the attestations of each.
    const children = index?.manifest.manifests?.map((child) => child.digest) ?? [];
    expect(children).toHaveLength(4);
    const copied = there().map((image) => image.digest);
    expect(children.filter((child) => !copied.includes(child ?? ''))).toEqual([]);
    await using config = await signedInConfig(rig, PUSH, VIRGINIA);
    // Every layer of it arrived: crane checks the digest of each.
    await execa(
      'crane',
      ['validate', '--remote', `${PRODUCTION}.dkr.ecr.${VIRGINIA}.amazonaws.com/web@${digest}`],
      { env: { ...rig.env, DOCKER_CONFIG: config.path }, extendEnv: false },
    );

    const moment = rig.ecr.log.length;
    const again = await copy(...args);
    expect(again.all).toContain('all layers were there');
    const writes = rig.ecr.log.slice(moment).filter(({ operation }) => /Upload|PutImage/.test(operation));
    expect(writes).toEqual([]);
  });

  test('bad input: exit 2, and what to write', async () => {
    const from = [
      '--name',
      'web',
      '--from',
      `${STAGING}/${TOKYO}`,
      '--registry',
      `${PRODUCTION}/${VIRGINIA}`,
    ];
    const digest = `sha256:${'0'.repeat(64)}`;
    const runs = await Promise.all([
      copy(...from, '--digest', 'latest', '--tag', 'v1'),
      copy(...from, '--digest', digest, '--tag', '$(id)'),
      copy(...from, '--digest', digest, '--tag', 'v1', '--role', PUSH),
    ]);
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
    expect(runs[0]?.all).toContain('"latest" is not a digest');
    expect(runs[1]?.all).toContain('cannot be a tag');
  });
});
