import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { fullJitter } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import type { ComputeChange } from './change.ts';
import type { CommitOptions } from './commit.ts';
import { type CommitMessage, formatBody, formatMessage, KEY_TRAILER, oneLine } from './commit-message.ts';
import { type BranchTarget, gitHubTree, readSnapshot, type Snapshot } from './snapshot.ts';
import type { FileEdits } from './tree.ts';

/** A pull request on GitHub. */
export interface PullRequestReference {
  readonly number: number;
  readonly url: string;
}

export interface ProposalOutcome<Result> {
  readonly result: Result;
  /** Undefined when there was nothing to propose. */
  readonly pullRequest: PullRequestReference | undefined;
  /** False when the branch already held this change, or a newer one. */
  readonly changed: boolean;
  readonly branch: string;
  /** Whether GitHub merges it when its conditions hold, or it was merged at once. */
  readonly merging: 'no' | 'when-ready' | 'merged';
}

export interface ProposalOptions extends CommitOptions {
  /** The branch of the pull request. The same name is the same pull request: running twice proposes once. */
  readonly proposalBranch: string;
  readonly labels: readonly string[];
  /** Merge when required checks and reviews are there. */
  readonly autoMerge: boolean;
}

/** What is proposed already. */
export const PROPOSAL_DOCUMENT = `query Proposal($owner: String!, $name: String!, $ref: String!, $head: String!, $base: String!) {
  repository(owner: $owner, name: $name) {
    mergeCommitAllowed
    squashMergeAllowed
    ref(qualifiedName: $ref) { target { oid } }
    pullRequests(first: 1, states: OPEN, headRefName: $head, baseRefName: $base) {
      nodes { id number url mergeable }
    }
  }
}`;

/** Moves a branch only if it still is where we saw it: a compare-and-swap also for a forced update. */
export const MOVE_DOCUMENT = `mutation Move($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId }
}`;

export const CREATE_PULL_REQUEST_DOCUMENT = `mutation CreatePullRequest($input: CreatePullRequestInput!) {
  createPullRequest(input: $input) { pullRequest { id number url } }
}`;

export const AUTO_MERGE_DOCUMENT = `mutation AutoMerge($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { clientMutationId }
}`;

interface PullRequestData extends PullRequestReference {
  readonly id: string;
  readonly mergeable?: 'MERGEABLE' | 'CONFLICTING' | 'UNKNOWN';
}

interface ProposalData {
  readonly repository: {
    readonly mergeCommitAllowed: boolean;
    readonly squashMergeAllowed: boolean;
    readonly ref: { readonly target: { readonly oid: string } } | null;
    readonly pullRequests: { readonly nodes: readonly (PullRequestData | null)[] | null };
  };
}

/** `beforeOid` of a branch that must not exist yet (git's null object). */
const NO_COMMIT = '0'.repeat(40);

const RACE_BACKOFF = { baseMs: 200, capMs: 8_000 } as const;

/**
 * Proposes a change as a pull request with one commit on top of the base, and keeps to one pull request however often
 * it runs. The change is computed from the base; what is proposed already is asked whether it is newer, so that an
 * older build does not replace a newer one before either is merged.
 *
 * The commit is made by the git data API and the branch moved by `updateRefs`, which compares before it swaps.
 *
 * @throws Failure (exit 2) when GitHub refuses, or when time is up
 */
export async function proposeChange<Result>(
  client: GitHubClient,
  target: BranchTarget,
  compute: ComputeChange<Result>,
  options: ProposalOptions,
): Promise<ProposalOutcome<Result>> {
  const { timing, proposalBranch } = options;
  const full = `${target.repository.owner}/${target.repository.name}`;
  const deadline = timing.now() + (options.patienceMs ?? 5 * 60_000);
  for (let attempt = 1; ; attempt++) {
    const snapshot = await readSnapshot(client, target, options.files);
    const change = await compute(snapshot.tree);
    if (change.edits.size === 0) {
      const nothing = { pullRequest: undefined, changed: false, merging: 'no' } as const;
      return { ...nothing, result: change.result, branch: snapshot.branch };
    }
    try {
      const before = await readProposal(client, target, snapshot.branch, proposalBranch);
      const proposed = before.ref?.target.oid;
      const existing = before.pullRequests.nodes?.find((node) => node !== null) ?? undefined;
      // A branch without an open pull request is what is left of an earlier one: it says nothing about now.
      const onTop =
        proposed === undefined || existing === undefined
          ? undefined
          : await compute(gitHubTree(client, target.repository, proposed));
      const stands =
        onTop !== undefined &&
        onTop.edits.size === 0 &&
        (onTop.superseded === true || existing?.mergeable !== 'CONFLICTING');
      const message = keyed(change.message, options.key);
      const head =
        stands && proposed !== undefined
          ? proposed
          : await pushProposal(client, target, snapshot, change.edits, message, proposalBranch, proposed);
      const pullRequest = existing ?? (await openPullRequest(client, snapshot, proposalBranch, message));
      await label(client, target, pullRequest.number, options.labels);
      return {
        result: stands ? onTop.result : change.result,
        pullRequest: { number: pullRequest.number, url: pullRequest.url },
        changed: !stands,
        branch: proposalBranch,
        merging: options.autoMerge
          ? await mergeWhenReady(client, target, pullRequest, head, message, before)
          : 'no',
      };
    } catch (error) {
      const pause = fullJitter(attempt, RACE_BACKOFF, timing.random);
      const again =
        error instanceof GitHubError &&
        (error.fault.kind === 'stale' ||
          error.fault.kind === 'unavailable' ||
          error.fault.kind === 'limited') &&
        timing.now() + pause < deadline;
      if (!again) {
        throw explainFault(error, `propose the change as a pull request in ${full}`, {
          denied: `Give the GitHub App contents: write and pull_requests: write on ${full} (docs/setup.md, "GitHub App").`,
        });
      }
      const wait = Math.max(pause, error.fault.retryAfterMs ?? 0);
      options.onRetry?.(error.fault.message, attempt, wait);
      await timing.sleep(wait);
    }
  }
}

const keyed = (message: CommitMessage, key: string): CommitMessage => ({
  ...message,
  trailers: [...message.trailers, { name: KEY_TRAILER, value: key }],
});

async function readProposal(
  client: GitHubClient,
  target: BranchTarget,
  base: string,
  head: string,
): Promise<ProposalData['repository']> {
  const data = await client.graphql<ProposalData>(PROPOSAL_DOCUMENT, {
    ...target.repository,
    ref: `refs/heads/${head}`,
    head,
    base,
  });
  return data.repository;
}

async function pushProposal(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  edits: FileEdits,
  message: CommitMessage,
  branch: string,
  before: string | undefined,
): Promise<string> {
  const repository = { owner: target.repository.owner, repo: target.repository.name };
  // Objects nobody points to do no harm, so making them may be repeated like a read.
  const tree = await client.rest<{ sha: string }>('POST /repos/{owner}/{repo}/git/trees', {
    ...repository,
    base_tree: snapshot.treeOid,
    tree: [...edits].map(([path, text]) => ({
      path,
      mode: '100644',
      type: 'blob',
      ...(text === null ? { sha: null } : { content: text }),
    })),
  });
  // Without author and committer GitHub signs it for the App.
  const commit = await client.rest<{ sha: string }>('POST /repos/{owner}/{repo}/git/commits', {
    ...repository,
    message: formatMessage(message),
    tree: tree.data.sha,
    parents: [snapshot.head],
  });
  await client.graphql(
    MOVE_DOCUMENT,
    {
      input: {
        repositoryId: snapshot.repositoryId,
        refUpdates: [
          {
            name: `refs/heads/${branch}`,
            beforeOid: before ?? NO_COMMIT,
            afterOid: commit.data.sha,
            force: true,
          },
        ],
      },
    },
    { write: true },
  );
  return commit.data.sha;
}

async function openPullRequest(
  client: GitHubClient,
  snapshot: Snapshot,
  branch: string,
  message: CommitMessage,
): Promise<PullRequestData> {
  const data = await client.graphql<{ createPullRequest: { pullRequest: PullRequestData | null } | null }>(
    CREATE_PULL_REQUEST_DOCUMENT,
    {
      input: {
        repositoryId: snapshot.repositoryId,
        baseRefName: snapshot.branch,
        headRefName: branch,
        title: oneLine(message.headline),
        body: formatBody(message),
      },
    },
    { write: true },
  );
  const pullRequest = data.createPullRequest?.pullRequest;
  if (pullRequest === null || pullRequest === undefined) {
    throw couldNot('GitHub made no pull request and gave no reason.', { todo: 'Run it again.' });
  }
  return pullRequest;
}

async function label(
  client: GitHubClient,
  target: BranchTarget,
  number: number,
  labels: readonly string[],
): Promise<void> {
  if (labels.length > 0) {
    // Adding a label twice is adding it once, so this may be repeated.
    await client.rest('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', {
      owner: target.repository.owner,
      repo: target.repository.name,
      issue_number: number,
      labels,
    });
  }
}

/** GitHub's words when there is nothing to wait for: then auto-merge is refused, and merging works at once. */
const CLEAN_WORDS = /clean status/i;

async function mergeWhenReady(
  client: GitHubClient,
  target: BranchTarget,
  pullRequest: PullRequestData,
  head: string,
  message: CommitMessage,
  allowed: ProposalData['repository'],
): Promise<ProposalOutcome<unknown>['merging']> {
  const method = mergeMethod(allowed);
  try {
    await client.graphql(
      AUTO_MERGE_DOCUMENT,
      {
        input: {
          pullRequestId: pullRequest.id,
          expectedHeadOid: head,
          mergeMethod: method,
          // Rebasing keeps the commit's own message, trailers included.
          ...(method === 'REBASE'
            ? {}
            : { commitHeadline: oneLine(message.headline), commitBody: formatBody(message) }),
        },
      },
      { write: true },
    );
    return 'when-ready';
  } catch (error) {
    if (!(error instanceof GitHubError) || !CLEAN_WORDS.test(error.fault.message)) {
      throw error;
    }
  }
  await client.rest(
    'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
    {
      owner: target.repository.owner,
      repo: target.repository.name,
      pull_number: pullRequest.number,
      sha: head,
      merge_method: method.toLowerCase(),
      ...(method === 'REBASE'
        ? {}
        : { commit_title: oneLine(message.headline), commit_message: formatBody(message) }),
    },
    { write: true },
  );
  return 'merged';
}

/** Squash first: one bump stays one commit on the base, with our trailers. */
function mergeMethod(allowed: ProposalData['repository']): 'SQUASH' | 'MERGE' | 'REBASE' {
  if (allowed.squashMergeAllowed) {
    return 'SQUASH';
  }
  return allowed.mergeCommitAllowed ? 'MERGE' : 'REBASE';
}
