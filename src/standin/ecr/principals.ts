import { randomBytes } from 'node:crypto';

/** A role, as a company makes it. */
export interface StandinRole {
  /** What its identity policy allows: `ecr:PutImage`, `ecr:*`, `*`. */
  readonly allow: readonly string[];
  /** Who may assume it with GitHub's OIDC token: the conditions of its trust policy. Absent: nobody. */
  readonly webIdentity?: {
    /** Matched against the token's `sub`; `*` stands for any characters (StringLike). */
    readonly subject: string;
    readonly jobWorkflowRef?: string;
  };
  /** ARNs of the roles that may assume it (chained roles). */
  readonly trusts?: readonly string[];
}

/** Who signed a request. */
export interface Principal {
  /** What AWS calls it in its refusals: `arn:aws:sts::111111111111:assumed-role/builder/session`. */
  readonly arn: string;
  /** The role's own ARN, which trust policies name. */
  readonly role: string;
  readonly account: string;
  readonly allow: readonly string[];
}

interface Token {
  readonly principal: Principal;
  readonly region: string;
  expired: boolean;
}

interface Session {
  readonly principal: Principal;
  expired: boolean;
}

/** `*` in a policy's action, or in a condition of StringLike. */
export const isLike = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's').test(text);

export const isAllowed = (actions: readonly string[], action: string): boolean =>
  actions.some((pattern) => isLike(pattern, action));

/** The account of an ARN. */
export const accountOf = (arn: string): string => arn.split(':')[4] ?? '';

/** Roles, the sessions that were given out for them, and the tokens of registries. */
export class Principals {
  readonly roles = new Map<string, StandinRole>();
  readonly #sessions = new Map<string, Session>();
  readonly #tokens = new Map<string, Token>();
  /** Everything given out that no log may show. */
  readonly secrets: string[] = [];

  /** Records the session that STS opened for a role. */
  open(accessKeyId: string, secrets: readonly string[], role: string, sessionName: string): void {
    const account = accountOf(role);
    const name = role.split('/').at(-1) ?? '';
    const principal = {
      arn: `arn:aws:sts::${account}:assumed-role/${name}/${sessionName}`,
      role,
      account,
      allow: this.roles.get(role)?.allow ?? [],
    };
    this.#sessions.set(accessKeyId, { principal, expired: false });
    this.secrets.push(...secrets);
  }

  session(accessKeyId: string): Session | undefined {
    return this.#sessions.get(accessKeyId);
  }

  /** A registry's password for 12 hours (GetAuthorizationToken). */
  issueToken(principal: Principal, region: string): string {
    // Long, as ECR's are: whoever cuts it off at some width does not get through.
    const token = randomBytes(900).toString('base64');
    this.#tokens.set(token, { principal, region, expired: false });
    this.secrets.push(token);
    return token;
  }

  token(token: string): Token | undefined {
    return this.#tokens.get(token);
  }

  /** All tokens given out until now are 12 hours old from here on. */
  expireTokens(): void {
    for (const token of this.#tokens.values()) token.expired = true;
  }

  /** All sessions given out until now are over. */
  expireSessions(): void {
    for (const session of this.#sessions.values()) session.expired = true;
  }
}
