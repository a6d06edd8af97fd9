import { type GitHubClient, GitHubError } from '../github/client.ts';
import { Failure } from '../report/failure.ts';
import {
  type MergeOutcome,
  type MergeSettings,
  mergesAsAnother,
  mergeWhenReady,
  stopAutoMerge,
} from './auto-merge.ts';
import type { Change, ComputeChange } from './change.ts';
import { formatMessage, keyOf } from './commit-message.ts';
import {
  AUTO_MERGE_FIELDS,
  bringPullRequest,
  ENDED_FIELDS,
  type EndedPullRequests,
  isLeftOver,
  label,
  lookAgain,
  type OpenPullRequest,
  ownOf,
  type ProposedCommit,
  type PullRequestReference,
  type WaitingPullRequest,
} from './pull-request.ts';
import { type BranchTarget, gitHubTree, gitHubTreeWith, readSnapshot, type Snapshot } from './snapshot.ts';
import type { Tree } from './tree.ts';

/** How a pull request is made. */
export interface ProposalPolicy {
  /** The branch of the pull request. The same name is the same pull request: running twice proposes once. */
  readonly branch: string;
  readonly labels: readonly string[];
  /** Merge when required checks and reviews are there. */
  readonly autoMerge: boolean;
}

/**
 * What is proposed already. Of forks too there may be pull requests from a branch of that name: those are somebody else's.
 */
export const PROPOSAL_DOCUMENT = `query Proposal($owner: String!, $name: String!, $ref: String!, $head: String!, $base: String!) {
  repository(owner: $owner, name: $name) {
    mergeCommitAllowed
    squashMergeAllowed
    ref(qualifiedName: $ref) { target { oid ... on Commit { message parents(first: 1) { nodes { oid } } } } }
    pullRequests(first: 20, states: OPEN, headRefName: $head, baseRefName: $base) {
      nodes { id number url title body mergeable isCrossRepository ${AUTO_MERGE_FIELDS} }
    }
    ended: pullRequests(first: 20, states: [CLOSED, MERGED], headRefName: $head, orderBy: { field: CREATED_AT, direction: DESC }) {
      ${ENDED_FIELDS}
    }
  }
}`;

/** Moves a branch only if it still is where we saw it: a compare-and-swap also for a forced update. */
export const MOVE_DOCUMENT = `mutation Move($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId }
}`;

interface ProposalData {
  readonly repository: MergeSettings & {
    readonly ref: { readonly target: ProposedCommit } | null;
    readonly pullRequests: { readonly nodes: readonly (OpenPullRequest | null)[] | null };
    readonly ended: EndedPullRequests;
  };
}

/** What became of a proposal. */
interface Proposed<Result> extends MergeOutcome {
  readonly result: Result;
  readonly changed: boolean;
  readonly pullRequest: PullRequestReference;
}

/** `beforeOid` of a branch that must not exist yet (git's null object). */
const NO_COMMIT = '0'.repeat(40);

/**
 * Proposes a change as a pull request with one commit on top of the base, and keeps to one pull request however often
 * it runs. The change is computed from the base; what is proposed already is asked whether it is newer, so that an
 * older build does not replace a newer one before either is merged.
 *
 * The commit is made by the git data API and the branch moved by `updateRefs`, which compares before it swaps. Every
 * step may be repeated: what is there already is found and kept. Of several runs at once, the one that finds something else
 * in the pull request than it meant to propose there looks again.
 *
 * @throws GitHubError; `stale` when somebody else moved the branch, or the pull request ended meanwhile
 */
export async function propose<Result>(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  change: Change<Result>,
  compute: ComputeChange<Result>,
  policy: ProposalPolicy,
): Promise<Proposed<Result>> {
  const before = await readProposal(client, target, snapshot.branch, policy.branch);
  let existing = ownOf(before.pullRequests)[0];
  const tip = before.ref?.target;
  // What is left of a pull request that has ended says nothing about now. What was never in one is just being proposed by
  // another run, which has yet to open the pull request.
  const standing =
    tip === undefined || (existing === undefined && isLeftOver(tip.oid, before.ended))
      ? undefined
      : await standingProposal(client, target, snapshot, tip, existing?.mergeable, change, compute);
  if (standing === undefined && existing !== undefined) {
    // Were we to end before our own words are there, GitHub would commit what we propose as what was proposed before.
    existing = await stopAutoMerge(client, existing);
  }
  const proposed =
    standing?.commit ?? (await pushProposal(client, target, snapshot, change, policy.branch, tip?.oid));
  let pullRequest: WaitingPullRequest | undefined = existing;
  try {
    pullRequest = await bringPullRequest(client, snapshot, policy.branch, proposed, existing);
    const words = wordsFor(proposed, existing);
    if (mergesAsAnother(pullRequest, words)) {
      pullRequest = await stopAutoMerge(client, pullRequest);
    }
    await label(client, target, pullRequest.number, policy.labels);
    return {
      result: standing?.result ?? change.result,
      changed: standing === undefined || standing.ours,
      pullRequest: { number: pullRequest.number, url: pullRequest.url },
      ...(policy.autoMerge && standing?.isMergeable !== false
        ? await mergeWhenReady(client, target, pullRequest, proposed.oid, words, before)
        : { merging: 'no', commit: undefined }),
    };
  } catch (error) {
    throw await refusedOrStale(error, client, target, snapshot, policy.branch, pullRequest);
  }
}

interface StandingProposal<Result> {
  readonly commit: ProposedCommit;
  readonly result: Result;
  /** We proposed it ourselves, and the answer was lost. */
  readonly ours: boolean;
  /** False: it is newer than ours, and whoever proposed it has to do it again. */
  readonly isMergeable: boolean;
}

/** What is proposed already, when it holds our change or a newer one and can still be merged. */
async function standingProposal<Result>(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  commit: ProposedCommit,
  mergeable: OpenPullRequest['mergeable'] | undefined,
  change: Change<Result>,
  compute: ComputeChange<Result>,
): Promise<StandingProposal<Result> | undefined> {
  const isMergeable = await canBeMerged(client, target, snapshot, commit, mergeable, change);
  if (isMergeable && keyOf(commit.message) === keyOf(formatMessage(change.message))) {
    return { commit, result: change.result, ours: true, isMergeable };
  }
  const onTop = await computeOnTop(compute, gitHubTree(client, target.repository, commit.oid));
  const stands = onTop?.edits.size === 0 && (onTop.superseded === true || isMergeable);
  return stands ? { commit, result: onTop.result, ours: false, isMergeable } : undefined;
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
  mergeable: OpenPullRequest['mergeable'] = 'UNKNOWN',
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
  { edits, message }: Change<unknown>,
  branch: string,
  before: string | undefined,
): Promise<ProposedCommit> {
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
  const text = formatMessage(message);
  // Without author and committer GitHub signs it for the App.
  const commit = await client.rest<{ sha: string }>('POST /repos/{owner}/{repo}/git/commits', {
    ...repository,
    message: text,
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
  return { oid: commit.data.sha, message: text };
}

/** What the commit on the base will say: what ours said, also where somebody put a commit of their own on top of it. */
const wordsFor = ({ message }: ProposedCommit, existing: OpenPullRequest | undefined): string =>
  keyOf(message) === undefined && existing !== undefined ? `${existing.title}\n\n${existing.body}` : message;

/**
 * What a refusal means. GitHub has words of many kinds for a pull request that ended meanwhile, or conflicts with what came in
 * between: so it is looked whether somebody was faster.
 */
async function refusedOrStale(
  error: unknown,
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  branch: string,
  pullRequest: PullRequestReference | undefined,
): Promise<unknown> {
  if (!(error instanceof GitHubError && error.fault.kind === 'invalid')) {
    return error;
  }
  const [{ pullRequests }, { head }] = await Promise.all([
    readProposal(client, target, snapshot.branch, branch),
    readSnapshot(client, target, []),
  ]);
  const hasEnded =
    pullRequest !== undefined && !ownOf(pullRequests).some(({ number }) => number === pullRequest.number);
  return hasEnded || head !== snapshot.head ? lookAgain(error) : error;
}
