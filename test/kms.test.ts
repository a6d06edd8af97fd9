import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { accessInputs } from '../src/action/inputs.ts';
import { openGitHub } from '../src/github/access.ts';
import { systemTiming } from '../src/github/timing.ts';
import { Failure } from '../src/report/failure.ts';
import { type GitHubStandin, type StandinApp, startGitHub } from '../src/standin/github/server.ts';
import { ACCOUNT, type Aws, createSigningKey, startAws } from './kms/aws.ts';
import { type OidcIssuer, startOidcIssuer } from './kms/oidc-issuer.ts';

const RELEASE_WORKFLOW = 'kajitori/kajitori/.github/workflows/release.yml@refs/tags/v1';
const CLAIMS = { sub: 'repo:acme/web:ref:refs/heads/main', job_workflow_ref: RELEASE_WORKFLOW };
const REGION = 'ap-northeast-1';
const SIGN_ROLE = `arn:aws:iam::${ACCOUNT}:role/kajitori-sign`;
const READER_ROLE = `arn:aws:iam::${ACCOUNT}:role/kajitori-reader`;

let aws: Aws;
let issuer: OidcIssuer;
let github: GitHubStandin;
let app: StandinApp;
let hasProvider = true;
/** The key's ID; `alias/kajitori` names the same key. */
let key: string;
let otherKey: string;

beforeAll(async () => {
  issuer = await startOidcIssuer(CLAIMS);
  aws = await startAws(
    {
      [SIGN_ROLE]: { jobWorkflowRef: RELEASE_WORKFLOW, subject: 'repo:acme/', maySign: true },
      [READER_ROLE]: { jobWorkflowRef: RELEASE_WORKFLOW, subject: 'repo:acme/', maySign: false },
    },
    () => (hasProvider ? issuer.publicKey : undefined),
  );
  const [signingKey, other] = [
    await createSigningKey(aws, REGION, 'alias/kajitori'),
    await createSigningKey(aws, REGION),
  ];
  key = signingKey.id;
  otherKey = other.id;
  github = await startGitHub();
  await github.createRepository('acme/gitops', { files: { 'kajitori.yaml': 'a: 1\n' }, private: true });
  app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write' },
    publicKey: signingKey.publicKey,
  });
  app.install('acme', ['acme/gitops']);
});
afterAll(async () => {
  await aws[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await github[Symbol.asyncDispose]();
});

beforeEach(() => {
  // The job of a runner that has AWS nothing but its OIDC token.
  for (const name of Object.keys(process.env).filter((each) => /^(AWS|ACTIONS)_/.test(each))) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_ENDPOINT_URL', aws.url);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  for (const [name, value] of Object.entries(issuer.variables)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  hasProvider = true;
  issuer.claims = CLAIMS;
});

/** Signs in as an action does, by its inputs. */
function signIn(inputs: { readonly key?: string; readonly role?: string; readonly region?: string } = {}) {
  const { key: kmsKey = key, role = SIGN_ROLE, region = REGION } = inputs;
  vi.stubEnv('INPUT_APP-ID', app.clientId);
  vi.stubEnv('INPUT_KMS-KEY', kmsKey);
  vi.stubEnv('INPUT_AWS-ROLE', role);
  vi.stubEnv('INPUT_AWS-REGION', region);
  // core.getIDToken asks the runner to mask the token; here nobody listens.
  const quiet = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  return openGitHub(accessInputs(), {
    apiUrl: github.apiUrl,
    repository: { owner: 'acme', name: 'gitops' },
    permissions: { contents: 'write' },
    timing: systemTiming,
  }).finally(() => quiet.mockRestore());
}

async function failureOf(signingIn: Promise<unknown>): Promise<Failure> {
  const error = await signingIn.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Failure)) throw new Error('no Failure', { cause: error });
  return error;
}

describe("the App's key in AWS KMS", () => {
  test.each([
    ['its ID', () => key],
    ['its alias', () => 'alias/kajitori'],
    ['its ARN', () => `arn:aws:kms:${REGION}:${ACCOUNT}:key/${key}`],
  ])('named by %s, signs the App in with the OIDC token of the run and no static key', async (_, name) => {
    const client = await signIn({ key: name() });
    const { data } = await client.rest<{ total_count: number }>('GET /installation/repositories');
    expect(data.total_count).toBe(1);
    expect(github.log.at(-1)?.who).toBe('kajitori[bot]');
  });

  test.each([
    ['another workflow', { job_workflow_ref: 'acme/evil/.github/workflows/x.yml@refs/heads/main' }],
    ["another company's repository, which calls ours", { sub: 'repo:evil/web:ref:refs/heads/main' }],
  ])('does not sign for %s', async (_, claims) => {
    issuer.claims = { ...CLAIMS, ...claims };
    const failure = await failureOf(signIn());
    expect(failure).toMatchObject({ exitCode: 2, reason: 'kms' });
    expect(failure.message).toContain(SIGN_ROLE);
    expect(failure.message).toContain(
      'AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity',
    );
    expect(failure.todo).toContain('job_workflow_ref');
  });

  test.each([
    [
      'a role that may not sign',
      { role: READER_ROLE },
      /AccessDeniedException: .*kms:Sign/,
      /Allow kms:Sign/,
    ],
    [
      'a key that is not there',
      { key: '00000000-0000-4000-8000-000000000000' },
      /NotFound/,
      /no such key in this region/,
    ],
    ['an alias that is not there', { key: 'alias/kajitor' }, /NotFound/, /no such key in this region/],
    ['another region', { region: 'us-east-1' }, /NotFound/, /check kms-key and aws-region/],
  ])('%s: says what AWS said and what to do', async (_, inputs, message, todo) => {
    const failure = await failureOf(signIn(inputs));
    expect(failure).toMatchObject({ exitCode: 2, reason: 'kms' });
    expect(failure.message).toMatch(message);
    expect(failure.todo).toMatch(todo);
  });

  test('an account without the OIDC provider', async () => {
    hasProvider = false;
    const failure = await failureOf(signIn());
    expect(failure).toMatchObject({ exitCode: 2, reason: 'kms' });
    expect(failure.message).toContain('No OpenIDConnect provider found in your account');
    expect(failure.todo).toContain('token.actions.githubusercontent.com');
  });

  test('a job without the permission id-token: write', async () => {
    for (const name of Object.keys(issuer.variables)) vi.stubEnv(name, undefined);
    const failure = await failureOf(signIn());
    expect(failure).toMatchObject({ exitCode: 2, reason: 'no-id-token' });
    expect(failure.todo).toContain('id-token: write');
  });

  test('neither a role nor credentials of the machine', async () => {
    const failure = await failureOf(signIn({ role: '' }));
    expect(failure).toMatchObject({ exitCode: 2, reason: 'kms' });
    expect(failure.todo).toContain('give aws-role');
  });

  test('the key of something else: GitHub does not know it, and the error names the pair to check', async () => {
    const failure = await failureOf(signIn({ key: otherKey }));
    expect(failure).toMatchObject({ exitCode: 2, reason: 'github-denied' });
    expect(failure.todo).toContain('app-id and private key (or KMS key) belong to the same GitHub App');
  });
});
