import type { AwsIdentity } from '../aws/credentials.ts';
import { type EcrHost, parseEcrHost } from '../aws/registry-host.ts';
import { couldNot } from '../report/failure.ts';

/** A registry that gets the image: ECR of one account in one region. */
export interface BuildTarget {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
  /**
   * Roles to assume, the first by the run's OIDC token, each next by the one before. Empty: the credentials that the
   * machine has (environment, profile, pod, instance).
   */
  readonly roles: readonly string[];
}

/** Whose sessions are opened. */
export interface AwsSession {
  /** Asks GitHub for the run's OIDC token; undefined where there is none to ask for. */
  readonly idToken?: (() => Promise<string>) | undefined;
  /** Shown in CloudTrail. */
  readonly sessionName: string;
}

/** How a target is signed in to: its first role by the run's OIDC token where there is one, else by the machine's own credentials. */
export function identityOf({ region, roles }: BuildTarget, session: AwsSession): AwsIdentity {
  const { idToken, sessionName } = session;
  const [role, ...chain] = roles;
  return idToken === undefined || role === undefined
    ? { region, sessionName, chain: roles }
    : { region, sessionName, role, idToken, chain };
}

const SHORT = /^(\d{12})\/([a-z]{2}(?:-[a-z]+)+-\d)$/;
/** IAM's own grammar ("IAM identifiers", ARNs of roles); the path is optional. */
const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/;

/**
 * Reads targets, one a line: `ACCOUNT/REGION` or the registry's host name, then the roles to assume, separated by spaces.
 *
 * @param role what is assumed where a line names none
 * @throws Failure (exit 2): `bad-target`
 */
export function parseTargets(text: string, role: string | undefined): readonly BuildTarget[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const targets = lines.map((line) => parseTarget(line, role));
  if (targets.length === 0) {
    throw badTarget('no registry is named');
  }
  const names = targets.map(({ account, region }) => `${account}/${region}`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw badTarget(`${twice} is named twice`);
  }
  return targets;
}

function parseTarget(line: string, role: string | undefined): BuildTarget {
  const [where = '', ...named] = line.split(/\s+/);
  const [, shortAccount = '', shortRegion = ''] = SHORT.exec(where) ?? [];
  const { account, region } = parseEcrHost(where) ?? { account: shortAccount, region: shortRegion };
  if (account === '') {
    throw badTarget(`${JSON.stringify(where.slice(0, 120))} is not a registry of ECR`);
  }
  const roles = named.length > 0 ? named : role === undefined ? [] : [role];
  checkRoles(roles);
  return { account, region, roles };
}

function checkRoles(roles: readonly string[]): void {
  const wrong = roles.find((each) => !ROLE.test(each));
  if (wrong !== undefined) {
    throw badTarget(`${JSON.stringify(wrong.slice(0, 120))} is not the ARN of a role`);
  }
}

/**
 * Who signs in to which registry, as people write it: a line that is roles only is for every registry, `ACCOUNT/REGION` and
 * roles for that one. Nothing: the credentials of the machine.
 *
 * @throws Failure (exit 2): `bad-target`
 */
export function registryRoles(
  text: string | undefined,
  session: AwsSession,
): (registry: EcrHost) => AwsIdentity {
  const lines = (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const everywhere = lines.filter((line) => line.startsWith('arn:'));
  if (everywhere.length > 1) throw badTarget('two lines name a role for every registry');
  const named = lines.filter((line) => !line.startsWith('arn:')).map((line) => parseTarget(line, undefined));
  const roles = everywhere.flatMap((line) => line.split(/\s+/));
  checkRoles(roles);
  return ({ account, region }) => {
    const own = named.find((target) => target.account === account && target.region === region);
    return identityOf(own ?? { account, region, roles }, session);
  };
}

const badTarget = (why: string) =>
  couldNot(`The registries are not clear: ${why}.`, {
    todo: 'Write one a line: 111111111111/ap-northeast-1, with the role to assume after a space where it needs one.',
    reason: 'bad-target',
  });
