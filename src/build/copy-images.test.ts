import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  type Company,
  OTHER_REGION,
  PRODUCTION,
  pushIndex,
  REGION,
  STAGING,
  startCompany,
} from '../../test/build/company.ts';
import { ensureRepository } from '../aws/ecr-repository.ts';
import { systemTiming } from '../github/timing.ts';
import { openImageCopy } from './copy-images.ts';
import { imageExists, openImageCheck, type RegistryReader } from './open-image-check.ts';

const PLAN = { environments: [], keepReleases: 5, keepUnusedDays: 7, pullAccounts: [] };
const STAGING_HOST = `${STAGING}.dkr.ecr.${REGION}.amazonaws.com`;
const PRODUCTION_HOST = `${PRODUCTION}.dkr.ecr.${OTHER_REGION}.amazonaws.com`;

let company: Company;
let reader: RegistryReader;
let digest: string;

beforeAll(async () => {
  company = await startCompany();
  vi.stubEnv('AWS_ENDPOINT_URL', company.ecr.endpoint);
  const staging = company.open(STAGING);
  await ensureRepository(staging, 'web', PLAN, true);
  await ensureRepository(company.open(PRODUCTION, OTHER_REGION), 'shop/web', PLAN, true);
  digest = await pushIndex(await company.registry(staging), 'web', 'promoted', 'v1');
  reader = {
    identityFor: ({ account, region }) => company.identity(`arn:aws:iam::${account}:role/build`, region),
    timing: systemTiming,
    agent: company.agent,
    onSecret: () => undefined,
  };
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await company?.[Symbol.asyncDispose]();
});

test('a promotion brings the image to the registry of the environment: the same digest, under its tag', async () => {
  const from = { repository: `${STAGING_HOST}/web`, tag: 'v1', digest };
  const to = { repository: `${PRODUCTION_HOST}/shop/web`, tag: 'v1', digest };
  expect(await imageExists(to, openImageCheck(reader))).toBe(false);
  await openImageCopy(reader)(from, to);
  expect(await imageExists(to, openImageCheck(reader))).toBe(true);
  const there = company.ecr.images(PRODUCTION, OTHER_REGION, 'shop/web');
  expect(there.find(({ tags }) => tags.has('v1'))?.digest).toBe(digest);
  await openImageCopy(reader)(from, to);
});

test.each([
  [{ repository: 'ghcr.io/acme/web', tag: 'v1', digest: `sha256:${'0'.repeat(64)}` }, 'is not Amazon ECR'],
  [{ repository: `${STAGING_HOST}/web`, tag: 'v1', digest: undefined }, 'it has no digest'],
  [
    { repository: `${STAGING_HOST}/web`, tag: undefined, digest: `sha256:${'0'.repeat(64)}` },
    'it has no tag',
  ],
])('what cannot be copied says why: %j', async (from, words) => {
  await expect(
    openImageCopy(reader)(from, { ...from, repository: `${PRODUCTION_HOST}/web` }),
  ).rejects.toThrow(words);
});
