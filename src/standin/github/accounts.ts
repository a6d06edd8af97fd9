import { createHash, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto';
import { ApiError, badCredentials, notFound, unprocessable } from './answers.ts';
import type { Signature } from './git-objects.ts';

/** What a token may do, by GitHub's names: `contents: write`. */
export type Permissions = Readonly<Record<string, 'read' | 'write' | 'admin'>>;

export interface User {
  readonly kind: 'user';
  readonly login: string;
  readonly id: number;
}

export interface App {
  readonly kind: 'app';
  readonly slug: string;
  readonly id: number;
  readonly clientId: string;
  readonly botId: number;
  readonly permissions: Permissions;
  readonly publicKey: KeyObject;
}

export interface Installation {
  readonly kind: 'installation';
  readonly id: number;
  readonly app: App;
  readonly owner: string;
  /** Names without the owner; undefined means all repositories of the owner. */
  readonly repositories: readonly string[] | undefined;
}

/** Who makes a request. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | User
  | App
  /** An installation access token: narrowed to some repositories and permissions, ends after an hour. */
  | {
      readonly kind: 'installation-token';
      readonly installation: Installation;
      readonly permissions: Permissions;
      readonly repositories: readonly string[] | undefined;
      readonly expires: Date;
    }
  /** A `GITHUB_TOKEN` of a workflow run: one repository, and what it writes starts no workflows. */
  | { readonly kind: 'actions-token'; readonly repository: string; readonly permissions: Permissions };

/** github-actions[bot], as on GitHub. */
const actionsBot = { login: 'github-actions[bot]', id: 41898282 };

/** The login by which an actor appears as author, in logs and in `viewer`. */
export function loginOf(actor: Actor): string {
  switch (actor.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'user':
      return actor.login;
    case 'app':
      return actor.slug;
    case 'installation-token':
      return `${actor.installation.app.slug}[bot]`;
    case 'actions-token':
      return actionsBot.login;
  }
}

export function accountOf(actor: Actor): { login: string; id: number; type: 'User' | 'Bot' } {
  const id =
    actor.kind === 'user'
      ? actor.id
      : actor.kind === 'installation-token'
        ? actor.installation.app.botId
        : actor.kind === 'actions-token'
          ? actionsBot.id
          : 0;
  return { login: loginOf(actor), id, type: actor.kind === 'user' ? 'User' : 'Bot' };
}

/** Whether the actor is an App's installation or a workflow: GitHub signs what these commit through the API. */
export const isBot = (
  actor: Actor,
): actor is Extract<Actor, { kind: 'installation-token' | 'actions-token' }> =>
  actor.kind === 'installation-token' || actor.kind === 'actions-token';

/** The author GitHub writes into a commit that an actor makes through the API: the noreply address. */
export function authorOf(actor: Actor, date: Date): Signature {
  const { login, id } = accountOf(actor);
  return { name: login, email: `${id}+${login}@users.noreply.github.com`, date };
}

/** The committer of a commit that GitHub makes and signs. */
export const webFlow = (date: Date): Signature => ({ name: 'GitHub', email: 'noreply@github.com', date });

// An RSA key costs 100 ms and more. The nth App of every stand-in in this process gets the same key: two Apps of one
// stand-in still differ, which is what a test of wrong keys needs.
const keyPairs: { publicKey: KeyObject; privateKey: string }[] = [];

function keyPair(index: number): { publicKey: KeyObject; privateKey: string } {
  for (let next = keyPairs.length; next <= index; next += 1) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    keyPairs.push({ publicKey, privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() });
  }
  return keyPairs[index] as { publicKey: KeyObject; privateKey: string };
}

/** All accounts of one stand-in: users, Apps, their installations, and the tokens given out. */
export class Accounts {
  readonly users = new Map<string, User>();
  readonly apps: App[] = [];
  readonly installations: Installation[] = [];
  readonly #tokens = new Map<string, Actor>();
  readonly #clock: () => Date;
  #nextId = 1000;

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  nextId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  user(login: string): User {
    const known = this.users.get(login.toLowerCase());
    if (known !== undefined) return known;
    const user: User = { kind: 'user', login, id: this.nextId() };
    this.users.set(login.toLowerCase(), user);
    return user;
  }

  /** @param ownKey the public half of a key that is kept elsewhere; without it a key is made */
  createApp(slug: string, permissions: Permissions, ownKey?: KeyObject): { app: App; privateKey: string } {
    const { publicKey, privateKey } =
      ownKey === undefined ? keyPair(this.apps.length) : { publicKey: ownKey, privateKey: '' };
    const id = this.nextId();
    const app: App = {
      kind: 'app',
      slug,
      id,
      clientId: `Iv23li${createHash('sha256').update(slug).digest('hex').slice(0, 14)}`,
      botId: this.nextId(),
      permissions,
      publicKey,
    };
    this.apps.push(app);
    return { app, privateKey };
  }

  install(app: App, owner: string, repositories: readonly string[] | undefined): Installation {
    const at = this.installations.findIndex((other) => other.app === app && sameName(other.owner, owner));
    const installation: Installation = {
      kind: 'installation',
      id: this.installations[at]?.id ?? this.nextId(),
      app,
      owner,
      repositories: repositories?.map((name) => name.slice(name.indexOf('/') + 1)),
    };
    if (at < 0) this.installations.push(installation);
    else this.installations[at] = installation;
    return installation;
  }

  installationOf(app: App, owner: string, repository?: string): Installation {
    const found = this.installations.find(
      (installation) =>
        installation.app === app &&
        sameName(installation.owner, owner) &&
        (repository === undefined || covers(installation.repositories, repository)),
    );
    if (found === undefined) throw notFound();
    return found;
  }

  issue(prefix: 'ghp_' | 'ghs_', actor: Actor): string {
    const token = `${prefix}${randomBytes(27).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
    this.#tokens.set(token, actor);
    return token;
  }

  /**
   * An installation access token (POST /app/installations/{id}/access_tokens): never more than the installation has,
   * for one hour. Throws the 422 that GitHub answers when more is asked for.
   */
  issueInstallationToken(
    installation: Installation,
    asked: { repositories?: readonly string[]; permissions?: Permissions },
    exists: (repository: string) => boolean,
  ): { token: string; expires: Date; permissions: Permissions } {
    for (const name of asked.repositories ?? []) {
      if (!covers(installation.repositories, name) || !exists(`${installation.owner}/${name}`)) {
        throw unprocessable(
          'There is at least one repository that does not exist or is not accessible to the parent installation.',
        );
      }
    }
    const granted = installation.app.permissions;
    for (const [name, level] of Object.entries(asked.permissions ?? {})) {
      if (name === 'metadata' && level === 'read') continue;
      if (!atLeast(granted[name], level)) {
        throw unprocessable('The permissions requested are not granted to this installation.');
      }
    }
    const permissions: Permissions = { ...(asked.permissions ?? granted), metadata: 'read' };
    const expires = new Date(Math.floor(this.#clock().getTime() / 1000) * 1000 + 3_600_000);
    const repositories = asked.repositories ?? installation.repositories;
    const token = this.issue('ghs_', {
      kind: 'installation-token',
      installation,
      permissions,
      repositories,
      expires,
    });
    return { token, expires, permissions };
  }

  /** Who a request's Authorization header stands for. Throws 401 for a wrong, expired or ended credential. */
  authenticate(header: string | undefined): Actor {
    if (header === undefined || header === '') return { kind: 'anonymous' };
    const [scheme = '', value = ''] = header.split(' ');
    let secret = value;
    if (scheme.toLowerCase() === 'basic') {
      const [name = '', password = ''] = Buffer.from(value, 'base64').toString('utf8').split(/:(.*)/s);
      // Git clients also send the token as the user name with an empty or fixed password.
      secret = this.#tokens.has(password) ? password : this.#tokens.has(name) ? name : password;
    } else if (!['bearer', 'token'].includes(scheme.toLowerCase())) {
      throw badCredentials();
    }
    if (secret.split('.').length === 3) return this.#jsonWebToken(secret);
    const actor = this.#tokens.get(secret);
    if (actor === undefined) throw badCredentials();
    if (actor.kind === 'installation-token') {
      const alive = this.installations.some(({ id }) => id === actor.installation.id);
      if (!alive || actor.expires <= this.#clock()) throw badCredentials();
    }
    return actor;
  }

  /** https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
  #jsonWebToken(token: string): App {
    const [head = '', body = '', signature = ''] = token.split('.');
    const undecodable = new ApiError(401, 'A JSON web token could not be decoded');
    let header: { alg?: unknown };
    let claims: { iat?: unknown; exp?: unknown; iss?: unknown };
    try {
      header = JSON.parse(Buffer.from(head, 'base64url').toString('utf8'));
      claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
    } catch {
      throw undecodable;
    }
    if (header.alg !== 'RS256') throw undecodable;
    const app = this.apps.find(
      ({ id, clientId }) => String(id) === String(claims.iss) || clientId === claims.iss,
    );
    if (app === undefined) throw new ApiError(404, 'Integration not found');
    const signed = verify(
      'RSA-SHA256',
      Buffer.from(`${head}.${body}`),
      app.publicKey,
      Buffer.from(signature, 'base64url'),
    );
    if (!signed) throw undecodable;
    const now = this.#clock().getTime() / 1000;
    if (typeof claims.exp !== 'number' || claims.exp <= now) {
      throw new ApiError(
        401,
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
      );
    }
    // Ten minutes, with the minute of clock drift that GitHub allows.
    if (claims.exp > now + 660)
      throw new ApiError(401, "'Expiration time' claim ('exp') is too far in the future");
    if (typeof claims.iat !== 'number' || claims.iat > now + 60) {
      throw new ApiError(
        401,
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
      );
    }
    return app;
  }
}

/** GitHub compares the names of accounts and repositories without regard to case. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const covers = (repositories: readonly string[] | undefined, name: string): boolean =>
  repositories === undefined || repositories.some((other) => sameName(other, name));

const rank = { read: 1, write: 2, admin: 3 };

/** Whether a level includes another: write includes read. */
export const atLeast = (level: keyof typeof rank | undefined, wanted: keyof typeof rank): boolean =>
  level !== undefined && rank[level] >= rank[wanted];

/** Whether a token reaches a repository at all (public ones are read without it). */
export function reaches(actor: Actor, owner: string, name: string): boolean {
  if (actor.kind === 'installation-token') {
    return sameName(actor.installation.owner, owner) && covers(actor.repositories, name);
  }
  return actor.kind === 'actions-token' && sameName(actor.repository, `${owner}/${name}`);
}
