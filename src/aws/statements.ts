/**
 * Statements of IAM policies, as people paste them: what is missing where AWS refused.
 *
 * Sources: "Creating a role for OpenID Connect federation" (IAM user guide), "Configuring OpenID Connect in Amazon Web
 * Services" (GitHub Docs), "Repository policy examples in Amazon ECR".
 */

const ISSUER = 'token.actions.githubusercontent.com';

/** The partition that a region belongs to: the second part of its ARNs. */
export const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';

/** The account of an ARN, or undefined. */
export const accountOf = (arn: string): string | undefined =>
  /^arn:[\w-]+:\w+:[^:]*:(\d{12}):/.exec(arn)?.[1];

/** What a role's trust policy needs so that a run may assume it with its OIDC token. */
export function webIdentityTrust(role: string, subject: string): string {
  const [, partition = 'aws'] = role.split(':');
  return JSON.stringify({
    Effect: 'Allow',
    Principal: { Federated: `arn:${partition}:iam::${accountOf(role) ?? 'ACCOUNT'}:oidc-provider/${ISSUER}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringEquals: { [`${ISSUER}:aud`]: 'sts.amazonaws.com', [`${ISSUER}:sub`]: subject } },
  });
}

/** What a role's trust policy needs so that another role may assume it. */
export const roleTrust = (caller: string): string =>
  JSON.stringify({ Effect: 'Allow', Principal: { AWS: caller }, Action: 'sts:AssumeRole' });

/** What a role's own policy needs to do something. */
export const allow = (action: string, resource: string): string =>
  JSON.stringify({ Effect: 'Allow', Action: action, Resource: resource });

/** The role behind a session, as trust policies name it: `arn:aws:sts::1:assumed-role/build/run` is `arn:aws:iam::1:role/build`. */
export function roleOfSession(arn: string): string {
  const session = /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn);
  return session === null ? arn : `arn:${session[1]}:iam::${session[2]}:role/${session[3]}`;
}

/** What an OIDC token says of its run, unverified: for error messages only. */
export function subjectOf(token: string): string | undefined {
  try {
    const body = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as unknown;
    const sub = typeof body === 'object' && body !== null && 'sub' in body ? body.sub : undefined;
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}
