import { CreateRepositoryCommand, PutLifecyclePolicyCommand } from '@aws-sdk/client-ecr';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  buildRole,
  type Company,
  OTHER_REGION,
  PRODUCTION,
  pushImage,
  pushIndex,
  REGION,
  STAGING,
  startCompany,
} from '../../test/build/company.ts';
import { authorization, type Ecr, findImage, openEcr, putTag } from './ecr.ts';
import { ensureRepository } from './ecr-repository.ts';
import type { Registry } from './registry-client.ts';
import type { RepositoryPlan } from './repository-plan.ts';
import { findingsFrom, scanFindings } from './scan-findings.ts';

const PLAN: RepositoryPlan = {
  environments: ['staging', 'production'],
  keepReleases: 20,
  keepUnusedDays: 14,
  pullAccounts: [PRODUCTION],
};

let company: Company;
let staging: Ecr;
let registry: Registry;

beforeAll(async () => {
  company = await startCompany();
  vi.stubEnv('AWS_ENDPOINT_URL', company.ecr.endpoint);
  staging = company.open(STAGING);
  await ensureRepository(staging, 'web', PLAN, true);
  registry = await company.registry(staging);
});
afterEach(() => company.ecr.clearFaults());
afterAll(async () => {
  vi.unstubAllEnvs();
  await company?.[Symbol.asyncDispose]();
});

/** A role that may do only this, assumed by the run. */
function roleThatMay(name: string, allow: readonly string[], account = STAGING): Ecr {
  const role = `arn:aws:iam::${account}:role/${name}`;
  company.ecr.role(role, { allow, webIdentity: { subject: 'repo:acme/web:*' } });
  return openEcr(company.identity(role));
}

describe('the password of a registry', () => {
  test('is for the host that AWS names, of the account and region of the identity', async () => {
    const found = await authorization(company.open(PRODUCTION, OTHER_REGION));
    expect(found).toMatchObject({
      host: `${PRODUCTION}.dkr.ecr.${OTHER_REGION}.amazonaws.com`,
      username: 'AWS',
    });
    expect(company.ecr.secrets).toContain(found.password);
    expect(found.expiresAt.getTime()).toBeGreaterThan(Date.now());
  });

  test('is had by roles one after the other', async () => {
    const last = `arn:aws:iam::${PRODUCTION}:role/push`;
    company.ecr.role(last, { allow: ['ecr:*'], trusts: [`arn:aws:iam::${STAGING}:role/hub`] });
    company.ecr.role(`arn:aws:iam::${STAGING}:role/hub`, {
      allow: ['sts:AssumeRole'],
      webIdentity: { subject: 'repo:acme/web:*' },
    });
    const identity = { ...company.identity(`arn:aws:iam::${STAGING}:role/hub`), chain: [last] };
    expect(await authorization(openEcr(identity))).toMatchObject({
      host: `${PRODUCTION}.dkr.ecr.${REGION}.amazonaws.com`,
    });
  });

  test('is had by what a self-hosted runner has of its own', async () => {
    const keys = company.ecr.keys(buildRole(STAGING));
    for (const [name, value] of Object.entries(keys)) vi.stubEnv(name, value);
    try {
      const ecr = openEcr({ region: REGION, sessionName: 'runner' });
      expect(await authorization(ecr)).toMatchObject({ host: `${STAGING}.dkr.ecr.${REGION}.amazonaws.com` });
    } finally {
      for (const name of Object.keys(keys)) vi.stubEnv(name, undefined);
    }
  });

  test('comes also when ECR throttles and stumbles first', async () => {
    company.ecr.inject({ match: ({ operation }) => operation === 'GetAuthorizationToken', kind: 'throttle' });
    company.ecr.inject({ match: ({ operation }) => operation === 'GetAuthorizationToken', kind: 'status' });
    expect((await authorization(company.open(STAGING))).username).toBe('AWS');
    const asked = company.ecr.log.filter((line) => line.operation === 'GetAuthorizationToken').slice(-3);
    expect(asked.map(({ status }) => status)).toEqual([400, 503, 200]);
  });
});

describe('where AWS says no, the statement that is missing is said', () => {
  test('a role that does not trust this run', async () => {
    const role = `arn:aws:iam::${STAGING}:role/others`;
    company.ecr.role(role, { allow: ['*'], webIdentity: { subject: 'repo:acme/other:*' } });
    await expect(authorization(openEcr(company.identity(role)))).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-trust',
      todo: expect.stringMatching(
        /trust policy of arn:aws:iam::111111111111:role\/others.*oidc-provider\/token\.actions.*"token\.actions\.githubusercontent\.com:sub":"repo:acme\/web:ref:refs\/heads\/main"/,
      ),
    });
  });

  test('a role of the chain that does not trust the one before', async () => {
    company.ecr.role(`arn:aws:iam::${PRODUCTION}:role/closed`, { allow: ['*'], trusts: [] });
    const identity = {
      ...company.identity(buildRole(STAGING)),
      chain: [`arn:aws:iam::${PRODUCTION}:role/closed`],
    };
    await expect(authorization(openEcr(identity))).rejects.toMatchObject({
      reason: 'no-trust',
      todo: expect.stringContaining(
        `trust policy of arn:aws:iam::${PRODUCTION}:role/closed: {"Effect":"Allow","Principal":{"AWS":"${buildRole(STAGING)}"},"Action":"sts:AssumeRole"}`,
      ),
    });
  });

  test('a role that may not do it', async () => {
    const pusher = roleThatMay('no-create', ['ecr:DescribeRepositories']);
    await expect(ensureRepository(pusher, 'fresh', PLAN, true)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-permission',
      todo: `Add to the policy of arn:aws:iam::${STAGING}:role/no-create: {"Effect":"Allow","Action":"ecr:CreateRepository","Resource":"arn:aws:ecr:${REGION}:${STAGING}:repository/fresh"}`,
    });
  });

  test('an account that does not know GitHub', async () => {
    company.ecr.inject({
      match: ({ operation }) => operation === 'AssumeRoleWithWebIdentity',
      kind: 'expired',
    });
    await expect(authorization(company.open(STAGING))).rejects.toMatchObject({
      exitCode: 2,
      reason: 'expired',
    });
  });

  test('no credentials at all', async () => {
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    await expect(authorization(openEcr({ region: REGION, sessionName: 'x' }))).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-credentials',
      todo: expect.stringContaining('id-token: write'),
    });
  });
});

describe('an image', () => {
  test('is found by its tag and by its digest, with the bytes that have this digest', async () => {
    const { digest } = await pushImage(registry, 'web', 'found', { tag: 'found' });
    const byTag = await findImage(staging, 'web', { tag: 'found' });
    expect(byTag?.digest).toBe(digest);
    expect(await findImage(staging, 'web', { digest })).toEqual(byTag);
    expect(byTag?.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
  });

  test('that does not exist is undefined; a repository that does not exist is said', async () => {
    expect(await findImage(staging, 'web', { tag: 'none' })).toBeUndefined();
    await expect(findImage(staging, 'nothing', { tag: 'none' })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-repository',
    });
  });

  test('gets one more tag and keeps its digest, index or not; once more changes nothing', async () => {
    const digest = await pushIndex(registry, 'web', 'retag');
    const image = await findImage(staging, 'web', { digest });
    if (image === undefined) throw new Error('not pushed');
    expect(await putTag(staging, 'web', image, 'v7')).toBe('tagged');
    expect(await putTag(staging, 'web', image, 'v7')).toBe('there');
    expect((await findImage(staging, 'web', { tag: 'v7' }))?.digest).toBe(digest);
  });

  test('that took its tag although the answer was lost is not an error', async () => {
    const { digest } = await pushImage(registry, 'web', 'lost');
    const image = await findImage(staging, 'web', { digest });
    if (image === undefined) throw new Error('not pushed');
    const fault = company.ecr.inject({
      match: ({ service, operation }) => service === 'ecr' && operation === 'PutImage',
      kind: 'lost',
    });
    expect(await putTag(staging, 'web', image, 'lost')).toBe('there');
    expect(fault.struck).toBe(1);
  });

  test('does not take an immutable tag from another image; a live tag it does', async () => {
    const first = await pushImage(registry, 'web', 'first', { tag: 'taken' });
    const { digest } = await pushImage(registry, 'web', 'second');
    const image = await findImage(staging, 'web', { digest });
    if (image === undefined) throw new Error('not pushed');
    await expect(putTag(staging, 'web', image, 'taken')).rejects.toMatchObject({
      exitCode: 1,
      reason: 'tag-taken',
      message: expect.stringContaining(first.digest),
    });
    const other = await findImage(staging, 'web', { tag: 'taken' });
    if (other === undefined) throw new Error('lost');
    expect(await putTag(staging, 'web', other, 'live-staging')).toBe('tagged');
    expect(await putTag(staging, 'web', image, 'live-staging')).toBe('tagged');
    expect((await findImage(staging, 'web', { tag: 'live-staging' }))?.digest).toBe(digest);
  });

  test('has the findings of its scan counted; one that was not scanned is not clean', async () => {
    const { digest } = await pushImage(registry, 'web', 'scanned');
    expect(await scanFindings(staging, 'web', digest)).toMatchObject({ state: 'none' });
    company.ecr.findings.set(digest, { CRITICAL: 1, HIGH: 2, LOW: 40 });
    const summary = await scanFindings(staging, 'web', digest);
    expect(summary).toEqual({ state: 'complete', counts: { CRITICAL: 1, HIGH: 2, LOW: 40 } });
    expect(findingsFrom({ CRITICAL: 1, HIGH: 2, LOW: 40 }, 'HIGH')).toBe(3);
  });
});

describe('the repository of an app', () => {
  test('is made as planned when it is missing, and differs in nothing then', async () => {
    expect(await ensureRepository(staging, 'made', PLAN, true)).toEqual({ state: 'created' });
    expect(await ensureRepository(staging, 'made', PLAN, true)).toEqual({ state: 'there', drift: [] });
    // The clusters' account may pull from it now, and from nothing else.
    const made = await pushImage(registry, 'made', 'pulled', { tag: 'v1' });
    const asked = { registryId: STAGING };
    const { BatchGetImageCommand } = await import('@aws-sdk/client-ecr');
    const puller = company.open(PRODUCTION);
    const { images } = await puller.client.send(
      new BatchGetImageCommand({ ...asked, repositoryName: 'made', imageIds: [{ imageTag: 'v1' }] }),
    );
    expect(images?.[0]?.imageId?.imageDigest).toBe(made.digest);
  });

  test('is not made where that is not allowed: what to do is said', async () => {
    const before = company.ecr.log.length;
    await expect(ensureRepository(staging, 'absent', PLAN, false)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-repository',
    });
    const asked = company.ecr.log.slice(before).map(({ operation }) => operation);
    expect(asked).toContain('DescribeRepositories');
    expect(asked).not.toContain('CreateRepository');
  });

  test('that somebody else made is left as it is, and every difference is said', async () => {
    await staging.client.send(new CreateRepositoryCommand({ repositoryName: 'old' }));
    await staging.client.send(
      new PutLifecyclePolicyCommand({
        repositoryName: 'old',
        lifecyclePolicyText:
          '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]}',
      }),
    );
    const from = company.ecr.log.length;
    const found = await ensureRepository(staging, 'old', PLAN, true);
    expect(found).toMatchObject({
      state: 'there',
      drift: [{ what: 'tags' }, { what: 'scan' }, { what: 'lifecycle' }, { what: 'pull' }],
    });
    const asked = company.ecr.log.slice(from).map(({ operation }) => operation);
    expect(asked.filter((operation) => !/^(Describe|Get)/.test(operation))).toEqual([]);
  });

  test('that the role may not look at is said to be unchecked, not well', async () => {
    const pusher = roleThatMay('push-only', ['ecr:PutImage']);
    expect(await ensureRepository(pusher, 'web', PLAN, false)).toMatchObject({
      state: 'unchecked',
      message: expect.stringContaining('ecr:DescribeRepositories'),
    });
  });

  test('that several builds make at once is made once, and none fails', async () => {
    const all = await Promise.all(
      [1, 2, 3].map(() => ensureRepository(company.open(STAGING), 'race', PLAN, true)),
    );
    expect(all.map(({ state }) => state)).toContain('created');
    expect(await ensureRepository(staging, 'race', PLAN, false)).toEqual({ state: 'there', drift: [] });
  });
});
