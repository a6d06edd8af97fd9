import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Company,
  OTHER_REGION,
  PRODUCTION,
  pushBlob,
  pushImage,
  pushIndex,
  pushManifest,
  REGION,
  STAGING,
  startCompany,
} from '../../test/build/company.ts';
import { Failure } from '../report/failure.ts';
import { copyImage, getManifest, type Place, platformImages } from './copy-image.ts';
import type { Ecr } from './ecr.ts';
import { ensureRepository } from './ecr-repository.ts';
import { parseManifest } from './manifest.ts';
import type { RepositoryPlan } from './repository-plan.ts';

const PLAN: RepositoryPlan = {
  environments: ['production'],
  keepReleases: 5,
  keepUnusedDays: 7,
  pullAccounts: [],
};

let company: Company;
let from: Place;
let to: Place;
let target: Ecr;

beforeAll(async () => {
  company = await startCompany();
  vi.stubEnv('AWS_ENDPOINT_URL', company.ecr.endpoint);
  const source = company.open(STAGING);
  target = company.open(PRODUCTION, OTHER_REGION);
  await ensureRepository(source, 'web', PLAN, true);
  await ensureRepository(source, 'copy', PLAN, true);
  await ensureRepository(target, 'web', PLAN, true);
  from = { registry: await company.registry(source), repository: 'web' };
  to = { registry: await company.registry(target), repository: 'web' };
});
afterEach(() => company.ecr.clearFaults());
afterAll(async () => {
  vi.unstubAllEnvs();
  await company?.[Symbol.asyncDispose]();
});

const tagsThere = () =>
  company.ecr.images(PRODUCTION, OTHER_REGION, 'web').flatMap((image) => [...image.tags]);

describe('an image of two architectures', () => {
  test('has the same digest in the other account and region, with all that it names, and its platforms', async () => {
    const digest = await pushIndex(from.registry, 'web', 'promoted');
    expect(await copyImage(from, to, digest, ['promoted'])).toMatchObject({ blobs: 4, blobsThere: 0 });
    const there = await getManifest(to, 'promoted');
    expect(there).toEqual(await getManifest(from, digest));
    expect(there?.digest).toBe(digest);
    const image = { digest, manifest: there?.text ?? '' };
    const platforms = await platformImages(image, async () => to);
    expect(platforms.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
  });

  test('is not sent again, and its immutable tag is left where it is', async () => {
    const digest = await pushIndex(from.registry, 'web', 'again');
    await copyImage(from, to, digest, ['again']);
    const before = company.ecr.log.length;
    expect(await copyImage(from, to, digest, ['again'])).toEqual({ blobs: 0, bytes: 0, blobsThere: 0 });
    const writes = company.ecr.log.slice(before).filter(({ operation }) => /Upload|PutImage/.test(operation));
    expect(writes).toEqual([]);
  });

  test('brings the signatures along that refer to it', async () => {
    const digest = await pushIndex(from.registry, 'web', 'signed');
    const { mediaType, size } = await pushImage(from.registry, 'web', 'the signature');
    const { text } = (await getManifest(from, digest)) ?? { text: '' };
    const signature = JSON.parse(
      company.ecr.images(STAGING, REGION, 'web').find((image) => image.text.length === size)?.text ?? '',
    ) as object;
    const subject = { mediaType: 'application/vnd.oci.image.index.v1+json', digest, size: text.length };
    const referrer = await pushManifest(from.registry, 'web', { ...signature, mediaType, subject });
    await copyImage(from, to, digest);
    expect((await getManifest(to, referrer.digest))?.digest).toBe(referrer.digest);
  });
});

describe('what belongs to an image comes along', () => {
  const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
  const EMPTY = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    size: 2,
  };
  /** An artifact that refers to a manifest, like a signature; its content is the config of another image. */
  async function refer(subject: { mediaType: string; digest: string; size: number }, name: string) {
    await pushBlob(from.registry, 'web', Buffer.from('{}'));
    const { mediaType, digest, size } = subject;
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: 'application/vnd.acme.test',
      config: EMPTY,
      layers: [EMPTY],
      annotations: { name },
      subject: { mediaType, digest, size },
    };
    return pushManifest(from.registry, 'web', manifest);
  }

  test('the SBOM of one of its images, and the signature of that SBOM', async () => {
    const digest = await pushIndex(from.registry, 'web', 'with an SBOM');
    const { text = '' } = (await getManifest(from, digest)) ?? {};
    const [child] = parseManifest(text).children;
    const sbom = await refer(
      { mediaType: MANIFEST, digest: child?.digest ?? '', size: child?.size ?? 0 },
      'SBOM',
    );
    const signature = await refer(sbom, 'signature');
    await copyImage(from, to, digest);
    for (const referrer of [sbom, signature]) {
      expect((await getManifest(to, referrer.digest))?.digest).toBe(referrer.digest);
    }
  });

  test('signatures that cosign keeps under a tag', async () => {
    const digest = await pushIndex(from.registry, 'web', 'signed by cosign');
    const tag = `${digest.replace(':', '-')}.sig`;
    const signature = await pushImage(from.registry, 'web', 'a signature', { tag });
    await copyImage(from, to, digest);
    expect((await getManifest(to, tag))?.digest).toBe(signature.digest);
  });
});

test('a single image says its platform in its config', async () => {
  const { digest } = await pushImage(from.registry, 'web', 'single', { architecture: 'arm64' });
  const { text } = (await getManifest(from, digest)) ?? { text: '' };
  expect(await platformImages({ digest, manifest: text }, async () => from)).toEqual([
    { platform: 'linux/arm64', digest },
  ]);
});

test('within one registry, layers are mounted where the account allows it', async () => {
  const copy = { ...from, repository: 'copy' };
  company.ecr.allowBlobMounting(STAGING, REGION);
  const digest = await pushIndex(from.registry, 'web', 'mounted');
  expect(await copyImage(from, copy, digest)).toEqual({ blobs: 0, bytes: 0, blobsThere: 4 });
});

describe('a tag never points to half an image', () => {
  test.each([
    ['the upload of a layer is reset', 'CompleteLayerUpload', 'reset'],
    ['the upload of a layer has no answer', 'CompleteLayerUpload', 'lost'],
    ['the registry fails', 'InitiateLayerUpload', 'status'],
    ['the registry throttles', 'PutImage', 'throttle'],
    ['a layer breaks off when it is read', 'GetDownloadUrlForLayer', 'reset'],
  ] as const)('and the copy succeeds: %s, twice', async (why, operation, kind) => {
    const digest = await pushIndex(from.registry, 'web', why);
    const tag = `after-${operation}-${kind}`;
    const fault = company.ecr.inject({
      match: (request) => request.service === 'registry' && request.operation === operation,
      kind,
      times: 2,
    });
    await copyImage(from, to, digest, [tag]);
    expect(fault.struck).toBe(2);
    expect((await getManifest(to, tag))?.digest).toBe(digest);
  });

  test('and the copy succeeds: the tag is written, which is immutable from then on, and the answer lost', async () => {
    const digest = await pushIndex(from.registry, 'web', 'tag lost');
    const fault = company.ecr.inject({
      match: ({ operation, reference }) => operation === 'PutImage' && reference === 'tag-lost',
      kind: 'lost',
    });
    await copyImage(from, to, digest, ['tag-lost']);
    expect(fault.struck).toBe(1);
    expect((await getManifest(to, 'tag-lost'))?.digest).toBe(digest);
  });

  test('when the registry does not come back: the copy fails, says so, and no tag is there', async () => {
    const digest = await pushIndex(from.registry, 'web', 'gone');
    company.ecr.inject({
      match: ({ operation, account }) => operation === 'CompleteLayerUpload' && account === PRODUCTION,
      kind: 'status',
      times: Number.POSITIVE_INFINITY,
    });
    await expect(copyImage(from, to, digest, ['gone'])).rejects.toMatchObject({
      exitCode: 2,
      reason: 'registry',
      message: expect.stringMatching(/in 6 attempts: 503: UNKNOWN: Service Unavailable/),
    });
    expect(tagsThere()).not.toContain('gone');
  });
});

describe('what cannot be copied says why', () => {
  test('a tag that is on another image', async () => {
    await pushImage(to.registry, 'web', 'theirs', { tag: 'theirs' });
    const digest = await pushIndex(from.registry, 'web', 'ours');
    await expect(copyImage(from, to, digest, ['theirs'])).rejects.toMatchObject({
      exitCode: 1,
      reason: 'tag-taken',
    });
  });

  test('an image that is not there', async () => {
    await expect(copyImage(from, to, `sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-image',
    });
  });

  test('a repository that is not there', async () => {
    const digest = await pushIndex(from.registry, 'web', 'nowhere');
    await expect(copyImage(from, { ...to, repository: 'nowhere' }, digest)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-repository',
    });
  });

  test('a role that may not push, with the statement to add', async () => {
    const digest = await pushIndex(from.registry, 'web', 'denied');
    company.ecr.inject({
      match: ({ operation, account }) => operation === 'InitiateLayerUpload' && account === PRODUCTION,
      kind: 'denied',
    });
    await expect(copyImage(from, to, digest)).rejects.toMatchObject({
      reason: 'no-permission',
      todo: expect.stringContaining(
        `"ecr:InitiateLayerUpload","Resource":"arn:aws:ecr:${OTHER_REGION}:${PRODUCTION}:repository/web"`,
      ),
    });
  });

  test('a password that has expired; and no password is in what is said', async () => {
    const digest = await pushIndex(from.registry, 'web', 'late');
    company.ecr.inject({ match: ({ account }) => account === PRODUCTION, kind: 'expired', times: 9 });
    const error: unknown = await copyImage(from, to, digest).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ reason: 'expired', todo: expect.stringContaining('12 hours') });
    for (const secret of company.ecr.secrets) expect(JSON.stringify(error)).not.toContain(secret);
  });
});
