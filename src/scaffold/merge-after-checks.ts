import { type GitHubClient, GitHubError } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import type { Timing } from '../github/timing.ts';
import type { ComputeChange } from '../repository/change.ts';
import type { CommitReference } from '../repository/commit.ts';
import type { PullRequestReference } from '../repository/pull-request.ts';
import { gitHubTree } from '../repository/snapshot.ts';

/** What became of it. Not merged is no error: the pull request waits for a person, and `why` says for what. */
export type MergeOutcome =
  | { readonly merged: true; readonly commit: CommitReference }
  | { readonly merged: false; readonly why: string };

export interface MergeOptions<Result> {
  readonly client: GitHubClient;
  readonly repository: RepositoryName;
  readonly pullRequest: PullRequestReference;
  /** What was proposed: only that is merged, and nothing that somebody pushed beside it. */
  readonly compute: ComputeChange<Result>;
  readonly timing: Timing;
  /** How long checks may take, in milliseconds. */
  readonly patienceMs: number;
}

interface PullRequestFacts {
  readonly state: string;
  readonly head: { readonly sha: string };
  readonly base: { readonly ref: string };
}

/** How often the checks are looked at: two requests a time, of 5,000 an hour. */
const POLL_MS = 10_000;

/**
 * Merges a pull request of ours when its checks are green, by the REST call with the head's `sha`.
 *
 * Not by auto-merge: a GitHub App is never a code owner, and auto-merge ignores that a ruleset lets the App bypass the
 * review. A bypass covers required checks as well, so they are looked at here: all that ran must be green, all that the
 * branch requires must have run.
 *
 * @throws GitHubError when GitHub does not answer
 */
export async function mergeAfterChecks<Result>(options: MergeOptions<Result>): Promise<MergeOutcome> {
  const { client, repository, pullRequest, timing } = options;
  const at = { owner: repository.owner, repo: repository.name };
  const deadline = timing.now() + options.patienceMs;
  const { data: pull } = await client.rest<PullRequestFacts>(
    'GET /repos/{owner}/{repo}/pulls/{pull_number}',
    {
      ...at,
      pull_number: pullRequest.number,
    },
  );
  if (pull.state !== 'open') {
    return { merged: false, why: 'it is closed' };
  }
  if (!(await isOnlyOurs(options, pull.head.sha))) {
    return { merged: false, why: 'somebody changed it by hand, so a person merges it' };
  }
  const required = await requiredChecks(client, at, pull.base.ref);
  for (;;) {
    const checks = await stateOfChecks(client, at, pull.head.sha, required);
    if (checks.failed.length > 0) {
      return { merged: false, why: `these checks failed: ${checks.failed.join(', ')}` };
    }
    if (checks.waiting.length === 0) {
      return merge(options, at, pull.head.sha);
    }
    if (timing.now() + POLL_MS > deadline) {
      return { merged: false, why: `these checks did not end in time: ${checks.waiting.join(', ')}` };
    }
    await timing.sleep(POLL_MS);
  }
}

interface Repository {
  readonly owner: string;
  readonly repo: string;
}

/**
 * Whether the pull request is one commit, and that is its parent on the base with exactly our change: GitHub is asked for
 * the tree that would be, and it is the same.
 */
async function isOnlyOurs<Result>(
  { client, repository, pullRequest, compute }: MergeOptions<Result>,
  head: string,
): Promise<boolean> {
  const at = { owner: repository.owner, repo: repository.name };
  const commits = await client.rest<readonly unknown[]>(
    'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits',
    {
      ...at,
      pull_number: pullRequest.number,
    },
  );
  if (commits.data.length !== 1) {
    return false;
  }
  const commitOf = async (sha: string) => {
    const { data } = await client.rest<{
      readonly tree: { readonly sha: string };
      readonly parents: readonly { readonly sha: string }[];
    }>('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', { ...at, commit_sha: sha });
    return data;
  };
  const { tree, parents } = await commitOf(head);
  const [parent] = parents;
  if (parent === undefined || parents.length !== 1) {
    return false;
  }
  const { edits } = await compute(gitHubTree(client, repository, parent.sha));
  // Objects that nobody points to do no harm, so this may be repeated like a read.
  const wanted = await client.rest<{ readonly sha: string }>('POST /repos/{owner}/{repo}/git/trees', {
    ...at,
    base_tree: (await commitOf(parent.sha)).tree.sha,
    tree: [...edits].map(([path, text]) => ({
      path,
      mode: '100644',
      type: 'blob',
      ...(text === null ? { sha: null } : { content: text }),
    })),
  });
  return wanted.data.sha === tree.sha;
}

async function requiredChecks(
  client: GitHubClient,
  at: Repository,
  branch: string,
): Promise<readonly string[]> {
  interface Rule {
    readonly type: string;
    readonly parameters?: { readonly required_status_checks?: readonly { readonly context: string }[] };
  }
  const { data } = await client.rest<readonly Rule[]>('GET /repos/{owner}/{repo}/rules/branches/{branch}', {
    ...at,
    branch,
    per_page: 100,
  });
  return data.flatMap((rule) =>
    rule.type === 'required_status_checks'
      ? (rule.parameters?.required_status_checks ?? []).map(({ context }) => context)
      : [],
  );
}

interface ChecksState {
  readonly failed: readonly string[];
  readonly waiting: readonly string[];
}

async function stateOfChecks(
  client: GitHubClient,
  at: Repository,
  sha: string,
  required: readonly string[],
): Promise<ChecksState> {
  interface Runs {
    readonly check_runs: readonly {
      readonly name: string;
      readonly status: string;
      readonly conclusion: string | null;
    }[];
  }
  interface Statuses {
    readonly statuses: readonly { readonly context: string; readonly state: string }[];
  }
  const of = { ...at, ref: sha, per_page: 100 };
  const [runs, statuses] = await Promise.all([
    client.rest<Runs>('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', of),
    client.rest<Statuses>('GET /repos/{owner}/{repo}/commits/{ref}/status', of),
  ]);
  const states = new Map<string, 'green' | 'waiting' | 'failed'>();
  for (const { name, status, conclusion } of runs.data.check_runs) {
    const green = ['success', 'neutral', 'skipped'].includes(conclusion ?? '');
    states.set(name, status !== 'completed' ? 'waiting' : green ? 'green' : 'failed');
  }
  for (const { context, state } of statuses.data.statuses) {
    states.set(context, state === 'success' ? 'green' : state === 'pending' ? 'waiting' : 'failed');
  }
  const named = (wanted: string) => [...states].flatMap(([name, state]) => (state === wanted ? [name] : []));
  return {
    failed: named('failed'),
    waiting: [...named('waiting'), ...required.filter((name) => !states.has(name))],
  };
}

async function merge<Result>(
  { client, pullRequest }: MergeOptions<Result>,
  at: Repository,
  sha: string,
): Promise<MergeOutcome> {
  const { data: settings } = await client.rest<{
    readonly allow_squash_merge?: boolean;
    readonly allow_merge_commit?: boolean;
  }>('GET /repos/{owner}/{repo}', { ...at });
  const method =
    settings.allow_squash_merge === false
      ? settings.allow_merge_commit === false
        ? 'rebase'
        : 'merge'
      : 'squash';
  try {
    const { data } = await client.rest<{ readonly sha: string }>(
      'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
      { ...at, pull_number: pullRequest.number, sha, merge_method: method },
      { write: true },
    );
    const url = pullRequest.url.replace(/\/pull\/\d+$/, `/commit/${data.sha}`);
    return { merged: true, commit: { oid: data.sha, url } };
  } catch (error) {
    if (error instanceof GitHubError && error.fault.kind !== 'unavailable') {
      return { merged: false, why: `GitHub said "${error.fault.message}"` };
    }
    throw error;
  }
}
