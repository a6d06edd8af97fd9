import path from 'node:path';
import { openGitHub } from '../github/access.ts';
import type { TokenPermissions } from '../github/app-token.ts';
import { createGitHubClient, type GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import type { Timing } from '../github/timing.ts';
import { type GitHubStandin, startGitHub } from '../standin/github/server.ts';
import { git, type Person } from './git.ts';

export const GITOPS: RepositoryName = { owner: 'acme', name: 'gitops' };
export const GITOPS_REPOSITORY = 'acme/gitops';
export const WEB_REPOSITORY = 'acme/web';
/** A monorepo: one merge there rebuilds many services. */
export const SHOP_REPOSITORY = 'acme/shop';
/** Somebody else's, which has no right to deploy `web`. */
export const OTHER_REPOSITORY = 'acme/ads';

/** A request from a runner to GitHub and back takes about this long; without it nobody would ever lose a race. */
const ROUND_TRIP_MS = 50;

/** The company of the story, with its GitHub on this machine. */
export interface Company extends AsyncDisposable {
  readonly github: GitHubStandin;
  readonly developer: Person;
  readonly platformEngineer: Person;
  /** A clone in a folder below the demo's. */
  clone(repository: string): Promise<string>;
  /** Brings a clone up to date with its branch on GitHub. */
  pull(clone: string): Promise<void>;
  /**
   * Signs in as the company's GitHub App, which may write to the GitOps repository only.
   *
   * @param permissions default: to write files
   */
  signIn(permissions?: TokenPermissions): Promise<GitHubClient>;
  /** A client that can read one repository of source code, as GITHUB_TOKEN in its own workflow. */
  reader(repository: string): GitHubClient;
}

/** Starts GitHub's stand-in with the company's empty repositories, its people and its GitHub App. */
export async function startCompany(folder: string, timing: Timing): Promise<Company> {
  const github = await startGitHub({
    folder: path.join(folder, 'github'),
    clock: () => new Date(timing.now()),
    latencyMs: ROUND_TRIP_MS,
  });
  const person = (login: string, name: string): Person => ({
    login,
    name,
    email: `${login}@acme.example`,
    token: github.createUser(login).token,
    now: timing.now,
  });
  const developer = person('aiko', 'Aiko, who writes web');
  const platformEngineer = person('ren', 'Ren, of the platform team');
  for (const repository of [GITOPS_REPOSITORY, WEB_REPOSITORY, SHOP_REPOSITORY, OTHER_REPOSITORY]) {
    await github.createRepository(repository, {
      private: true,
      collaborators: { aiko: 'write', ren: 'write' },
    });
  }
  const app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write', checks: 'read' },
  });
  app.install(GITOPS.owner, [GITOPS_REPOSITORY]);
  return {
    github,
    developer,
    platformEngineer,
    clone: async (repository) => {
      const clone = path.join(folder, repository.split('/')[1] ?? '');
      await git(folder, ['clone', '--quiet', `${github.url}/${repository}.git`, clone], platformEngineer);
      return clone;
    },
    pull: async (clone) => {
      await git(clone, ['pull', '--quiet', '--ff-only'], platformEngineer);
    },
    signIn: (permissions = { contents: 'write' }) =>
      openGitHub(
        { appId: app.clientId, privateKey: app.privateKey },
        { apiUrl: github.apiUrl, repository: GITOPS, permissions, timing },
      ),
    reader: (repository) =>
      createGitHubClient({
        apiUrl: github.apiUrl,
        token: github.actionsToken(repository, { contents: 'read' }),
        timing,
      }),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  };
}
