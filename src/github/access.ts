import { couldNot } from '../report/failure.ts';
import {
  createAppToken,
  type Rs256Signer,
  signerFromPrivateKey,
  type TokenPermissions,
} from './app-token.ts';
import { createGitHubClient, type GitHubClient, type GitHubClientOptions } from './client.ts';
import type { RepositoryName } from './repository-name.ts';
import type { Timing } from './timing.ts';

/** By what right we write: a token, or a GitHub App with its key in a secret or in AWS KMS. */
export interface Access {
  readonly token?: string | undefined;
  readonly appId?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly kms?:
    | {
        readonly key: string;
        readonly region: string;
        readonly role?: string | undefined;
        /** The run's OIDC token for AWS STS. */
        readonly idToken?: () => Promise<string>;
      }
    | undefined;
}

export interface AccessOptions {
  readonly apiUrl: string;
  readonly repository: RepositoryName;
  readonly permissions: TokenPermissions;
  readonly timing: Timing;
  readonly onOutage?: GitHubClientOptions['onOutage'];
  /** Told of a token that was made, so that it is masked in logs before it is used. */
  readonly onToken?: (token: string) => void;
}

/**
 * A client that may do what `permissions` say in one repository.
 *
 * @throws Failure (exit 2) when there is neither a token nor a whole App, or GitHub or AWS refuse
 */
export async function openGitHub(access: Access, options: AccessOptions): Promise<GitHubClient> {
  const { apiUrl, timing, onOutage } = options;
  const token = access.appId === undefined ? access.token : await appToken(access.appId, access, options);
  if (token === undefined) {
    throw couldNot(`There is nothing to sign in to GitHub with.`, {
      todo: 'Give app-id with private-key or kms-key, or a token (on a laptop: GITHUB_TOKEN, for example from `gh auth token`).',
      reason: 'no-token',
    });
  }
  return createGitHubClient({ apiUrl, token, timing, onOutage });
}

async function appToken(appId: string, access: Access, options: AccessOptions): Promise<string> {
  const signer = await signerOf(access);
  const { token } = await createAppToken({ ...options, appId, signer });
  options.onToken?.(token);
  return token;
}

async function signerOf({ kms, privateKey }: Access): Promise<Rs256Signer> {
  if (kms !== undefined) {
    // Loaded only when needed: the AWS SDK costs tens of milliseconds at start.
    const { kmsSigner } = await import('../aws/kms-signer.ts');
    return kmsSigner(kms.key, {
      region: kms.region,
      sessionName: 'kajitori',
      ...(kms.role === undefined ? {} : { role: kms.role }),
      ...(kms.idToken === undefined ? {} : { idToken: kms.idToken }),
    });
  }
  if (privateKey !== undefined) {
    return signerFromPrivateKey(privateKey);
  }
  throw couldNot('The GitHub App has no key: app-id is given, private-key and kms-key are not.', {
    todo: 'Pass the secret private-key, or kms-key with aws-role and aws-region (docs/setup.md). A secret that does not exist arrives as an empty text.',
    reason: 'no-key',
  });
}
