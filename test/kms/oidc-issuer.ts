import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What GitHub says in the token of a run ("OpenID Connect reference", the claims that AWS can be told to look at). */
export interface RunClaims {
  readonly sub: string;
  readonly job_workflow_ref: string;
}

export interface OidcIssuer extends AsyncDisposable {
  /** What the runner sets where a job has the permission `id-token: write`. */
  readonly variables: Readonly<
    Record<'ACTIONS_ID_TOKEN_REQUEST_URL' | 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', string>
  >;
  readonly publicKey: KeyObject;
  /** The claims of the next tokens. */
  claims: RunClaims;
}

/** The part of GitHub that gives a run its OIDC token. */
export async function startOidcIssuer(claims: RunClaims): Promise<OidcIssuer> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const requestToken = 'this-run';
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${requestToken}`) {
      response.writeHead(401).end();
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    const parts = [
      { alg: 'RS256', typ: 'JWT' },
      {
        iss: 'https://token.actions.githubusercontent.com',
        aud: new URL(request.url ?? '/', 'http://issuer').searchParams.get('audience'),
        iat: now,
        exp: now + 300,
        ...issuer.claims,
      },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const signature = sign('sha256', Buffer.from(parts.join('.')), privateKey).toString('base64url');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ value: [...parts, signature].join('.') }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const issuer: OidcIssuer = {
    variables: {
      // GitHub's has a query already; the audience is appended to it.
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/idtoken?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    publicKey,
    claims,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

/** The claims of a token that this key signed and that is still good; undefined for any other. */
export function claimsOf(token: string, publicKey: KeyObject): Readonly<Record<string, unknown>> | undefined {
  const [header = '', body = '', signature = ''] = token.split('.');
  const signed = verify(
    'sha256',
    Buffer.from(`${header}.${body}`),
    publicKey,
    Buffer.from(signature, 'base64url'),
  );
  if (!signed) return undefined;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
  return Number(claims.exp) > Date.now() / 1000 ? claims : undefined;
}
