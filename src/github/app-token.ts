import { createPrivateKey, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { couldNot } from '../report/failure.ts';
import { createGitHubClient, explainFault } from './client.ts';
import { formatRepositoryName, type RepositoryName } from './repository-name.ts';
import type { Timing } from './timing.ts';

/** Signs with RSASSA-PKCS1-v1_5 and SHA-256 (JWT's RS256): a private key in memory, or one that never leaves AWS KMS. */
export type Rs256Signer = (message: Uint8Array) => Promise<Uint8Array>;

/** What a token may do; the names are GitHub's ("Permissions required for GitHub Apps"). */
export type TokenPermissions = Readonly<Record<string, 'read' | 'write'>>;

/** A token of a GitHub App for some repositories of one owner. It lives for one hour. */
export interface AppToken {
  readonly token: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export interface AppTokenRequest {
  readonly apiUrl: string;
  /** The App's client ID (GitHub's advice) or its numeric ID. */
  readonly appId: string;
  readonly signer: Rs256Signer;
  readonly repository: RepositoryName;
  readonly permissions: TokenPermissions;
  readonly timing: Timing;
}

/** GitHub refuses a JWT that lives longer than ten minutes, and advises to date it back a minute for clocks that differ. */
const JWT_LIFE_SECONDS = 9 * 60;
const JWT_BACKDATE_SECONDS = 60;

/** A signer from the text of a PEM private key, as GitHub hands it out (PKCS#1) or converted (PKCS#8). */
export function signerFromPrivateKey(pem: string): Rs256Signer {
  // Secrets pasted into one line keep their line ends as the two characters \n.
  const text = pem.includes('\\n') ? pem.replaceAll('\\n', '\n') : pem;
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(text);
  } catch {
    // The cause is left out on purpose: it may quote the key.
    throw couldNot('The private key of the GitHub App cannot be read.', {
      todo: 'Put the whole .pem file into the secret, from -----BEGIN to -----END, line ends kept.',
      reason: 'bad-private-key',
    });
  }
  const signAsync = promisify(sign);
  return async (message) => signAsync('sha256', message, key);
}

/**
 * The JWT by which a GitHub App shows who it is (RFC 7519; GitHub: "Generating a JSON Web Token for a GitHub App").
 *
 * @param nowMs milliseconds since the epoch
 */
export async function appJwt(appId: string, signer: Rs256Signer, nowMs: number): Promise<string> {
  const now = Math.floor(nowMs / 1000);
  const header = { alg: 'RS256', typ: 'JWT' };
  const claims = { iat: now - JWT_BACKDATE_SECONDS, exp: now + JWT_LIFE_SECONDS, iss: appId };
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = await signer(Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

/**
 * A token of the App that is good for one repository and the given permissions only.
 *
 * @throws Failure (exit 2) when the App is not installed there, or lacks a permission
 */
export async function createAppToken(request: AppTokenRequest): Promise<AppToken> {
  const { repository, timing } = request;
  const client = createGitHubClient({
    apiUrl: request.apiUrl,
    token: await appJwt(request.appId, request.signer, timing.now()),
    timing,
  });
  const where = formatRepositoryName(repository);
  try {
    const installation = await client.rest<{ id: number }>('GET /repos/{owner}/{repo}/installation', {
      owner: repository.owner,
      repo: repository.name,
    });
    // Asking twice gives two tokens and does no harm, so this may be repeated like a read.
    const token = await client.rest<{ token: string; expires_at: string }>(
      'POST /app/installations/{installation_id}/access_tokens',
      {
        installation_id: installation.data.id,
        repositories: [repository.name],
        permissions: request.permissions,
      },
    );
    return { token: token.data.token, expiresAt: token.data.expires_at };
  } catch (error) {
    throw explainFault(error, `get a token of the GitHub App for ${where}`, {
      denied: 'Check that app-id and private key (or KMS key) belong to the same GitHub App.',
      missing: `Install the GitHub App on ${where} (docs/setup.md, "GitHub App").`,
      invalid: `Give the App these permissions and accept them for the installation: ${permissionList(request.permissions)} (docs/setup.md).`,
    });
  }
}

const permissionList = (permissions: TokenPermissions): string =>
  Object.entries(permissions)
    .map(([name, access]) => `${name}: ${access}`)
    .join(', ');
