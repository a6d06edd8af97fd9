import { couldNot, Failure } from '../report/failure.ts';
import type { AwsIdentity } from './credentials.ts';
import { accountOf, allow, roleOfSession, roleTrust, subjectOf, webIdentityTrust } from './statements.ts';

/** What was being done when AWS refused. */
export interface AwsStep {
  /** For people, after "could not": `find web:v1 in 111111111111.dkr…`. */
  readonly what: string;
  readonly identity: AwsIdentity;
}

/** AWS's words for who may not do what, in API and registry alike. */
const NOT_AUTHORIZED = /User: (\S+) is not authorized to perform: ([\w-]+:\w+)(?: on resource: (\S+))?/;

/**
 * An error of the SDK, of STS or of a registry as people need it: what is missing, as the statement to paste.
 * A Failure stays as it is.
 */
export async function awsFailure(error: unknown, step: AwsStep): Promise<Failure> {
  if (error instanceof Failure) return error;
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : String(error);
  const { todo, reason } = await explain(name, message, step.identity);
  return couldNot(`Could not ${step.what}: ${name === 'Error' || name === '' ? '' : `${name}: `}${message}`, {
    todo,
    reason,
    cause: error,
  });
}

interface Explained {
  readonly todo: string;
  readonly reason: string;
}

async function explain(name: string, message: string, identity: AwsIdentity): Promise<Explained> {
  const { role, chain = [] } = identity;
  if (message.includes('sts:AssumeRoleWithWebIdentity')) {
    const subject = await identity.idToken?.().then(subjectOf, () => undefined);
    const statement = webIdentityTrust(
      role ?? 'ROLE',
      subject ?? 'repo:OWNER/REPOSITORY:ref:refs/heads/main',
    );
    return {
      todo: `Let this run assume the role: add to the trust policy of ${role}, or compare with what is there: ${statement}`,
      reason: 'no-trust',
    };
  }
  const denied = NOT_AUTHORIZED.exec(message);
  if (denied !== null) {
    const [, who = '', action = '', resource = '*'] = denied;
    const caller = roleOfSession(who);
    if (action === 'sts:AssumeRole') {
      return {
        todo: `Add to the trust policy of ${resource}: ${roleTrust(caller)} and to the policy of ${caller}: ${allow(action, resource)}`,
        reason: 'no-trust',
      };
    }
    const isForeign = accountOf(who) !== accountOf(resource) && accountOf(resource) !== undefined;
    const foreign = isForeign
      ? `, and to the policy of the repository: ${JSON.stringify({ Effect: 'Allow', Principal: { AWS: caller }, Action: action })}`
      : '';
    return {
      todo: `Add to the policy of ${caller}: ${allow(action, resource)}${foreign}`,
      reason: 'no-permission',
    };
  }
  const known = KNOWN[name] ?? KNOWN[name.replace(/Exception$/, '')];
  if (known !== undefined) return known(identity);
  const whom = chain.at(-1) ?? role ?? 'the credentials of this machine';
  return { todo: `Check the region (${identity.region}) and ${whom}; then run this again.`, reason: 'aws' };
}

/** By the names that the SDK gives to the errors of STS and ECR, without their ending. */
const KNOWN: Readonly<Record<string, (identity: AwsIdentity) => Explained>> = {
  InvalidIdentityToken: ({ role = 'ROLE' }) => ({
    todo: `Create the OIDC provider in account ${accountOf(role) ?? 'of the role'}: aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com`,
    reason: 'no-provider',
  }),
  CredentialsProviderError: () => ({
    todo: 'Give a role, and the job the permission id-token: write; or give this machine AWS credentials.',
    reason: 'no-credentials',
  }),
  ExpiredToken: () => ({
    todo: 'Run this again; a build that takes longer than its session needs a role with a longer maximum session duration.',
    reason: 'expired',
  }),
  UnrecognizedClient: () => ({
    todo: 'The access key is not valid (any more), or the region is not enabled in this account: check both.',
    reason: 'no-credentials',
  }),
  RepositoryNotFound: () => ({
    todo: 'Create the repository, or allow this build to create it (create-repository: true).',
    reason: 'no-repository',
  }),
  Throttling: () => ({
    todo: 'AWS is asked too often from this account, also by others: run this again in a minute.',
    reason: 'throttled',
  }),
};
