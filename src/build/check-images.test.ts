import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Company,
  OTHER_REGION,
  PRODUCTION,
  pushImage,
  pushIndex,
  REGION,
  STAGING,
  startCompany,
} from '../../test/build/company.ts';
import { ensureRepository } from '../aws/ecr-repository.ts';
import type { Registry } from '../aws/registry-client.ts';
import { systemTiming } from '../github/timing.ts';
import { checkImages, findingsFailure, type ImageCheck, placesOf } from './check-images.ts';
import { imageExists, openImageCheck } from './open-image-check.ts';

const SHARED = `${STAGING}.dkr.ecr.${REGION}.amazonaws.com`;
const OWN = `${PRODUCTION}.dkr.ecr.${OTHER_REGION}.amazonaws.com`;
const cluster = (name: string, architecture = ['amd64']) => ({
  name,
  account: PRODUCTION,
  region: OTHER_REGION,
  architecture,
});
const PLAN = { environments: [], keepReleases: 5, keepUnusedDays: 7, pullAccounts: [PRODUCTION] };

describe('where an image must be', () => {
  const hosts = (repository: string, registries: readonly string[]) =>
    placesOf(repository, cluster('prod-1'), registries).map(
      ({ host, repository: path }) => `${host}/${path}`,
    );

  test('one registry for all accounts: there, whatever account the cluster is in', () => {
    expect(hosts(`${SHARED}/web`, [SHARED])).toEqual([`${SHARED}/web`]);
  });

  test('a registry in each account: also in the one of the cluster', () => {
    expect(hosts(`${SHARED}/web`, [SHARED, OWN])).toEqual([`${SHARED}/web`, `${OWN}/web`]);
    expect(hosts(`${OWN}/web`, [SHARED, OWN])).toEqual([`${OWN}/web`]);
  });

  test('a registry that is listed for other names only is not the cluster’s for this one', () => {
    expect(hosts(`${SHARED}/web`, [SHARED, `${OWN}/charts`])).toEqual([`${SHARED}/web`]);
    expect(hosts(`${SHARED}/team/web`, [`${OWN}/team`])).toEqual([`${SHARED}/team/web`, `${OWN}/team/web`]);
  });

  test('a registry that is not ECR is not known', () => {
    expect(hosts('ghcr.io/acme/web', [OWN])).toEqual([]);
  });
});

describe('a look into the registries', () => {
  let company: Company;
  let shared: Registry;
  let index: string;
  let single: string;

  beforeAll(async () => {
    company = await startCompany();
    vi.stubEnv('AWS_ENDPOINT_URL', company.ecr.endpoint);
    const ecr = company.open(STAGING);
    await ensureRepository(ecr, 'web', PLAN, true);
    await ensureRepository(company.open(PRODUCTION, OTHER_REGION), 'web', PLAN, true);
    shared = await company.registry(ecr);
    index = await pushIndex(shared, 'web', 'checked', 'v1');
    single = (await pushImage(shared, 'web', 'single')).digest;
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await company?.[Symbol.asyncDispose]();
  });

  /** As a role of the account that the registry is in. */
  const own = () =>
    openImageCheck({
      identityFor: ({ account, region }) => company.identity(`arn:aws:iam::${account}:role/build`, region),
      timing: systemTiming,
      agent: company.agent,
      onSecret: () => undefined,
    });
  const check = (more: Partial<ImageCheck> = {}) =>
    checkImages(
      {
        images: [{ repository: `${SHARED}/web`, tag: 'v1', digest: index }],
        clusters: [cluster('prod-1'), cluster('prod-2', ['amd64', 'arm64'])],
        registries: [SHARED],
        scanThreshold: undefined,
        ...more,
      },
      own(),
    );

  test('finds nothing wrong with an image that is there for every processor', async () => {
    const findings = await check();
    expect(findings).toEqual([]);
    expect(findingsFailure(findings)).toBeUndefined();
  });

  test('also as a role of another account that the repository lets pull', async () => {
    const deps = openImageCheck({
      identityFor: ({ region }) => company.identity(`arn:aws:iam::${PRODUCTION}:role/build`, region),
      timing: systemTiming,
      agent: company.agent,
      onSecret: () => undefined,
    });
    expect(await imageExists({ repository: `${SHARED}/web`, digest: index }, deps)).toBe(true);
    expect(await imageExists({ repository: `${SHARED}/web`, digest: `sha256:${'0'.repeat(64)}` }, deps)).toBe(
      false,
    );
  });

  test('an image that is not in the registry of the cluster’s own account: which, where, and how to bring it', async () => {
    const findings = await check({ registries: [SHARED, OWN] });
    expect(findings).toMatchObject([{ kind: 'missing', clusters: ['prod-1', 'prod-2'] }]);
    expect(findingsFailure(findings)).toMatchObject({
      exitCode: 1,
      reason: 'image-missing',
      message: `web@${index} is not in ${PRODUCTION}/${OTHER_REGION}, where prod-1, prod-2 pull it from.`,
      todo: `Copy it: kajitori copy-image --name web --digest ${index} --tag v1 --from ${SHARED} --registry ${PRODUCTION}/${OTHER_REGION}`,
    });
  });

  test('an image for one processor, and nodes of two: the cluster and what to build', async () => {
    const findings = await check({ images: [{ repository: `${SHARED}/web`, digest: single }] });
    expect(findings).toMatchObject([
      {
        kind: 'architecture',
        clusters: ['prod-2'],
        message: expect.stringContaining(
          'does not run on arm64, which nodes of prod-2 are; it is for linux/amd64',
        ),
        todo: expect.stringContaining('platforms: linux/amd64,linux/arm64'),
      },
    ]);
  });

  test('scans: what is bad enough is refused, what was not scanned is not taken for clean', async () => {
    const images = [{ repository: `${SHARED}/web`, digest: single }];
    const clusters = [cluster('prod-1')];
    const unscanned = await check({ images, clusters, scanThreshold: 'HIGH' });
    expect(unscanned).toMatchObject([{ kind: 'not-scanned' }]);
    expect(findingsFailure(unscanned)?.exitCode).toBe(2);
    company.ecr.findings.set(single, { HIGH: 2, LOW: 7 });
    expect(await check({ images, clusters, scanThreshold: 'CRITICAL' })).toEqual([]);
    const found = await check({ images, clusters, scanThreshold: 'HIGH' });
    expect(found).toMatchObject([
      { kind: 'vulnerable', message: expect.stringContaining('2 known vulnerabilities') },
    ]);
    expect(findingsFailure(found)?.exitCode).toBe(1);
  });

  test('what cannot be checked is not green', async () => {
    const findings = await check({
      images: [
        { repository: 'ghcr.io/acme/web', digest: index },
        { repository: `${SHARED}/web`, digest: undefined },
      ],
    });
    expect(findings.map(({ kind }) => kind)).toEqual(['unchecked', 'unchecked']);
    expect(findingsFailure(findings)?.exitCode).toBe(2);
    await expect(imageExists({ repository: 'ghcr.io/acme/web', digest: index }, own())).rejects.toMatchObject(
      {
        reason: 'image-unchecked',
      },
    );
  });

  test('a role that may not look: the statement to add', async () => {
    const blind = `arn:aws:iam::${STAGING}:role/blind`;
    company.ecr.role(blind, { allow: [], webIdentity: { subject: 'repo:acme/web:*' } });
    const deps = openImageCheck({
      identityFor: ({ region }) => company.identity(blind, region),
      timing: systemTiming,
      agent: company.agent,
      onSecret: () => undefined,
    });
    await expect(imageExists({ repository: `${SHARED}/web`, digest: index }, deps)).rejects.toMatchObject({
      exitCode: 2,
      todo: expect.stringContaining('"Action":"ecr:BatchGetImage"'),
    });
  });
});
