import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Company, pushIndex, REGION, STAGING, startCompany } from '../../test/build/company.ts';
import { ensureRepository } from '../aws/ecr-repository.ts';
import type { Registry } from '../aws/registry-client.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { registryRoles } from './build-target.ts';
import { type DeployedImage, markLive } from './mark-live.ts';
import { openImageCheck } from './open-image-check.ts';

const HOST = `${STAGING}.dkr.ecr.${REGION}.amazonaws.com`;
const PLAN = { environments: ['production'], keepReleases: 5, keepUnusedDays: 7, pullAccounts: [] };
const PROD = { name: 'prod-1', account: STAGING, region: REGION, architecture: ['amd64'] };

describe('what runs is marked in its repository', () => {
  let company: Company;
  let registry: Registry;
  let old: string;
  let newer: string;

  beforeAll(async () => {
    company = await startCompany();
    vi.stubEnv('AWS_ENDPOINT_URL', company.ecr.endpoint);
    const ecr = company.open(STAGING);
    await ensureRepository(ecr, 'web', PLAN, true);
    registry = await company.registry(ecr);
    old = await pushIndex(registry, 'web', 'old');
    newer = await pushIndex(registry, 'web', 'newer');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await company?.[Symbol.asyncDispose]();
  });

  const image = (digest: string, build: number): DeployedImage => ({
    repository: `${HOST}/web`,
    digest,
    build,
    environment: 'production',
    clusters: [PROD],
    registries: [HOST],
  });
  const tag = (role = `arn:aws:iam::${STAGING}:role/build`) =>
    openImageCheck({
      identityFor: registryRoles(role, {
        idToken: company.identity(role).idToken,
        sessionName: 'acme-web',
      }),
      timing: systemTiming,
      agent: company.agent,
      onSecret: () => undefined,
    }).tag;
  const tagsOf = () =>
    Object.fromEntries(
      company.ecr
        .images(STAGING, REGION, 'web')
        .flatMap(({ digest, tags }) => [...tags].map((each) => [each, digest])),
    );

  test('live-<environment> moves with each release, whose own tag stays; again changes nothing', async () => {
    const first = await markLive({ deployed: async () => [image(old, 11)], tag: tag() });
    expect(first).toEqual({
      tags: [`${HOST}/web:release.production.11`, `${HOST}/web:live-production`],
      problems: [],
    });
    await markLive({ deployed: async () => [image(newer, 12)], tag: tag() });
    const there = {
      'release.production.11': old,
      'release.production.12': newer,
      'live-production': newer,
    };
    expect(tagsOf()).toEqual(there);
    expect((await markLive({ deployed: async () => [image(newer, 12)], tag: tag() })).problems).toEqual([]);
    expect(tagsOf()).toEqual(there);
  });

  test('a newer release that lands while the older one is marked wins', async () => {
    const states = [[image(old, 11)], [image(newer, 12)]];
    let reads = 0;
    const marked = await markLive({ deployed: async () => states[reads++] ?? states[1] ?? [], tag: tag() });
    expect(marked.tags).toContain(`${HOST}/web:release.production.12`);
    expect(tagsOf()['live-production']).toBe(newer);
    expect(reads).toBe(3);
  });

  test('a role that may not tag fails nothing, and it says what is missing', async () => {
    const reader = `arn:aws:iam::${STAGING}:role/reader`;
    company.ecr.role(reader, { allow: ['ecr:BatchGetImage'], webIdentity: { subject: 'repo:acme/web:*' } });
    const marked = await markLive({ deployed: async () => [image(old, 13)], tag: tag(reader) });
    expect(marked.tags).toEqual([]);
    expect(marked.problems.join('\n')).toContain('"Action":"ecr:PutImage"');
    expect(tagsOf()['live-production']).toBe(newer);
  });

  test('a GitOps repository that does not answer, an image without a digest or in no ECR: said, not thrown', async () => {
    const gone = await markLive({
      deployed: () => Promise.reject(couldNot('GitHub did not answer.', { todo: 'Run it again.' })),
      tag: tag(),
    });
    expect(gone.problems).toEqual([
      'What runs could not be read, so no image was marked as live: GitHub did not answer. Run it again.',
    ]);
    const unknown = [
      { ...image(old, 1), digest: undefined },
      { ...image(old, 1), repository: 'ghcr.io/acme/web' },
    ];
    const marked = await markLive({ deployed: async () => unknown, tag: tag() });
    expect(marked).toEqual({
      tags: [],
      problems: [
        `${HOST}/web was not marked as live in production: it has no digest.`,
        'ghcr.io/acme/web was not marked as live in production: its registry is not Amazon ECR.',
      ],
    });
  });
});

test('roles of registries: one for all, and one for a registry of its own', () => {
  const session = { sessionName: 'run' };
  const [all, one] = ['arn:aws:iam::111111111111:role/all', 'arn:aws:iam::222222222222:role/one'];
  const identity = registryRoles(`${all}\n222222222222/us-east-1 ${one}`, session);
  expect(identity({ account: '222222222222', region: 'us-east-1' }).chain).toEqual([one]);
  expect(identity({ account: '222222222222', region: 'eu-west-1' })).toMatchObject({
    region: 'eu-west-1',
    chain: [all],
  });
  expect(registryRoles(undefined, session)({ account: '222222222222', region: 'eu-west-1' }).chain).toEqual(
    [],
  );
  expect(() => registryRoles(`${all}\n${one}`, session)).toThrow('two lines name a role for every registry');
  expect(() => registryRoles('docker.io role', session)).toThrow('is not a registry of ECR');
});
