import { fromNodeProviderChain, fromTemporaryCredentials, fromWebToken } from '@aws-sdk/credential-providers';

type CredentialProvider = ReturnType<typeof fromWebToken>;

export interface AwsIdentity {
  readonly region: string;
  /** A role to assume with `idToken`. Without one the ambient chain is used (environment, profile, instance, pod). */
  readonly role?: string;
  /** Asks GitHub for an OIDC token of this run, audience `sts.amazonaws.com`. */
  readonly idToken?: () => Promise<string>;
  /** Roles assumed one by the other after that (role chaining), each by its ARN. */
  readonly chain?: readonly string[];
  /** Shown in CloudTrail: 2 to 64 of `[\w+=,.@-]`. */
  readonly sessionName: string;
}

/**
 * Short-lived credentials: the run's OIDC token for a role (AssumeRoleWithWebIdentity), else what the machine has; then
 * the roles of the chain (AssumeRole). Nothing is asked for until they are used.
 */
export function awsCredentials(identity: AwsIdentity): CredentialProvider {
  const { role, idToken, region, chain = [] } = identity;
  const roleSessionName = identity.sessionName.replaceAll(/[^\w+=,.@-]/g, '-').slice(0, 64);
  const clientConfig = { region };
  const first: CredentialProvider =
    role === undefined || idToken === undefined
      ? fromNodeProviderChain({ clientConfig })
      : async () =>
          fromWebToken({
            roleArn: role,
            webIdentityToken: await idToken(),
            roleSessionName,
            clientConfig,
          })();
  return chain.reduce<CredentialProvider>(
    (masterCredentials, RoleArn) =>
      fromTemporaryCredentials({
        masterCredentials,
        params: { RoleArn, RoleSessionName: roleSessionName },
        clientConfig,
      }) as CredentialProvider,
    first,
  );
}
