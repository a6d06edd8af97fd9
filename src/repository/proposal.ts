import { type GitHubClient, GitHubError } from '../github/client.ts';
import { couldNot, Failure } from '../report/failure.ts';
import type { Change, ComputeChange } from './change.ts';
import type { CommitReference } from './commit.ts';
import {
  type CommitMessage,
  formatBody,
  formatMessage,
  KEY_TRAILER,
  oneLine,
  parseTrailers,
} from './commit-message.ts';
import { type BranchTarget, gitHubTree, gitHubTreeWith, type Snapshot } from './snapshot.ts';
import type { FileEdits, Tree } from './tree.ts';

/** A pull request on GitHub. */
export interface PullRequestReference {
  readonly number: number;
  readonly url: string;
}

/** Whether GitHub merges it when its conditions hold, or it was merged at once. */
export type Merging = 'no' | 'when-ready' | 'merged';

/** How a pull request is made. */
export interface ProposalPolicy {
  /** The branch of the pull request. The same name is the same pull request: running twice proposes once. */
  readonly branch: string;
  readonly labels: readonly string[];
  /** Merge when required checks and reviews are there. */
  readonly autoMerge: boolean;
}

/** What is proposed already. */
export const PROPOSAL_DOCUMENT = `query Proposal($owner: String!, $name: String!, $ref: String!, $head: String!, $base: String!) {
  repository(owner: $owner, name: $name) {
    mergeCommitAllowed
    squashMergeAllowed
    ref(qualifiedName: $ref) { target { oid ... on Commit { message parents(first: 1) { nodes { oid } } } } }
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
  /** `UNKNOWN`: GitHub finds it out once it was asked, so that is its first answer after each commit on the base. */
  readonly mergeable?: 'MERGEABLE' | 'CONFLICTING' | 'UNKNOWN';
}

interface ProposedCommit {
  readonly oid: string;
  readonly message?: string;
  readonly parents?: { readonly nodes: readonly ({ readonly oid: string } | null)[] | null };
}

interface ProposalData {
  readonly repository: {
    readonly mergeCommitAllowed: boolean;
    readonly squashMergeAllowed: boolean;
    readonly ref: { readonly target: ProposedCommit } | null;
    readonly pullRequests: { readonly nodes: readonly (PullRequestData | null)[] | null };
  };
}

/** What became of a proposal. */
interface Proposed<Result> extends MergeOutcome {
  readonly result: Result;
  readonly changed: boolean;
  readonly pullRequest: PullRequestReference;
}

interface MergeOutcome {
  readonly merging: Merging;
  /** On the base; only when it was merged at once. */
  readonly commit: CommitReference | undefined;
}

/** `beforeOid` of a branch that must not exist yet (git's null object). */
const NO_COMMIT = '0'.repeat(40);

/**
 * Proposes a change as a pull request with one commit on top of the base, and keeps to one pull request however often
 * it runs. The change is computed from the base; what is proposed already is asked whether it is newer, so that an
 * older build does not replace a newer one before either is merged.
 *
 * The commit is made by the git data API and the branch moved by `updateRefs`, which compares before it swaps. Every
 * step may be repeated: what is there already is found and kept.
 *
 * @throws GitHubError; `stale` when somebody else moved the branch
 */
export async function propose<Result>(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  change: Change<Result>,
  compute: ComputeChange<Result>,
  policy: ProposalPolicy,
): Promise<Proposed<Result>> {
  const { message } = change;
  const before = await readProposal(client, target, snapshot.branch, policy.branch);
  const proposed = before.ref?.target.oid;
  const existing = before.pullRequests.nodes?.find((node) => node !== null) ?? undefined;
  // A branch without an open pull request is what is left of an earlier one: it says nothing about now.
  const standing =
    before.ref === null || existing === undefined
      ? undefined
      : await standingProposal(client, target, snapshot, before.ref.target, existing, change, compute);
  const head =
    standing?.head ??
    (await pushProposal(client, target, snapshot, change.edits, message, policy.branch, proposed));
  const pullRequest = existing ?? (await openPullRequest(client, snapshot, policy.branch, message));
  await label(client, target, pullRequest.number, policy.labels);
  return {
    result: standing?.result ?? change.result,
    changed: standing === undefined || standing.ours,
    pullRequest: { number: pullRequest.number, url: pullRequest.url },
    ...(policy.autoMerge
      ? await mergeWhenReady(client, target, pullRequest, head, message, before)
      : { merging: 'no', commit: undefined }),
  };
}

interface StandingProposal<Result> {
  readonly head: string;
  readonly result: Result;
  /** We proposed it ourselves, and the answer was lost. */
  readonly ours: boolean;
}

/** What is proposed already, when it holds our change or a newer one and can still be merged. */
async function standingProposal<Result>(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  proposed: ProposedCommit,
  existing: PullRequestData,
  change: Change<Result>,
  compute: ComputeChange<Result>,
): Promise<StandingProposal<Result> | undefined> {
  const mergeable = await canBeMerged(client, target, snapshot, proposed, existing, change);
  if (mergeable && keyOf(proposed.message ?? '') === keyOf(formatMessage(change.message))) {
    return { head: proposed.oid, result: change.result, ours: true };
  }
  const onTop = await computeOnTop(compute, gitHubTree(client, target.repository, proposed.oid));
  const stands = onTop?.edits.size === 0 && (onTop.superseded === true || mergeable);
  return stands ? { head: proposed.oid, result: onTop.result, ours: false } : undefined;
}

/**
 * What would be left to do on top of what is proposed; undefined when that is not what our change was decided on: somebody
 * saw the base, and not the proposal, or the proposal is of before what they saw. Then theirs takes its place.
 */
async function computeOnTop<Result>(
  compute: ComputeChange<Result>,
  tree: Tree,
): Promise<Change<Result> | undefined> {
  try {
    return await compute(tree);
  } catch (error) {
    if (error instanceof Failure && error.reason === 'moved-on') {
      return undefined;
    }
    throw error;
  }
}

/** While GitHub does not know it yet: nobody has changed our files on the base since it was proposed. */
async function canBeMerged(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  { parents }: ProposedCommit,
  { mergeable }: PullRequestData,
  { edits }: Change<unknown>,
): Promise<boolean> {
  const parent = parents?.nodes?.find((node) => node !== null)?.oid;
  if (mergeable !== 'UNKNOWN' || parent === undefined || parent === snapshot.head) {
    return mergeable !== 'CONFLICTING';
  }
  const files = [...edits.keys()];
  const then = await gitHubTreeWith(client, target.repository, parent, files);
  const isSame = await Promise.all(
    files.map(async (file) => (await then.read(file)) === (await snapshot.tree.read(file))),
  );
  return isSame.every(Boolean);
}

const keyOf = (message: string): string | undefined =>
  parseTrailers(message).find(({ name }) => name === KEY_TRAILER)?.value;

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

/** GitHub's words when the repository's settings do not allow auto-merge. */
const NOT_ALLOWED_WORDS = /auto.?merge is not allowed/i;

async function mergeWhenReady(
  client: GitHubClient,
  target: BranchTarget,
  pullRequest: PullRequestData,
  head: string,
  message: CommitMessage,
  allowed: ProposalData['repository'],
): Promise<MergeOutcome> {
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
    return { merging: 'when-ready', commit: undefined };
  } catch (error) {
    if (error instanceof GitHubError && NOT_ALLOWED_WORDS.test(error.fault.message)) {
      throw couldNot(
        `${pullRequest.url} is open, but does not merge itself: the repository does not allow it.`,
        {
          todo: 'Turn on "Allow auto-merge" in the settings of the GitOps repository, or leave auto-merge out.',
          reason: 'no-auto-merge',
          cause: error,
        },
      );
    }
    if (!(error instanceof GitHubError) || !CLEAN_WORDS.test(error.fault.message)) {
      throw error;
    }
  }
  const merged = await client.rest<{ sha: string }>(
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
  const oid = merged.data.sha;
  const url = pullRequest.url.replace(/\/pull\/\d+$/, `/commit/${oid}`);
  return { merging: 'merged', commit: { oid, url } };
}

/** Squash first: one bump stays one commit on the base, with our trailers. */
function mergeMethod(allowed: ProposalData['repository']): 'SQUASH' | 'MERGE' | 'REBASE' {
  if (allowed.squashMergeAllowed) {
    return 'SQUASH';
  }
  return allowed.mergeCommitAllowed ? 'MERGE' : 'REBASE';
}
