import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { couldNot, Failure } from '../report/failure.ts';
import { type AwsIdentity, awsCredentials } from './credentials.ts';

/**
 * A signer whose RSA private key never leaves AWS KMS (key usage SIGN_VERIFY, spec RSA_2048 or larger).
 *
 * GitHub's App key is imported into KMS once; from then on a role decides who may sign, and its trust policy can
 * name the one workflow that may (docs/setup.md).
 *
 * @param keyId key ID, ARN, or `alias/…`
 */
export function kmsSigner(
  keyId: string,
  identity: AwsIdentity,
): (message: Uint8Array) => Promise<Uint8Array> {
  const kms = new KMSClient({ region: identity.region, credentials: awsCredentials(identity) });
  return async (message) => {
    try {
      const answer = await kms.send(
        new SignCommand({
          KeyId: keyId,
          Message: message,
          MessageType: 'RAW',
          SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
        }),
      );
      if (answer.Signature === undefined) {
        throw new Error('the answer has no signature');
      }
      return answer.Signature;
    } catch (error) {
      throw explainKms(error, keyId, identity);
    }
  };
}

function explainKms(error: unknown, keyId: string, identity: AwsIdentity): Failure {
  if (error instanceof Failure) {
    return error;
  }
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : String(error);
  const who = identity.role ?? 'the credentials of this machine';
  const todo = KMS_TODOS[name] ?? 'Check aws-role, kms-key and aws-region (docs/setup.md, "KMS key").';
  return couldNot(`AWS KMS did not sign with ${keyId} for ${who}: ${name}: ${message}`, {
    todo,
    reason: 'kms',
    cause: error,
  });
}

/** By the names that the SDK gives to the errors of AWS KMS and STS. */
const KMS_TODOS: Readonly<Record<string, string>> = {
  AccessDenied:
    'The trust policy of the role does not accept this run: compare its conditions (job_workflow_ref, sub, ref) with the workflow, the repository and the branch that run (docs/setup.md).',
  AccessDeniedException:
    'Allow kms:Sign on the key for this role, in the key policy or the role (docs/setup.md).',
  NotFoundException: 'There is no such key in this region: check kms-key and aws-region.',
  InvalidKeyUsageException: 'The key must have the usage SIGN_VERIFY.',
  InvalidIdentityTokenException:
    'Create the OIDC provider token.actions.githubusercontent.com in this account (docs/setup.md).',
  CredentialsProviderError: 'No AWS credentials: give aws-role, and the job the permission id-token: write.',
};
