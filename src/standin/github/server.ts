import { createPublicKey } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounts, type Permissions } from './accounts.ts';
import { createSigningKey } from './commit-signing.ts';
import { type Fault, Faults, type InjectedFault } from './faults.ts';
import { GitStore } from './git-store.ts';
import { followBranches, runAutoMerge } from './pull-requests.ts';
import { PushGate } from './push-gate.ts';
import { type Limits, RateLimits } from './rate-limits.ts';
import { Repository, type RepositoryOptions } from './repository.ts';
import { type Desk, handle, type RequestRecord } from './requests.ts';
import { StandinRepository } from './standin-repository.ts';
import type { World } from './world.ts';

export type { Fault, InjectedFault } from './faults.ts';
export type { Limits } from './rate-limits.ts';
export type { RepositoryOptions } from './repository.ts';
export type { RequestRecord } from './requests.ts';
export type { Ruleset } from './rules.ts';
export type { StandinRepository } from './standin-repository.ts';

/** An App as its owner sees it. */
export interface StandinApp {
  readonly slug: string;
  readonly appId: number;
  readonly clientId: string;
  /** PEM, PKCS#1, as GitHub hands it out; empty where the App was made with a `publicKey`. */
  readonly privateKey: string;
  /** PEM, SPKI. */
  readonly publicKey: string;
  /** Installs it, or changes its installation, on some repositories (full or short names) or on all; returns the id. */
  install(owner: string, repositories?: readonly string[]): number;
  installationId(owner: string): number;
  /** An installation access token without the detour over a JWT, narrowed as asked. */
  token(owner: string, narrowed?: { repositories?: readonly string[]; permissions?: Permissions }): string;
}

/**
 * The stand-in for GitHub: REST under `apiUrl`, GraphQL under `graphqlUrl`, git under `url`, as on GitHub Enterprise
 * Server. As strict as the service; what it does not implement is answered 501 with a message that names it.
 */
export interface GitHubStandin extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `${url}/api/v3` */
  readonly apiUrl: string;
  /** `${url}/api/graphql` */
  readonly graphqlUrl: string;
  readonly folder: string;
  /** For `git -c gpg.ssh.allowedSignersFile=… verify-commit`: the key by which the stand-in signs. */
  readonly allowedSignersFile: string;
  readonly log: readonly RequestRecord[];
  readonly limits: Limits;
  /** Added once to each HTTP request, half before and half after its effect (git: before). */
  latencyMs: number;
  /** A person, with a personal access token that may do what the person may. */
  createUser(login: string): { token: string };
  createRepository(fullName: string, options?: RepositoryOptions): Promise<StandinRepository>;
  repository(fullName: string): StandinRepository;
  /** @param options.publicKey PEM, SPKI: of a key that is kept elsewhere, as in a KMS; without it a key is made */
  createApp(options: { slug: string; permissions: Permissions; publicKey?: string }): StandinApp;
  /** A GITHUB_TOKEN; without permissions it has those of GitHub's permissive default for contents, pull requests, issues, statuses, checks. */
  actionsToken(fullName: string, permissions?: Permissions): string;
  inject(fault: Fault): InjectedFault;
  clearFaults(): void;
}

export interface StandinOptions {
  /** Where the repositories are kept; a temporary folder, removed at the end, without it. */
  readonly folder?: string;
  readonly port?: number;
  readonly clock?: () => Date;
  readonly latencyMs?: number;
}

const permissiveToken: Permissions = {
  contents: 'write',
  pull_requests: 'write',
  issues: 'write',
  statuses: 'write',
  checks: 'write',
  metadata: 'read',
};

/** Starts the stand-in on the loopback interface. Dispose of it (`await using`) to stop it. */
export async function startGitHub(options: StandinOptions = {}): Promise<GitHubStandin> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'github-standin-')));
  await mkdir(folder, { recursive: true });
  const clock = options.clock ?? (() => new Date());
  const accounts = new Accounts(clock);
  const signingKey = createSigningKey();
  const allowedSignersFile = join(folder, 'allowed_signers');
  await writeFile(allowedSignersFile, `${signingKey.publicLine}\n`);
  let url = '';
  const world: World = { accounts, repositories: new Map(), clock, url: () => url };
  const pushGate = new PushGate(folder);
  const desk: Desk = {
    world,
    faults: new Faults(),
    limits: new RateLimits(clock),
    log: [],
    pushGate,
    latencyMs: options.latencyMs ?? 0,
  };
  await pushGate.start(async (path) => {
    await mkdir(path, { recursive: true });
  });
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    handle(desk, request, response).catch((error: unknown) => {
      // The client went away, or the stand-in is broken: either way nobody can be answered.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const find = (fullName: string): Repository => {
    const repository = world.repositories.get(fullName.toLowerCase());
    if (repository === undefined) throw new Error(`The stand-in for GitHub has no repository ${fullName}`);
    return repository;
  };

  return {
    url,
    apiUrl: `${url}/api/v3`,
    graphqlUrl: `${url}/api/graphql`,
    folder,
    allowedSignersFile,
    log: desk.log,
    limits: desk.limits.limits,
    get latencyMs() {
      return desk.latencyMs;
    },
    set latencyMs(value: number) {
      desk.latencyMs = value;
    },
    createUser: (login) => ({ token: accounts.issue('ghp_', accounts.user(login)) }),
    async createRepository(fullName, given = {}) {
      if (!/^[\w.-]+\/[\w.-]+$/.test(fullName) || /(^|\/)\.\.?(\/|$)/.test(fullName)) {
        throw new Error(`not a repository's full name: ${fullName}`);
      }
      if (world.repositories.has(fullName.toLowerCase())) throw new Error(`${fullName} exists already`);
      const date = clock();
      const author = { name: 'A Developer', email: 'dev@example.com', date };
      const files = given.files ?? {};
      const store = await GitStore.create(join(folder, `${fullName}.git`), given.defaultBranch ?? 'main', {
        files: Symbol.iterator in files ? files : Object.entries(files),
        commit: { author, committer: author, message: 'Initial commit' },
      });
      const repository = new Repository(fullName, store, given, {
        accounts,
        clock,
        signingKey,
        url: () => url,
      });
      repository.afterChange = async () => {
        await followBranches(repository);
        await runAutoMerge(repository);
      };
      world.repositories.set(fullName.toLowerCase(), repository);
      return new StandinRepository(repository);
    },
    repository: (fullName) => new StandinRepository(find(fullName)),
    createApp({ slug, permissions, publicKey }) {
      const ownKey = publicKey === undefined ? undefined : createPublicKey(publicKey);
      const { app, privateKey } = accounts.createApp(slug, permissions, ownKey);
      return {
        slug,
        appId: app.id,
        clientId: app.clientId,
        privateKey,
        publicKey: app.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        install: (owner, repositories) => accounts.install(app, owner, repositories).id,
        installationId: (owner) => accounts.installationOf(app, owner).id,
        token: (owner, narrowed = {}) =>
          accounts.issueInstallationToken(accounts.installationOf(app, owner), narrowed, (name) =>
            world.repositories.has(name.toLowerCase()),
          ).token,
      };
    },
    actionsToken: (fullName, permissions = permissiveToken) =>
      accounts.issue('ghs_', { kind: 'actions-token', repository: fullName, permissions }),
    inject: (fault) => desk.faults.inject(fault),
    clearFaults: () => desk.faults.clear(),
    async [Symbol.asyncDispose]() {
      desk.faults.clear();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await pushGate[Symbol.asyncDispose]();
      for (const { store } of world.repositories.values()) store[Symbol.dispose]();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
