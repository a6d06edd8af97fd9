import { createHash } from 'node:crypto';
import { Agent, request } from 'node:https';
import {
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  GetDownloadUrlForLayerCommand,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type EcrStandin, startEcr } from './server.ts';

const REGION = 'ap-northeast-1';
const OWN = '111111111111';
const OTHER = '222222222222';
const hostOf = (account: string, region = REGION): string => `${account}.dkr.ecr.${region}.amazonaws.com`;
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

let ecr: EcrStandin;
let agent: Agent;
let now = Date.parse('2026-11-21T09:00:00Z');
/** Passwords of the role that may do anything in an account. */
let password: string;

const roleArn = (name: string, account = OWN): string => `arn:aws:iam::${account}:role/${name}`;

function clientAs(role: string, region = REGION): ECRClient {
  const keys = ecr.keys(role);
  return new ECRClient({
    endpoint: ecr.endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY },
  });
}

async function passwordOf(client: ECRClient): Promise<string> {
  const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
  return Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
    .toString()
    .slice('AWS:'.length);
}

interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One request to a registry, over the proxy, with TLS checked. */
function call(
  method: string,
  url: string,
  options: { readonly password?: string | undefined; readonly body?: string; readonly type?: string } = {},
): Promise<Said> {
  const { body = '', type = 'application/octet-stream' } = options;
  const auth = options.password === undefined ? {} : { auth: `AWS:${options.password}` };
  return new Promise((resolve, reject) => {
    request(
      url,
      {
        agent,
        method,
        ...auth,
        headers: { 'content-length': Buffer.byteLength(body), 'content-type': type },
      },
      (answer) => {
        answer.toArray().then(
          (chunks) =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              text: Buffer.concat(chunks as Buffer[]).toString(),
            }),
          reject,
        );
      },
    )
      .on('error', reject)
      .end(body);
  });
}

const url = (path: string, host = hostOf(OWN)): string => `https://${host}/v2/${path}`;

async function pushBlob(text: string, repository = 'web', host = hostOf(OWN)) {
  const begun = await call('POST', url(`${repository}/blobs/uploads/`, host), { password });
  const place = new URL(String(begun.headers.location), `https://${host}`);
  place.searchParams.set('digest', digestOf(text));
  const put = await call('PUT', place.href, { password, body: text });
  expect(put.status).toBe(201);
  return { digest: digestOf(text), size: text.length };
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

async function manifestOf(content: string, more: object = {}): Promise<string> {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await pushBlob('{}')) };
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await pushBlob(content)) };
  return JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer], ...more });
}

const putManifest = (reference: string, body: string, repository = 'web', type = MANIFEST) =>
  call('PUT', url(`${repository}/manifests/${reference}`), { password, body, type });

beforeAll(async () => {
  ecr = await startEcr({ now: () => new Date(now) });
  agent = new Agent({ ca: ecr.ca, proxyEnv: { HTTPS_PROXY: ecr.proxy } });
  ecr.role(roleArn('admin'), { allow: ['*'] });
  ecr.role(roleArn('admin', OTHER), { allow: ['*'] });
  const admin = clientAs(roleArn('admin'));
  password = await passwordOf(admin);
  await admin.send(
    new CreateRepositoryCommand({
      repositoryName: 'web',
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [
        { filterType: 'WILDCARD', filter: 'cache-*' },
        { filterType: 'WILDCARD', filter: '*-live' },
      ],
    }),
  );
});
afterEach(() => ecr.clearFaults());
afterAll(async () => {
  agent?.destroy();
  await ecr?.[Symbol.asyncDispose]();
});

describe('a registry asks for a password', () => {
  test('of anybody, by the words of HTTP', async () => {
    const said = await call('GET', url(''));
    expect(said.status).toBe(401);
    expect(said.headers['www-authenticate']).toBe(
      `Basic realm="https://${hostOf(OWN)}/",service="ecr.amazonaws.com"`,
    );
    expect((await call('GET', url(''), { password })).status).toBe(200);
  });

  test('that it gave out, for its region', async () => {
    expect((await call('GET', url(''), { password: 'made-up' })).status).toBe(400);
    expect((await call('GET', url('', hostOf(OWN, 'us-east-1')), { password })).status).toBe(400);
  });

  test('that is no older than 12 hours', async () => {
    const old = await passwordOf(clientAs(roleArn('admin')));
    ecr.expireTokens();
    const said = await call('GET', url(''), { password: old });
    expect([said.status, said.text]).toEqual([
      403,
      '{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}',
    ]);
    password = await passwordOf(clientAs(roleArn('admin')));
  });

  test('of a role that may do what is asked, in its own account or where a repository lets it in', async () => {
    ecr.role(roleArn('reader'), { allow: ['ecr:GetAuthorizationToken', 'ecr:BatchGetImage'] });
    const readers = await passwordOf(clientAs(roleArn('reader')));
    const said = await call('POST', url('web/blobs/uploads/'), { password: readers });
    expect(said.status).toBe(403);
    expect(said.text).toContain(
      'assumed-role/reader/machine is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:ap-northeast-1:111111111111:repository/web',
    );
    const theirs = await passwordOf(clientAs(roleArn('admin', OTHER)));
    expect((await call('GET', url('web/tags/list'), { password: theirs })).status).toBe(403);
  });
});

describe('a repository', () => {
  test('must exist', async () => {
    const said = await call('POST', url('none/blobs/uploads/'), { password });
    expect([said.status, said.text]).toEqual([
      404,
      `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'none' does not exist in the registry with id '111111111111'"}]}`,
    ]);
  });

  test('comes by itself where a template says so', async () => {
    ecr.createOnPush({ account: OWN, region: REGION, prefix: 'team' });
    expect((await call('GET', url('team/a/tags/list'), { password })).status).toBe(404);
    expect((await call('POST', url('team/a/blobs/uploads/'), { password })).status).toBe(202);
    expect((await call('GET', url('team/a/tags/list'), { password })).status).toBe(200);
    expect((await call('POST', url('teams/blobs/uploads/'), { password })).status).toBe(404);
  });

  test('has blobs of its own: those of another repository are not there', async () => {
    await clientAs(roleArn('admin')).send(new CreateRepositoryCommand({ repositoryName: 'second' }));
    const { digest } = await pushBlob('only in web');
    expect((await call('HEAD', url(`web/blobs/${digest}`), { password })).status).toBe(200);
    expect((await call('HEAD', url(`second/blobs/${digest}`), { password })).status).toBe(404);
    const mount = `second/blobs/uploads/?mount=${digest}&from=web`;
    expect((await call('POST', url(mount), { password })).status).toBe(202);
    ecr.allowBlobMounting(OWN, REGION);
    expect((await call('POST', url(mount), { password })).status).toBe(201);
  });

  test('gives a blob from a bucket, which wants no password', async () => {
    const { digest } = await pushBlob('a layer');
    const said = await call('GET', url(`web/blobs/${digest}`), { password });
    expect(said.status).toBe(307);
    const place = String(said.headers.location);
    expect(new URL(place).host).toBe(`prod-${REGION}-starport-layer-bucket.s3.${REGION}.amazonaws.com`);
    expect(await call('GET', place)).toMatchObject({ status: 200, text: 'a layer' });
    expect((await call('GET', place, { password })).status).toBe(400);
    expect((await call('GET', place.replace(/=.*/, '=forged'))).status).toBe(403);
  });
});

describe('a tag', () => {
  test('that is immutable is refused, also for the digest that it has', async () => {
    const body = await manifestOf('v1');
    expect((await putManifest('v1', body)).status).toBe(201);
    for (const again of [body, await manifestOf('v1 changed')]) {
      const said = await putManifest('v1', again);
      expect([said.status, said.text]).toEqual([
        400,
        `{"errors":[{"code":"TAG_INVALID","message":"The image tag 'v1' already exists in the 'web' repository and cannot be overwritten because the tag is immutable."}]}`,
      ]);
    }
    expect((await call('GET', url('web/manifests/v1'), { password })).text).toBe(body);
  });

  test.each(['cache-main', 'web-live'])('that is excluded moves: %s', async (tag) => {
    const [one, other] = [await manifestOf(`${tag} 1`), await manifestOf(`${tag} 2`)];
    expect((await putManifest(tag, one)).status).toBe(201);
    expect((await putManifest(tag, other)).status).toBe(201);
    expect((await call('GET', url(`web/manifests/${tag}`), { password })).text).toBe(other);
  });

  test.each(['my-cache-main', 'web-live2'])(
    'that only looks like an excluded one does not: %s',
    async (tag) => {
      expect((await putManifest(tag, await manifestOf(`${tag} 1`))).status).toBe(201);
      expect((await putManifest(tag, await manifestOf(`${tag} 2`))).status).toBe(400);
    },
  );

  test('that several write at once is written once', async () => {
    const bodies = await Promise.all([1, 2, 3].map((nth) => manifestOf(`race ${nth}`)));
    const said = await Promise.all(bodies.map((body) => putManifest('race', body)));
    expect(said.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 400, 400]);
  });

  test('never names half an image: all that a manifest names must be there', async () => {
    const missing = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf('no'), size: 2 };
    const body = await manifestOf('half', { layers: [missing] });
    expect((await putManifest('half', body)).status).toBe(400);
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...missing, mediaType: MANIFEST }] };
    expect((await putManifest('half', JSON.stringify(index), 'web', INDEX)).status).toBe(400);
    expect((await call('HEAD', url('web/manifests/half'), { password })).status).toBe(404);
  });

  test('is not deleted by the API of registries', async () => {
    expect((await call('DELETE', url('web/manifests/v1'), { password })).status).toBe(501);
  });
});

test('what refers to an image is listed, by its type', async () => {
  const image = await manifestOf('signed');
  await putManifest('signed', image);
  const subject = { mediaType: MANIFEST, digest: digestOf(image), size: image.length };
  const signature = await manifestOf('signature', { subject, artifactType: 'application/signature' });
  const put = await putManifest(digestOf(signature), signature);
  expect(put.headers['oci-subject']).toBe(digestOf(image));
  const list = async (query: string): Promise<unknown[]> => {
    const said = await call('GET', url(`web/referrers/${digestOf(image)}${query}`), { password });
    return (JSON.parse(said.text) as { manifests: unknown[] }).manifests;
  };
  expect(await list('')).toMatchObject([
    { digest: digestOf(signature), artifactType: 'application/signature' },
  ]);
  expect(await list('?artifactType=other')).toEqual([]);
});

describe("AWS's API knows what the registry knows", () => {
  test('images that were pushed, by tag and digest, with sizes and times', async () => {
    const admin = clientAs(roleArn('admin'));
    now += 1000;
    const body = await manifestOf('described');
    await putManifest('described', body);
    const { imageDetails } = await admin.send(
      new DescribeImagesCommand({ repositoryName: 'web', imageIds: [{ imageTag: 'described' }] }),
    );
    expect(imageDetails).toMatchObject([
      {
        imageDigest: digestOf(body),
        imageTags: ['described'],
        imageSizeInBytes: 11,
        imagePushedAt: new Date(now),
      },
    ]);
    const { images, failures } = await admin.send(
      new BatchGetImageCommand({
        repositoryName: 'web',
        imageIds: [{ imageDigest: digestOf(body) }, { imageTag: 'none' }],
      }),
    );
    expect(images?.map(({ imageManifest }) => imageManifest)).toEqual([body]);
    expect(failures).toMatchObject([{ failureCode: 'ImageNotFound', imageId: { imageTag: 'none' } }]);
  });

  test('and tags that it puts are pulled; it refuses what the registry refuses', async () => {
    const admin = clientAs(roleArn('admin'));
    const body = await manifestOf('by api');
    const put = (imageTag: string, imageManifest = body) =>
      admin.send(new PutImageCommand({ repositoryName: 'web', imageManifest, imageTag }));
    await put('api');
    expect((await call('GET', url('web/manifests/api'), { password })).text).toBe(body);
    await expect(put('api')).rejects.toMatchObject({ name: 'ImageAlreadyExistsException' });
    await expect(put('api', await manifestOf('other'))).rejects.toMatchObject({
      name: 'ImageTagAlreadyExistsException',
    });
    const missing = { digest: digestOf('nothing'), size: 1, mediaType: 'application/x' };
    await expect(put('half', await manifestOf('x', { layers: [missing] }))).rejects.toMatchObject({
      name: 'LayersNotFoundException',
    });
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ ...missing, mediaType: MANIFEST }],
    });
    await expect(put('half', index)).rejects.toMatchObject({ name: 'ReferencedImagesNotFoundException' });
  });

  test('who asks is known; a stranger is refused', async () => {
    const keys = ecr.keys(roleArn('admin'));
    const credentials = { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: 'any' };
    const sts = new STSClient({ endpoint: ecr.endpoint, region: REGION, credentials });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe(OWN);
    const stranger = new ECRClient({
      endpoint: ecr.endpoint,
      region: REGION,
      credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'any' },
    });
    await expect(stranger.send(new GetAuthorizationTokenCommand({}))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
  });

  test('buckets take objects from roles that may', async () => {
    ecr.role(roleArn('assets'), { allow: ['s3:PutObject', 's3:CreateBucket'] });
    ecr.role(roleArn('no-assets'), { allow: ['ecr:*'] });
    const s3As = (role: string) => {
      const keys = ecr.keys(role);
      const credentials = { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: 'any' };
      return new S3Client({ endpoint: ecr.endpoint, region: 'us-east-1', credentials });
    };
    const object = new PutObjectCommand({ Bucket: 'acme-assets', Key: 'app.js', Body: '1' });
    await s3As(roleArn('assets')).send(new CreateBucketCommand({ Bucket: 'acme-assets' }));
    expect((await s3As(roleArn('assets')).send(object)).ETag).toBeDefined();
    await expect(s3As(roleArn('no-assets')).send(object)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('what is not implemented is a 501', async () => {
    const asked = new GetDownloadUrlForLayerCommand({ repositoryName: 'web', layerDigest: digestOf('a') });
    await expect(clientAs(roleArn('admin')).send(asked)).rejects.toMatchObject({ name: 'NotImplemented' });
    expect(ecr.log.at(-1)).toMatchObject({ operation: 'GetDownloadUrlForLayer', status: 501 });
  });
});

describe('a fault', () => {
  test.each([
    ['status', 503],
    ['throttle', 429],
    ['expired', 403],
    ['denied', 403],
  ] as const)('%s strikes once, before anything happens', async (kind, status) => {
    const body = await manifestOf(kind);
    const fault = ecr.inject({ match: ({ operation }) => operation === 'PutImage', kind });
    expect((await putManifest(kind, body)).status).toBe(status);
    expect((await call('HEAD', url(`web/manifests/${kind}`), { password })).status).toBe(404);
    expect((await putManifest(kind, body)).status).toBe(201);
    expect(fault.struck).toBe(1);
  });

  test('resets the connection; or loses the answer after the effect', async () => {
    const body = await manifestOf('reset');
    const inject = (kind: 'reset' | 'lost') =>
      ecr.inject({ match: ({ operation }) => operation === 'PutImage', kind });
    inject('reset');
    await expect(putManifest('reset', body)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await call('HEAD', url('web/manifests/reset'), { password })).status).toBe(404);
    inject('lost');
    await expect(putManifest('reset', body)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await call('HEAD', url('web/manifests/reset'), { password })).status).toBe(200);
  });

  test('holds a request until it is released', async () => {
    const body = await manifestOf('held');
    const fault = ecr.inject({ match: ({ operation }) => operation === 'PutImage', kind: 'slow' });
    const put = putManifest('held', body);
    await fault.reached;
    expect((await call('HEAD', url('web/manifests/held'), { password })).status).toBe(404);
    fault.release();
    expect((await put).status).toBe(201);
  });
});

test('the proxy leads to registries and to nothing else', async () => {
  await expect(call('GET', 'https://example.com/')).rejects.toThrow();
});
