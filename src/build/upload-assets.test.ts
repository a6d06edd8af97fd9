import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Company, REGION, STAGING, startCompany } from '../../test/build/company.ts';
import { awsCredentials } from '../aws/credentials.ts';
import { openBucket } from '../aws/s3-bucket.ts';
import { assetFiles } from './asset-files.ts';
import { assetHeaders } from './asset-headers.ts';
import { assetLines, assetTarget, uploadAssets } from './upload-assets.ts';

const ROLE = `arn:aws:iam::${STAGING}:role/assets`;
const FOREVER = 'public, max-age=31536000, immutable';

let company: Company;
let s3: S3Client;
let root: string;
let buckets = 0;
let bucket = '';

beforeAll(async () => {
  company = await startCompany();
  vi.stubEnv('AWS_ENDPOINT_URL', company.ecr.endpoint);
  company.ecr.role(ROLE, { allow: ['s3:*'], webIdentity: { subject: 'repo:acme/web:*' } });
  s3 = new S3Client({
    region: REGION,
    credentials: awsCredentials(company.identity(ROLE)),
    forcePathStyle: true,
  });
});
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'kajitori-assets-'));
  bucket = `acme-assets-${++buckets}`;
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }),
  );
});
afterEach(async () => {
  company.ecr.clearFaults();
  await rm(root, { recursive: true, force: true });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await company?.[Symbol.asyncDispose]();
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
}

const upload = async (dryRun = false, role = ROLE, signal?: AbortSignal) =>
  uploadAssets(
    {
      assets: await assetFiles(root, '/public'),
      prefix: 'web',
      cacheControl: 'public, max-age=300',
      dryRun,
      signal,
    },
    openBucket(bucket, company.identity(role), process.env),
  );

async function served(key: string) {
  const { ContentType, ContentEncoding, CacheControl, Body } = await s3.send(
    new GetObjectCommand({ Bucket: bucket, Key: key }),
  );
  return { ContentType, ContentEncoding, CacheControl, text: await Body?.transformToString() };
}

const putsSince = (moment: number) =>
  company.ecr.log.slice(moment).filter(({ operation }) => operation === 'PutObject').length;

describe('assets', () => {
  const first = {
    'public/assets/application-1f3c9e2b.js': 'one',
    'public/assets/application-1f3c9e2b.js.gz': 'packed',
    'public/robots.txt': 'User-agent: *',
  };

  test('get their type, and a year in caches when their name has a digest', async () => {
    await write(first);
    const outputs = await upload();
    expect(outputs).toMatchObject({
      uploaded: Object.keys(first)
        .map((file) => file.slice(7))
        .toSorted(),
      there: 0,
    });
    expect(await served('web/assets/application-1f3c9e2b.js')).toEqual({
      ContentType: 'text/javascript; charset=utf-8',
      ContentEncoding: undefined,
      CacheControl: FOREVER,
      text: 'one',
    });
    expect(await served('web/assets/application-1f3c9e2b.js.gz')).toMatchObject({
      ContentType: 'text/javascript; charset=utf-8',
      ContentEncoding: 'gzip',
    });
    expect(await served('web/robots.txt')).toMatchObject({ CacheControl: 'public, max-age=300' });
    expect(assetLines(outputs, 's3://acme-assets/web')).toEqual([
      'assets: 3 uploaded to s3://acme-assets/web (0.0 MB), 0 were there',
    ]);
  });

  test('only what is missing or changed is sent; what the release before needs stays', async () => {
    await write(first);
    await upload();
    await rm(path.join(root, 'public'), { recursive: true });
    await write({
      'public/assets/application-2a4d0f3c.js': 'two',
      'public/assets/application-1f3c9e2b.js.gz': 'packed',
      'public/robots.txt': 'User-agent: bot',
    });
    const moment = company.ecr.log.length;
    expect(await upload()).toMatchObject({
      uploaded: ['assets/application-2a4d0f3c.js', 'robots.txt'],
      there: 1,
    });
    expect(putsSince(moment)).toBe(2);
    expect((await served('web/assets/application-1f3c9e2b.js')).text).toBe('one');
    expect((await served('web/robots.txt')).text).toBe('User-agent: bot');
  });

  test('another content under a name with a digest is not written: browsers have the first one', async () => {
    await write(first);
    await upload();
    await write({ 'public/assets/application-1f3c9e2b.js': 'another' });
    const outputs = await upload();
    expect(outputs).toMatchObject({ uploaded: [], differing: ['assets/application-1f3c9e2b.js'] });
    expect((await served('web/assets/application-1f3c9e2b.js')).text).toBe('one');
    expect(assetLines(outputs, 's3://b').join('\n')).toContain('another content under the same name');
  });

  test('a dry run says the same and writes nothing', async () => {
    await write(first);
    const moment = company.ecr.log.length;
    expect(await upload(true)).toMatchObject({ uploaded: expect.arrayContaining(['robots.txt']) });
    expect(putsSince(moment)).toBe(0);
  });

  test('no link is followed: neither a file, nor a folder, nor the folder itself', async () => {
    await write({ ...first, 'outside/secret': 'secret' });
    await symlink('/etc/passwd', path.join(root, 'public/passwd.txt'));
    await symlink('../outside', path.join(root, 'public/more'));
    const outputs = await upload();
    expect(outputs.skipped).toEqual(['more', 'passwd.txt']);
    expect(outputs.uploaded).toHaveLength(3);
    await symlink('/etc', path.join(root, 'etc'));
    await expect(assetFiles(root, '/etc')).rejects.toMatchObject({ exitCode: 2, reason: 'no-assets' });
    await expect(assetFiles(root, '../../../../etc')).rejects.toMatchObject({ reason: 'no-assets' });
    await expect(assetFiles(path.join(root, 'public'), '../outside')).rejects.toMatchObject({
      reason: 'no-assets',
    });
  });

  test('a bucket that stumbles is asked again', async () => {
    await write(first);
    const fault = company.ecr.inject({
      match: ({ operation }) => operation === 'PutObject',
      kind: 'status',
      times: 2,
    });
    await upload();
    expect(fault.struck).toBe(2);
    expect((await served('web/robots.txt')).text).toBe('User-agent: *');
  });

  test('where it breaks off, no file is there that names one which is not; the next run goes on', async () => {
    await write({ ...first, 'public/manifest.json': '{}' });
    company.ecr.inject({ match: ({ operation }) => operation === 'PutObject', kind: 'denied' });
    await expect(upload()).rejects.toMatchObject({ exitCode: 2 });
    expect((await upload(true)).uploaded).toEqual(expect.arrayContaining(['manifest.json', 'robots.txt']));
    await upload();
    expect((await served('web/manifest.json')).text).toBe('{}');
  });

  test('ended from outside, nothing more is written', async () => {
    await write(first);
    const moment = company.ecr.log.length;
    await expect(upload(false, ROLE, AbortSignal.abort())).rejects.toMatchObject({ reason: 'cancelled' });
    expect(putsSince(moment)).toBe(0);
  });

  test('a role that may not write: the statement to add', async () => {
    const reader = `arn:aws:iam::${STAGING}:role/reader`;
    company.ecr.role(reader, { allow: ['s3:ListBucket'], webIdentity: { subject: 'repo:acme/web:*' } });
    await write(first);
    await expect(upload(false, reader)).rejects.toMatchObject({
      exitCode: 2,
      todo: expect.stringContaining('"Action":"s3:PutObject"'),
    });
  });
});

describe('a name says how a file is served', () => {
  test.each([
    ['application-1f3c9e2b.js', true],
    ['application-0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0.css', true],
    ['main.3f2a9c1b7d8e4f5a6b7c.chunk.js', true],
    ['.sprockets-manifest-4d1c0b2a3f4e5d6c7b8a99887766554433221100.json', true],
    // A date, a word, a version.
    ['report-20261121.pdf', false],
    ['jquery-deadbeef.js', false],
    ['jquery-Sortable.js', false],
    ['jquery-3.7.1.js', false],
    ['index.html', false],
  ])('%s: immutable %s', (file, isImmutable) => {
    expect(assetHeaders(`assets/${file}`).isImmutable).toBe(isImmutable);
  });

  test('an unknown ending is a download; names that objects have mean nothing', () => {
    expect(assetHeaders('a.bin').contentType).toBe('application/octet-stream');
    expect(assetHeaders('a.constructor').contentType).toBe('application/octet-stream');
    expect(assetHeaders('backup.tar.gz')).toMatchObject({
      contentType: 'application/octet-stream',
      contentEncoding: undefined,
    });
  });
});

test('where assets go', () => {
  expect(assetTarget('s3://acme-assets/web/')).toEqual({ bucket: 'acme-assets', prefix: 'web' });
  expect(assetTarget('s3://acme-assets')).toEqual({ bucket: 'acme-assets', prefix: '' });
  for (const wrong of [
    'acme-assets',
    's3://a',
    's3://acme-assets/../x',
    's3://acme_assets/',
    's3://acme-assets/a b',
  ]) {
    expect(() => assetTarget(wrong), wrong).toThrow('is not a place in S3');
  }
});
