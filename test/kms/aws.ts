import type { KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateAliasCommand, CreateKeyCommand, GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { execa } from 'execa';
import { claimsOf } from './oidc-issuer.ts';

/** A role, as docs/setup.md makes it. */
export interface TrustedRole {
  /** The one workflow that may assume it (condition on `job_workflow_ref` in its trust policy). */
  readonly jobWorkflowRef: string;
  /** What the token's subject begins with: the company's repositories. */
  readonly subject: string;
  /** Whether its policy allows kms:Sign. */
  readonly maySign: boolean;
}

export interface Aws extends AsyncDisposable {
  /** For AWS_ENDPOINT_URL. */
  readonly url: string;
}

export const ACCOUNT = '111111111111';

/**
 * AWS KMS and STS by moto, behind a front that refuses what AWS refuses and moto lets pass: a token that the account's
 * OIDC provider did not sign, a run that a role's trust policy does not name, a role that may not sign. The refusals are
 * those of the services ("AssumeRoleWithWebIdentity" in the STS API reference, "Sign" in that of KMS).
 *
 * @param roles by ARN
 * @param provider the OIDC provider that the account knows; undefined: none
 */
export async function startAws(
  roles: Readonly<Record<string, TrustedRole>>,
  provider: () => KeyObject | undefined,
): Promise<Aws> {
  const moto = execa('moto_server', ['--host', '127.0.0.1', '--port', '0'], {
    env: { MOTO_ACCOUNT_ID: ACCOUNT },
    reject: false,
    buffer: false,
    all: true,
  });
  const port = await portOf(moto.all);
  /** The roles of the access keys that were given out. */
  const holders = new Map<string, string>();

  const server = createServer((asked, response) => {
    void (async () => {
      const body = await bodyOf(asked);
      const form = new URLSearchParams(body);
      const target = String(asked.headers['x-amz-target'] ?? '');
      if (form.get('Action') === 'AssumeRoleWithWebIdentity') {
        const role = form.get('RoleArn') ?? '';
        const refusal = refuseAssuming(roles[role], form.get('WebIdentityToken') ?? '', provider());
        if (refusal !== undefined) return answerSts(response, refusal);
        const answer = await forward(port, asked, body);
        holders.set(/<AccessKeyId>(.*?)</.exec(answer.body)?.[1] ?? '', role);
        return response.writeHead(answer.status, answer.headers).end(answer.body);
      }
      const holder = holders.get(/Credential=([^/]+)/.exec(asked.headers.authorization ?? '')?.[1] ?? '');
      if (target === 'TrentService.Sign' && holder !== undefined && roles[holder]?.maySign !== true) {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
        const message = `User: ${holder} is not authorized to perform: kms:Sign`;
        return response.end(JSON.stringify({ __type: 'AccessDeniedException', Message: message }));
      }
      const answer = await forward(port, asked, body);
      return response.writeHead(answer.status, answer.headers).end(answer.body);
    })().catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      moto.kill();
      await moto;
    },
  };
}

/** An RSA key of the account for signatures, as docs/setup.md makes it. */
export interface SigningKey {
  readonly id: string;
  /** PEM, SPKI. */
  readonly publicKey: string;
}

/** Makes a key, as the platform team does once. */
export async function createSigningKey(aws: Aws, region: string, alias?: string): Promise<SigningKey> {
  const kms = new KMSClient({
    endpoint: aws.url,
    region,
    credentials: { accessKeyId: 'platform-team', secretAccessKey: 'any' },
  });
  const { KeyMetadata } = await kms.send(
    new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
  );
  const id = KeyMetadata?.KeyId ?? '';
  if (alias !== undefined) {
    await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: id }));
  }
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: id }));
  kms.destroy();
  const body = Buffer.from(PublicKey ?? []).toString('base64');
  return { id, publicKey: `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n` };
}

interface StsRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function refuseAssuming(
  role: TrustedRole | undefined,
  token: string,
  provider: KeyObject | undefined,
): StsRefusal | undefined {
  const invalid = { status: 400, code: 'InvalidIdentityToken' };
  if (provider === undefined) {
    return { ...invalid, message: 'No OpenIDConnect provider found in your account' };
  }
  const claims = claimsOf(token, provider);
  if (claims?.aud !== 'sts.amazonaws.com') return { ...invalid, message: 'Incorrect token audience' };
  // AWS does not say whether the role is missing or its trust policy says no.
  return role !== undefined &&
    claims.job_workflow_ref === role.jobWorkflowRef &&
    String(claims.sub).startsWith(role.subject)
    ? undefined
    : {
        status: 403,
        code: 'AccessDenied',
        message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      };
}

function answerSts(response: ServerResponse, { status, code, message }: StsRefusal): void {
  response.writeHead(status, { 'content-type': 'text/xml' });
  response.end(
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
  );
}

/** moto takes any free port and says which. */
async function portOf(output: AsyncIterable<unknown>): Promise<number> {
  let said = '';
  for await (const chunk of output) {
    said += String(chunk);
    const port = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`moto_server ended: ${said}`);
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function forward(port: number, asked: IncomingMessage, body: string) {
  return new Promise<{ status: number; headers: IncomingMessage['headers']; body: string }>(
    (resolve, reject) => {
      const { method, url, headers } = asked;
      const onward = request(
        { host: '127.0.0.1', port, method, path: url, headers, agent: false },
        (answer) => {
          bodyOf(answer).then(
            (text) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
            reject,
          );
        },
      );
      onward.on('error', reject).end(body);
    },
  );
}
