import { readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EcrFault } from '../src/standin/ecr/faults.ts';
import { type AppRepository, createAppRepository } from './build/app-repository.ts';
import { whyNoBuildKit } from './build/buildkit.ts';
import { signedInConfig } from './build/docker-config.ts';
import { type BuildRig, startBuildRig } from './build/rig.ts';
import { printing, printingFile, writingFile } from './build/tiny-program.ts';

const why = await whyNoBuildKit();
if (why !== undefined) console.warn(`Builds are not tested: ${why}.`);

const [ONE, TWO] = ['111111111111', '222222222222'] as const;
const [TOKYO, VIRGINIA] = ['ap-northeast-1', 'us-east-1'] as const;
const role = (account: string) => `arn:aws:iam::${account}:role/build`;
const FIRST = `${ONE}/${TOKYO} ${role(ONE)}`;
const SECOND = `${TWO}/${VIRGINIA} ${role(TWO)}`;
const BOTH = `${FIRST}\n${SECOND}`;
const hostOf = (account: string, region: string) => `${account}.dkr.ecr.${region}.amazonaws.com`;

const DOCKERFILE = `FROM scratch
ARG TARGETARCH
COPY --chmod=755 hello-$TARGETARCH /hello
ENTRYPOINT ["/hello"]
`;

describe.skipIf(why !== undefined)('actions/build-image', () => {
  let rig: BuildRig;
  let app: AppRepository;
  let repositories = 0;

  beforeAll(async () => {
    rig = await startBuildRig();
    app = await createAppRepository(rig);
    for (const account of [ONE, TWO]) {
      rig.ecr.role(role(account), { allow: ['ecr:*'], webIdentity: { subject: 'repo:acme/web:*' } });
    }
    await app.commit({
      'image/Dockerfile': DOCKERFILE,
      'image/hello-amd64': printing('amd64', 'hello from amd64\n'),
      'image/hello-arm64': printing('arm64', 'hello from arm64\n'),
    });
  });
  afterEach(() => rig.ecr.clearFaults());
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
  });

  /** A repository in ECR that no other test uses. */
  const newName = () => `web-${++repositories}`;

  const tagsOf = (account: string, region: string, name: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      rig.ecr
        .images(account, region, name)
        .flatMap(({ digest, tags }) => [...tags].map((tag) => [tag, digest])),
    );
  const inBoth = (name: string) => [tagsOf(ONE, TOKYO, name), tagsOf(TWO, VIRGINIA, name)] as const;

  const dockerConfig = () =>
    readFile(path.join(rig.dockerConfig, 'config.json'), 'utf8').catch(() => undefined);

  /** Requests that write image data or tags, since a moment. */
  const writesSince = (moment: number) =>
    rig.ecr.log
      .slice(moment)
      .filter(({ operation }) => /Upload|PutImage$/.test(operation))
      .map(({ service, operation }) => `${service}:${operation}`);

  test('two accounts, two regions, two architectures in one call: one digest, which runs', async () => {
    const name = newName();
    const commit = await app.commit({});
    const run = await app.build({
      name,
      registries: BOTH,
      context: 'image',
      platforms: 'linux/arm64,linux/amd64',
      tags: 'stable',
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { outcome: 'built', commit } });
    const { digest = '', key = '', images = '' } = run.outputs;
    expect(digest).toMatch(/^sha256:[a-f\d]{64}$/);
    expect(images.split('\n')).toEqual([
      `${hostOf(ONE, TOKYO)}/${name}:${commit}@${digest}`,
      `${hostOf(TWO, VIRGINIA)}/${name}:${commit}@${digest}`,
    ]);
    const tags = { [commit]: digest, stable: digest, 'branch-main': digest, [key]: digest };
    const [one, two] = inBoth(name);
    expect(one).toEqual({ ...tags, 'cache-main': expect.any(String) });
    expect(two).toEqual(tags);
    expect(run.summary).toContain(`### Built: ${digest}`);
    expect(run.summary).toContain('of 2 steps from the cache');
    expect(await dockerConfig()).toBeUndefined();

    const [architecture, other] = process.arch === 'x64' ? ['amd64', 'arm64'] : ['arm64', 'amd64'];
    for (const [account, region] of [
      [ONE, TOKYO],
      [TWO, VIRGINIA],
    ] as const) {
      await using config = await signedInConfig(rig, role(account), region);
      const pull = (platform: string) =>
        execa({
          shell: false,
          env: { ...rig.env, DOCKER_CONFIG: config.path },
          extendEnv: false,
          encoding: 'buffer',
        })('crane', [
          'export',
          `--platform=linux/${platform}`,
          `${hostOf(account, region)}/${name}@${digest}`,
          '-',
        ]);
      const unpack = async (platform: string) => {
        const folder = path.join(config.path, platform);
        await execa('mkdir', [folder]);
        await execa('tar', ['-x', '-C', folder], { input: (await pull(platform)).stdout });
        return path.join(folder, 'hello');
      };
      expect((await execa(await unpack(architecture))).stdout).toBe(`hello from ${architecture}`);
      expect((await readFile(await unpack(other))).toString('latin1')).toContain(`hello from ${other}`);
    }
  });

  test('the same commit again: nothing is built or pushed, the digest is the one that is there', async () => {
    const name = newName();
    const inputs = { name, registries: BOTH, context: 'image' };
    await app.commit({});
    const first = await app.build(inputs);
    const before = inBoth(name);
    const moment = rig.ecr.log.length;
    const again = await app.build(inputs);
    expect(again).toMatchObject({
      exitCode: 0,
      outputs: { outcome: 'existed', digest: first.outputs.digest, images: first.outputs.images },
    });
    expect(writesSince(moment)).toEqual([]);
    expect(inBoth(name)).toEqual(before);
    expect(again.summary).toContain('Not built: this commit was built before');
  });

  test('a new commit with the same content gets its tag without a build', async () => {
    const name = newName();
    const inputs = { name, registries: BOTH, context: 'image' };
    await app.commit({});
    const first = await app.build(inputs);
    const commit = await app.commit({ 'README.md': `${Math.random()}` });
    const moment = rig.ecr.log.length;
    const second = await app.build(inputs);
    const { digest, key } = first.outputs;
    expect(second).toMatchObject({ exitCode: 0, outputs: { outcome: 'retagged', digest, key, commit } });
    expect(writesSince(moment).filter((write) => write.startsWith('registry:'))).toEqual([]);
    for (const tags of inBoth(name)) expect(tags[commit]).toBe(digest);
  });

  test('a repository that was made otherwise is used as it is; how it differs is said, built or not', async () => {
    const name = newName();
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = rig.ecr.keys(role(ONE));
    const ecr = new ECRClient({
      endpoint: rig.ecr.endpoint,
      region: TOKYO,
      credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
    });
    await ecr.send(new CreateRepositoryCommand({ repositoryName: name }));
    const inputs = { name, registries: FIRST, context: 'image', 'create-repository': 'false' };
    for (const outcome of ['built', 'retagged']) {
      await app.commit({ 'README.md': `${name} ${outcome}` });
      const run = await app.build(inputs);
      expect(run).toMatchObject({ exitCode: 0, outputs: { outcome } });
      expect(run.log).toContain(`note: ${hostOf(ONE, TOKYO)}/${name}: `);
      expect(run.summary).toContain('There is no lifecycle policy');
    }
  });

  test('a base image that moved is other content: it is built again', async () => {
    const [base, name] = [newName(), newName()];
    await app.commit({ 'base/Dockerfile': 'FROM scratch\nCOPY version /\n', 'base/version': `1 ${base}` });
    await app.build({ name: base, registries: FIRST, context: 'base' });
    const from = `${hostOf(ONE, TOKYO)}/${base}:branch-main`;
    await app.commit({
      'on-base/Dockerfile': `ARG BASE=${from}\nFROM $BASE\nCOPY Dockerfile /\n`,
    });
    const inputs = { name, registries: FIRST, context: 'on-base' };
    const first = await app.build(inputs);
    await app.commit({});
    const second = await app.build(inputs);
    expect([first, second].map(({ outputs }) => outputs.outcome)).toEqual(['built', 'retagged']);
    await app.commit({ 'base/version': `2 ${base}` });
    await app.build({ name: base, registries: FIRST, context: 'base' });
    const third = await app.build(inputs);
    expect(third.outputs.outcome).toBe('built');
    expect(third.outputs.key).not.toBe(first.outputs.key);
    // One that nobody can look at: built, and not remembered.
    await app.commit({
      'on-base/Dockerfile': `FROM ${from}-gone AS gone\nFROM scratch\nCOPY Dockerfile /\n`,
    });
    const unclear = await app.build(inputs);
    expect(unclear.log).toContain(`the digest of ${from}-gone could not be read`);
  });

  test('an account that comes later gets a copy of the image, not another one', async () => {
    const name = newName();
    await app.commit({});
    const first = await app.build({
      name,
      registries: FIRST,
      context: 'image',
      platforms: 'linux/amd64,linux/arm64',
    });
    const both = await app.build({
      name,
      registries: BOTH,
      context: 'image',
      platforms: 'linux/amd64,linux/arm64',
    });
    expect(both).toMatchObject({
      exitCode: 0,
      outputs: { outcome: 'existed', digest: first.outputs.digest },
    });
    const [one, two] = inBoth(name);
    expect(two[both.outputs.commit ?? '']).toBe(one[both.outputs.commit ?? '']);
  });

  test('a context that is not what git has is built, and its content is not remembered', async () => {
    const name = newName();
    await app.commit({});
    await app.write({ 'image/leftover': 'not in git' });
    const run = await app.build({ name, registries: FIRST, context: 'image' });
    await execa('git', ['-C', app.folder, 'clean', '-qfdx']);
    expect(run).toMatchObject({ exitCode: 0, outputs: { outcome: 'built' } });
    expect(Object.keys(tagsOf(ONE, TOKYO, name)).filter((tag) => tag.startsWith('content-'))).toEqual([]);
    expect(run.log).toContain('image/leftover: not added');
  });

  test('two runs of one commit at the same time end with one image', async () => {
    const name = newName();
    await app.commit({});
    const inputs = { name, registries: BOTH, context: 'image', force: 'true' };
    await app.build({ ...inputs, 'create-repository': 'true', registries: BOTH });
    const commit = await app.commit({ 'image/hello-amd64': printing('amd64', 'hello again\n') });
    const runs = await Promise.all([app.build(inputs), app.build(inputs)]);
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const [one, two] = inBoth(name);
    for (const { outputs } of runs) expect(outputs.digest).toBe(one[commit]);
    expect(two[commit]).toBe(one[commit]);
    expect(one['branch-main']).toBe(one[commit]);
  });

  test('each architecture on a runner of its own: looked, built in parts, joined', async () => {
    const name = newName();
    const commit = await app.commit({ 'image/hello-arm64': printing('arm64', 'hello in parts\n') });
    const inputs = { name, registries: BOTH, context: 'image', platforms: 'linux/amd64,linux/arm64' };
    const look = await app.build({ ...inputs, step: 'look' });
    expect(look).toMatchObject({ exitCode: 0, outputs: { outcome: '', digest: '' } });
    const parts = [];
    for (const architecture of ['amd64', 'arm64']) {
      const part = await app.build({ ...inputs, step: 'part', platform: `linux/${architecture}` });
      expect(part).toMatchObject({ exitCode: 0, outputs: { images: '' } });
      parts.push(part.outputs[`part-${architecture}`] ?? '');
    }
    expect(inBoth(name)[1]).toEqual({});
    const join = await app.build({ ...inputs, step: 'join', digests: parts.join('\n') });
    expect(join).toMatchObject({ exitCode: 0, outputs: { outcome: 'built', commit } });
    const index = JSON.parse(
      rig.ecr.images(TWO, VIRGINIA, name).find(({ digest }) => digest === join.outputs.digest)?.text ?? '{}',
    ) as {
      manifests: readonly { platform?: { architecture: string } }[];
      annotations?: Record<string, string>;
    };
    const architectures = index.manifests.map(({ platform }) => platform?.architecture ?? 'none');
    expect(new Set(architectures)).toEqual(new Set(['amd64', 'arm64', 'unknown']));
    expect(index.annotations).toMatchObject({ 'org.opencontainers.image.revision': commit });
    const again = await app.build({ ...inputs, step: 'look' });
    expect(again).toMatchObject({ outputs: { outcome: 'existed', digest: join.outputs.digest } });
  });

  test('several images, each architecture on a runner of its own; one of them was built before', async () => {
    const name = newName();
    const commit = await app.commit({ 'image/hello-arm64': printing('arm64', `several in parts ${name}\n`) });
    const all = { registries: FIRST, context: 'image', platforms: 'linux/amd64,linux/arm64' };
    const before = await app.build({ ...all, name: `${name}-there`, platforms: 'linux/amd64' });
    const inputs = { ...all, name, images: 'web: {}\nthere: { platforms: [linux/amd64] }\n' };
    const look = await app.build({ ...inputs, step: 'look' });
    expect(look).toMatchObject({ exitCode: 0, outputs: { outcome: '', image: '', images: '' } });
    const parts: string[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      const part = await app.build({ ...inputs, step: 'part', platform: `linux/${architecture}` });
      expect(part).toMatchObject({ exitCode: 0, outputs: { image: '' } });
      parts.push(part.outputs[`part-${architecture}`] ?? '');
    }
    expect(parts).toEqual([
      expect.stringMatching(/^web=sha256:\w+ there=sha256:\w+$/),
      expect.stringMatching(/^web=sha256:\w+$/),
    ]);
    const join = await app.build({ ...inputs, step: 'join', digests: parts.join(' ') });
    expect(join).toMatchObject({ exitCode: 0, outputs: { outcome: 'built', commit } });
    const byName = JSON.parse(join.outputs['by-name'] ?? '') as Record<
      string,
      { outcome: string; digest: string }
    >;
    expect(byName.there).toMatchObject({ outcome: 'existed', digest: before.outputs.digest });
    expect(byName.web?.outcome).toBe('built');
    expect(tagsOf(ONE, TOKYO, `${name}-web`)[commit]).toBe(byName.web?.digest);
    const again = await app.build({ ...inputs, step: 'look' });
    expect(again.outputs).toMatchObject({ outcome: 'existed', image: join.outputs.image });
  });

  test.skipIf(process.arch !== 'x64')(
    'secrets stay out of logs, layers, history, provenance and outputs',
    async () => {
      const name = newName();
      const [byVariable, byFile] = ['canary-by-variable-9f3a', 'canary-by-file-77b1'];
      // No secret: it must be found, or nothing was looked at.
      const visible = 'visible-4e1d';
      await app.commit({
        'secret/Dockerfile': `FROM scratch
COPY --chmod=755 print-variable print-file /
RUN --mount=type=secret,id=npm ["/print-variable"]
RUN --mount=type=secret,id=rc ["/print-file"]
`,
        'secret/print-variable': printingFile('/run/secrets/npm'),
        'secret/print-file': printingFile('/run/secrets/rc'),
        '.gitignore': 'rc\n',
      });
      await writeFile(path.join(app.folder, 'rc'), `first line\n${byFile}\n`);
      const run = await app.build(
        {
          name,
          registries: BOTH,
          context: 'secret',
          secrets: 'npm=env:NPM_TOKEN\nrc=file:rc',
          'build-args': `COLOR=${visible}`,
        },
        { NPM_TOKEN: byVariable },
      );
      expect(run).toMatchObject({ exitCode: 0, outputs: { outcome: 'built' } });
      // The RUNs did print them.
      expect(run.log.split('***').length).toBeGreaterThan(2);
      const everything = [run.log, run.summary, JSON.stringify(run.outputs)].join('\n');
      const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: oidc } = rig.issuer.variables;
      const secrets = [byVariable, byFile, oidc, ...rig.ecr.secrets];
      expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
      let seen = 0;
      for (const { text } of rig.ecr.images(ONE, TOKYO, name)) {
        expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
        const { layers = [], config } = JSON.parse(text) as {
          layers?: readonly { digest: string }[];
          config?: { digest: string };
        };
        await using docker = await signedInConfig(rig, role(ONE), TOKYO);
        for (const { digest } of [...layers, ...(config === undefined ? [] : [config])]) {
          const blob = await execa('crane', ['blob', `${hostOf(ONE, TOKYO)}/${name}@${digest}`], {
            env: { ...rig.env, DOCKER_CONFIG: docker.path },
            extendEnv: false,
            encoding: 'buffer',
          });
          const plain = await execa('gzip', ['-dcf'], { input: blob.stdout, encoding: 'buffer' });
          const held = Buffer.from(plain.stdout);
          expect(secrets.filter((secret) => held.includes(secret))).toEqual([]);
          if (held.includes(visible)) seen += 1;
        }
      }
      expect(seen, 'the provenance was read').toBeGreaterThan(0);
    },
  );

  test.skipIf(process.arch !== 'x64')(
    'an SBOM is attached, for each platform that can be scanned',
    async () => {
      const name = newName();
      // What BuildKit scans with (docs: "SBOM attestations", generator), as small as it can be.
      const statement = JSON.stringify({
        _type: 'https://in-toto.io/Statement/v0.1',
        subject: [],
        predicateType: 'https://spdx.dev/Document',
        predicate: { SPDXID: 'SPDXRef-DOCUMENT', spdxVersion: 'SPDX-2.3', name: 'scanned on the rig' },
      });
      await app.write({
        '../scanner/Dockerfile': 'FROM scratch\nCOPY --chmod=755 scan /scan\nENTRYPOINT ["/scan"]\n',
        '../scanner/scan': writingFile('/run/out/sbom.spdx.json', statement),
      });
      const scanner = `${rig.dockerHub.host}/docker/buildkit-syft-scanner:stable-1`;
      const output = `--output=type=registry,name=${scanner}`;
      await rig.docker('buildx', 'build', output, '--provenance=false', path.join(app.folder, '../scanner'));
      await app.commit({ 'image/hello-amd64': printing('amd64', 'hello SBOM\n') });
      const run = await app.build({ name, registries: BOTH, context: 'image', sbom: 'true' });
      expect(run).toMatchObject({ exitCode: 0, outputs: { outcome: 'built' } });
      const predicates = (account: string, region: string) =>
        rig.ecr
          .images(account, region, name)
          .flatMap(({ manifest }) => (manifest.layers ?? []) as { annotations?: Record<string, string> }[])
          .map(({ annotations }) => annotations?.['in-toto.io/predicate-type'])
          .filter((type) => type !== undefined)
          .toSorted();
      expect(predicates(ONE, TOKYO)).toEqual([
        expect.stringContaining('slsa.dev/provenance'),
        'https://spdx.dev/Document',
      ]);
      expect(predicates(TWO, VIRGINIA)).toEqual(predicates(ONE, TOKYO));
    },
  );

  test('assets of a stage are in S3 before the image has a tag; the same content is not built again', async () => {
    const name = newName();
    const assetRole = `arn:aws:iam::${ONE}:role/assets`;
    rig.ecr.role(assetRole, { allow: ['s3:*'], webIdentity: { subject: 'repo:acme/web:*' } });
    const keys = rig.ecr.keys(assetRole);
    const s3 = new S3Client({
      endpoint: rig.ecr.endpoint,
      region: TOKYO,
      forcePathStyle: true,
      credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY },
    });
    const Bucket = 'acme-assets';
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: TOKYO } }),
    );
    const inputs = {
      name,
      registries: FIRST,
      context: 'assets',
      'assets-target': 'assets',
      'assets-path': '/public',
      'assets-to': 's3://acme-assets/web',
      'assets-role': assetRole,
      'assets-cache-control': 'no-cache',
    };
    await app.commit({
      'assets/Dockerfile':
        'FROM scratch AS assets\nCOPY public /public\nCOPY Dockerfile /not-public\nFROM scratch\nCOPY Dockerfile /\n',
      'assets/public/app-1f3c9e2b.js': 'one',
      'assets/public/index.html': '<script src="app-1f3c9e2b.js">',
    });
    const moment = rig.ecr.log.length;
    const first = await app.build(inputs);
    expect(first).toMatchObject({ exitCode: 0, outputs: { outcome: 'built' } });
    expect(first.summary).toContain('assets: 2 uploaded to s3://acme-assets/web');
    const keysOf = async () =>
      ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
    const there = ['web/app-1f3c9e2b.js', 'web/index.html'];
    expect(await keysOf()).toEqual([expect.stringMatching(/^web\/\.kajitori\/assets-/), ...there]);
    const order = rig.ecr.log.slice(moment).map(({ service, operation }) => `${service}:${operation}`);
    expect(order.lastIndexOf('s3:PutObject')).toBeLessThan(order.indexOf('ecr:PutImage'));

    await app.commit({});
    const again = await app.build(inputs);
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'retagged' } });
    expect(again.log).toContain('assets: the same content was uploaded before');

    await app.commit({ 'assets/public/app-2a4d0f3c.js': 'two' });
    await execa('git', ['-C', app.folder, 'rm', '-q', 'assets/public/app-1f3c9e2b.js']);
    await app.commit({});
    const next = await app.build(inputs);
    expect(next.log).toContain('assets: 1 uploaded to s3://acme-assets/web (0.0 MB), 1 were there');
    expect(await keysOf()).toEqual(expect.arrayContaining([...there, 'web/app-2a4d0f3c.js']));
  });

  test('assets that cannot be uploaded: no image gets a tag, and the statement to add', async () => {
    const name = newName();
    await app.commit({ 'assets/public/app-3b5e1a4d.js': 'three' });
    const run = await app.build({
      name,
      registries: FIRST,
      context: 'assets',
      'assets-target': 'assets',
      'assets-path': '/public',
      'assets-to': 's3://acme-assets/web',
      'assets-cache-control': 'no-cache',
    });
    expect(run).toMatchObject({ exitCode: 2, outputs: { reason: 'no-permission' } });
    expect(run.log).toContain('"Action":"s3:');
    expect(tagsOf(ONE, TOKYO, name)).toEqual({});
  });

  describe('registries stumble', () => {
    const fault = (operation: string, more: Partial<EcrFault>): EcrFault => ({
      kind: 'status',
      match: (request) => request.operation === operation && request.repository?.startsWith('web-') !== false,
      ...more,
    });

    test.each<[string, EcrFault]>([
      ['the push of a manifest answers 503 twice', fault('PutImage', { times: 2 })],
      [
        'the connection breaks in the middle of a layer',
        fault('CompleteLayerUpload', { kind: 'reset', times: 2 }),
      ],
      ['an answer is lost after a layer', fault('CompleteLayerUpload', { kind: 'lost' })],
      ['ECR throttles', fault('BatchGetImage', { kind: 'throttle' })],
      [
        'ECR throttles when the tags are written',
        {
          kind: 'throttle',
          match: ({ service, operation }) => service === 'ecr' && operation === 'PutImage',
          times: 2,
        },
      ],
      ['the token has expired when layers are pushed', fault('InitiateLayerUpload', { kind: 'expired' })],
    ])('%s: the build goes on and ends well', async (_, strike) => {
      const name = newName();
      const commit = await app.commit({ 'image/hello-amd64': printing('amd64', `hello ${name}\n`) });
      const injected = rig.ecr.inject(strike);
      const run = await app.build({ name, registries: BOTH, context: 'image' });
      expect(run).toMatchObject({ exitCode: 0 });
      expect(injected.struck).toBeGreaterThan(0);
      for (const tags of inBoth(name)) expect(tags[commit]).toBe(run.outputs.digest);
      expect(await dockerConfig()).toBeUndefined();
    });

    test.each<[string, Partial<EcrFault>, string, string]>([
      ['refuses the push', { kind: 'denied' }, 'build-denied', 'is not authorized to perform: ecr:PutImage'],
      ['has no answer but 503, however often it is asked', {}, 'build-registry', 'attempt 3 of 3'],
    ])(
      'the second account %s: a clear error, and no tag anywhere points to anything',
      async (_, strike, reason, words) => {
        const name = newName();
        await app.commit({ 'image/hello-amd64': printing('amd64', `hello ${name}\n`) });
        rig.ecr.inject(
          fault('PutImage', {
            ...strike,
            times: 1000,
            match: ({ service, operation, account }) =>
              service === 'registry' && operation === 'PutImage' && account === TWO,
          }),
        );
        const run = await app.build({ name, registries: BOTH, context: 'image', cache: 'false' });
        expect(run).toMatchObject({ exitCode: 2, outputs: { reason } });
        expect(run.log).toContain(words);
        expect(inBoth(name)).toEqual([{}, {}]);
        expect(await dockerConfig()).toBeUndefined();
      },
    );

    test("SIGTERM in the middle of a push: Docker's config is put back, no tag is written", async () => {
      const name = newName();
      await app.commit({ 'image/hello-amd64': printing('amd64', `hello ${name}\n`) });
      const kept = JSON.stringify({
        auths: { 'example.com': { auth: 'a2VwdDprZXB0' } },
        HttpHeaders: { 'X-Ours': '1' },
      });
      await writeFile(path.join(rig.dockerConfig, 'config.json'), kept);
      try {
        const held = rig.ecr.inject(fault('CompleteLayerUpload', { kind: 'slow', times: 1000 }));
        const run = app.start({ name, registries: BOTH, context: 'image', cache: 'false' });
        await Promise.race([held.reached, run.ended.then(({ log }) => Promise.reject(new Error(log)))]);
        run.kill('SIGTERM');
        const ended = await run.ended;
        expect(ended.exitCode).not.toBe(0);
        expect(await dockerConfig()).toBe(kept);
        expect(inBoth(name)).toEqual([{}, {}]);
      } finally {
        await execa('rm', ['-f', path.join(rig.dockerConfig, 'config.json')]);
      }
    });
  });

  describe('bad input ends with 2 and says what to do', () => {
    test.each<[string, Readonly<Record<string, string>>, string, string]>([
      ['no Dockerfile', { context: '.' }, 'no-dockerfile', 'There is no Dockerfile at Dockerfile'],
      ['a context outside', { context: '../..' }, 'outside-workspace', 'lies outside of the repository'],
      ['a context behind a link', { context: 'out' }, 'outside-workspace', 'lies outside of the repository'],
      ['an unknown platform', { platforms: 'linux/amd46' }, 'bad-platform', 'Did you mean linux/amd64?'],
      ['a tag with bad characters', { tags: '$(id)' }, 'bad-tag', 'A tag has letters'],
      ['a secret that is not there', { secrets: 'npm=env:NOT_THERE' }, 'no-secret', 'NOT_THERE'],
      ['a registry that is none', { registries: 'docker.io' }, 'bad-target', '111111111111/ap-northeast-1'],
    ])('%s', async (_, inputs, reason, words) => {
      await symlink('/tmp', path.join(app.folder, 'out')).catch(() => undefined);
      const moment = rig.ecr.log.length;
      const run = await app.build({ name: 'web', registries: BOTH, context: 'image', ...inputs });
      expect(run).toMatchObject({ exitCode: 2, outputs: { reason } });
      expect(run.log).toContain(words);
      // Nothing was made.
      expect(rig.ecr.log.slice(moment).map(({ operation }) => operation)).not.toContain('CreateRepository');
    });

    test('a role that does not trust this run: the statement that is missing', async () => {
      const strange = 'arn:aws:iam::111111111111:role/strange';
      rig.ecr.role(strange, { allow: ['ecr:*'], webIdentity: { subject: 'repo:acme/other:*' } });
      const run = await app.build({
        name: 'web',
        registries: `${ONE}/${TOKYO} ${strange}`,
        context: 'image',
      });
      expect(run).toMatchObject({ exitCode: 2, outputs: { reason: 'no-trust' } });
      expect(run.log).toContain('sts:AssumeRoleWithWebIdentity');
      expect(run.log).toContain('repo:acme/web:ref:refs/heads/main');
    });

    test('a repository that is not there: it may not be created, or the role may not', async () => {
      const pusher = `arn:aws:iam::${ONE}:role/pusher`;
      rig.ecr.role(pusher, {
        allow: ['ecr:GetAuthorizationToken', 'ecr:Describe*', 'ecr:BatchGetImage', 'ecr:PutImage'],
        webIdentity: { subject: 'repo:acme/web:*' },
      });
      const inputs = { name: 'not-there', registries: `${ONE}/${TOKYO} ${pusher}`, context: 'image' };
      const told = await app.build({ ...inputs, 'create-repository': 'false' });
      expect(told).toMatchObject({ exitCode: 2, outputs: { reason: 'no-repository' } });
      expect(told.log).toContain('create-repository: true');
      const tried = await app.build(inputs);
      expect(tried).toMatchObject({ exitCode: 2, outputs: { reason: 'no-permission' } });
      expect(tried.log).toContain(
        `{"Effect":"Allow","Action":"ecr:CreateRepository","Resource":"arn:aws:ecr:${TOKYO}:${ONE}:repository/not-there"}`,
      );
    });

    test('a session that is over before the tags are written: said, and no tag is there', async () => {
      const name = newName();
      await app.commit({ 'image/hello-amd64': printing('amd64', `hello ${name}\n`) });
      const injected = rig.ecr.inject({
        kind: 'expired',
        times: 1000,
        match: ({ service, operation }) => service === 'ecr' && operation === 'PutImage',
      });
      const run = await app.build({ name, registries: BOTH, context: 'image', cache: 'false' });
      rig.ecr.clearFaults();
      expect(injected.struck).toBeGreaterThan(0);
      expect(run).toMatchObject({ exitCode: 2, outputs: { reason: 'expired' } });
      expect(run.log).toContain('longer maximum session duration');
      expect(inBoth(name)).toEqual([{}, {}]);
    });

    test('a step of the Dockerfile that fails: its line', async () => {
      await app.commit({ 'broken/Dockerfile': 'FROM scratch\n\nCOPY missing /\n' });
      const run = await app.build({ name: 'web', registries: FIRST, context: 'broken' });
      expect(run).toMatchObject({ exitCode: 2, outputs: { reason: 'build-build' } });
      expect(run.log).toMatch(/::error .*file=broken\/Dockerfile,line=3/);
    });
  });
});
