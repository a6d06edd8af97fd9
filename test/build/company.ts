import { createHash } from 'node:crypto';
import { Agent } from 'node:https';
import { gzipSync } from 'node:zlib';
import type { AwsIdentity } from '../../src/aws/credentials.ts';
import { authorization, type Ecr, openEcr } from '../../src/aws/ecr.ts';
import { ask, type Registry } from '../../src/aws/registry-client.ts';
import type { Timing } from '../../src/github/timing.ts';
import { type EcrStandin, startEcr } from '../../src/standin/ecr/server.ts';
import { claimsOf, type OidcIssuer, startOidcIssuer } from '../kms/oidc-issuer.ts';

export const REGION = 'ap-northeast-1';
export const OTHER_REGION = 'us-east-1';
export const STAGING = '111111111111';
export const PRODUCTION = '222222222222';
export const SUBJECT = 'repo:acme/web:ref:refs/heads/main';

/** Waiting costs nothing, and is remembered. */
export function countedTiming(): Timing & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => Date.now(),
    random: () => 0.5,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
    },
  };
}

/** A company's AWS: two accounts, each with a role `build` that acme/web's main may assume and that may do anything with ECR. */
export interface Company extends AsyncDisposable {
  readonly ecr: EcrStandin;
  readonly issuer: OidcIssuer;
  /** The way to its registries. */
  readonly agent: Agent;
  /** A run of acme/web on main, as a role. */
  identity(role: string, region?: string): AwsIdentity;
  /** ECR as the role `build` of an account. AWS_ENDPOINT_URL must be set. */
  open(account: string, region?: string): Ecr;
  /** The registry that an identity logs in to. */
  registry(ecr: Ecr, timing?: Timing): Promise<Registry>;
}

export const buildRole = (account: string): string => `arn:aws:iam::${account}:role/build`;

/** A run that GitHub gives OIDC tokens to, as a role. */
export const identityOfRun =
  (issuer: OidcIssuer) =>
  (role: string, region = REGION): AwsIdentity => ({
    region,
    role,
    idToken: async () => {
      const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = issuer.variables;
      const answer = await fetch(`${url}&audience=sts.amazonaws.com`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return ((await answer.json()) as { value: string }).value;
    },
    sessionName: 'acme-web',
  });

export async function startCompany(): Promise<Company> {
  await using started = new AsyncDisposableStack();
  const issuer = started.use(
    await startOidcIssuer({ sub: SUBJECT, job_workflow_ref: 'acme/ci/.github/workflows/build.yml@v1' }),
  );
  const ecr = started.use(await startEcr({ verifyToken: (token) => claimsOf(token, issuer.publicKey) }));
  for (const account of [STAGING, PRODUCTION]) {
    ecr.role(buildRole(account), { allow: ['ecr:*'], webIdentity: { subject: 'repo:acme/web:*' } });
  }
  const agent = new Agent({ keepAlive: true, ca: ecr.ca, proxyEnv: { HTTPS_PROXY: ecr.proxy } });
  started.defer(() => agent.destroy());
  const identity = identityOfRun(issuer);
  const all = started.move();
  return {
    ecr,
    issuer,
    agent,
    identity,
    open: (account, region) => openEcr(identity(buildRole(account), region)),
    registry: async (opened, timing = countedTiming()) => ({
      authorization: await authorization(opened),
      identity: opened.identity,
      agent,
      timing,
    }),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}

const digestOf = (bytes: Buffer | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const OCI = 'application/vnd.oci.image';

/** Pushes bytes that a manifest can name. */
export async function pushBlob(registry: Registry, repository: string, bytes: Buffer) {
  const digest = digestOf(bytes);
  const begun = await ask(registry, {
    method: 'POST',
    url: `/v2/${repository}/blobs/uploads/`,
    headers: { 'content-length': '0' },
  });
  begun.body.resume();
  const url = new URL(begun.headers.location ?? '', `https://${registry.authorization.host}`);
  url.searchParams.set('digest', digest);
  const put = await ask(registry, {
    method: 'PUT',
    url: url.href,
    headers: { 'content-length': String(bytes.length) },
    body: () => bytes,
  });
  put.body.resume();
  return { digest, size: bytes.length };
}

/** Pushes a manifest as it is. */
export async function pushManifest(
  registry: Registry,
  repository: string,
  manifest: { readonly mediaType: string; readonly [key: string]: unknown },
  reference?: string,
) {
  const text = JSON.stringify(manifest);
  const digest = digestOf(text);
  const put = await ask(registry, {
    method: 'PUT',
    url: `/v2/${repository}/manifests/${reference ?? digest}`,
    headers: { 'content-type': manifest.mediaType, 'content-length': String(Buffer.byteLength(text)) },
    body: () => Buffer.from(text),
  });
  put.body.resume();
  return { digest, size: Buffer.byteLength(text), mediaType: manifest.mediaType };
}

/** Pushes an image of one layer for one architecture, and returns its descriptor. */
export async function pushImage(
  registry: Registry,
  repository: string,
  content: string,
  options: { readonly architecture?: string; readonly tag?: string } = {},
) {
  const { architecture = 'amd64', tag } = options;
  const layer = await pushBlob(registry, repository, gzipSync(content));
  const config = await pushBlob(
    registry,
    repository,
    Buffer.from(JSON.stringify({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [] } })),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, ...config },
    layers: [{ mediaType: `${OCI}.layer.v1.tar+gzip`, ...layer }],
  };
  return {
    ...(await pushManifest(registry, repository, manifest, tag)),
    platform: { os: 'linux', architecture },
  };
}

/** Pushes an image for amd64 and arm64, and returns the digest of the index. */
export async function pushIndex(registry: Registry, repository: string, content: string, tag?: string) {
  const manifests = [
    await pushImage(registry, repository, `${content} amd64`),
    await pushImage(registry, repository, `${content} arm64`, { architecture: 'arm64' }),
  ];
  const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests };
  return (await pushManifest(registry, repository, index, tag)).digest;
}
