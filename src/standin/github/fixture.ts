import { Octokit } from '@octokit/core';
import {
  type GitHubStandin,
  type RepositoryOptions,
  type StandinApp,
  type StandinRepository,
  startGitHub,
} from './server.ts';

/** What the tests of the stand-in start from: one repository, one App that may write its contents and pull requests. */
export interface Fixture extends AsyncDisposable {
  readonly github: GitHubStandin;
  readonly repository: StandinRepository;
  readonly app: StandinApp;
  /** As the App. */
  readonly octokit: Octokit;
  readonly as: (token: string) => Octokit;
}

/** `acme/gitops` with two files, and the App `kajitori` installed on `acme`. */
export async function startFixture(
  options: RepositoryOptions = {},
  permissions: Record<string, 'read' | 'write'> = {
    contents: 'write',
    pull_requests: 'write',
    statuses: 'write',
  },
  clock: () => Date = () => new Date(),
): Promise<Fixture> {
  const github = await startGitHub({ clock });
  const repository = await github.createRepository('acme/gitops', {
    files: { 'apps/web/release.yaml': 'tag: "1"\n', 'README.md': 'Hello\n' },
    ...options,
  });
  const app = github.createApp({ slug: 'kajitori', permissions });
  app.install('acme');
  const as = (token: string): Octokit => new Octokit({ baseUrl: github.apiUrl, auth: token, log: silent });
  return {
    github,
    repository,
    app,
    octokit: as(app.token('acme')),
    as,
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  };
}

const quiet = (): void => {};
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** One error of a GraphQL answer. */
export interface SaidError {
  readonly type: string;
  readonly message: string;
  readonly path?: readonly string[];
}

/** The GraphQL errors of a request; empty when it succeeded. HTTP errors are thrown on. */
export async function errorsOf(work: Promise<unknown>): Promise<readonly SaidError[]> {
  try {
    await work;
    return [];
  } catch (error) {
    const { errors } = error as { errors?: SaidError[] };
    if (errors === undefined) throw error;
    return errors;
  }
}

/** Status, message and body of a refused REST request. Throws when it was not refused. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ status: number; message: string; body: unknown }> {
  const done = await work.then(
    () => undefined,
    (error: unknown) => error as { status: number; message: string; response?: { data: unknown } },
  );
  if (done === undefined) throw new Error('the request was not refused');
  const body = done.response?.data;
  const { message } = (body ?? done) as { message: string };
  return { status: done.status, message, body };
}

export const commitMutation = /* GraphQL */ `
  mutation Commit($input: CreateCommitOnBranchInput!) {
    createCommitOnBranch(input: $input) {
      commit {
        oid
      }
    }
  }
`;

/** The variables of a commit to `main` of `acme/gitops`: path → text, null deletes. */
export function commitInput(
  expectedHeadOid: string,
  files: Readonly<Record<string, string | null>>,
  branchName = 'main',
): { input: object } {
  const additions = Object.entries(files)
    .filter(([, text]) => text !== null)
    .map(([path, text]) => ({ path, contents: Buffer.from(text ?? '').toString('base64') }));
  const deletions = Object.entries(files)
    .filter(([, text]) => text === null)
    .map(([path]) => ({ path }));
  return {
    input: {
      branch: { repositoryNameWithOwner: 'acme/gitops', branchName },
      expectedHeadOid,
      message: { headline: 'Deploy web', body: 'Kajitori-App: web' },
      fileChanges: { additions, deletions },
    },
  };
}
