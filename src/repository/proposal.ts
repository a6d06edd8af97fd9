import { type GitHubClient, GitHubError } from '../github/client.ts';
import { couldNot, Failure } from '../report/failure.ts';
import type { Change, ComputeChange } from './change.ts';
import type { CommitReference } from './commit.ts';
import { bodyOf, formatMessage, headlineOf, KEY_TRAILER, parseTrailers } from './commit-message.ts';
import { type BranchTarget, gitHubTree, gitHubTreeWith, readSnapshot, type Snapshot } from './snapshot.ts';
import type { Tree } from './tree.ts';

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

const ENDED_FIELDS = 'nodes { headRefOid isCrossRepository }';

const AUTO_MERGE_FIELDS = 'autoMergeRequest { commitBody }';

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

/** What a pull request holds. The branch itself is asked: `headRefOid` follows it a moment later. */
const PULL_REQUEST_FIELDS = `id number url state headRef { target { oid } } ${AUTO_MERGE_FIELDS}`;

export const CREATE_PULL_REQUEST_DOCUMENT = `mutation CreatePullRequest($input: CreatePullRequestInput!) {
  createPullRequest(input: $input) { pullRequest {
    ${PULL_REQUEST_FIELDS}
    headRef { associatedPullRequests(first: 20, states: [CLOSED, MERGED], orderBy: { field: CREATED_AT, direction: DESC }) { ${ENDED_FIELDS} } }
  } }
}`;

export const CLOSE_PULL_REQUEST_DOCUMENT = `mutation ClosePullRequest($input: ClosePullRequestInput!) {
  closePullRequest(input: $input) { clientMutationId }
}`;

export const UPDATE_PULL_REQUEST_DOCUMENT = `mutation UpdatePullRequest($input: UpdatePullRequestInput!) {
  updatePullRequest(input: $input) { pullRequest { ${PULL_REQUEST_FIELDS} } }
}`;

export const AUTO_MERGE_DOCUMENT = `mutation AutoMerge($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { clientMutationId }
}`;

export const DISABLE_AUTO_MERGE_DOCUMENT = `mutation DisableAutoMerge($input: DisablePullRequestAutoMergeInput!) {
  disablePullRequestAutoMerge(input: $input) { clientMutationId }
}`;

/** A pull request that may wait for GitHub to merge it. */
interface WaitingPullRequest extends PullRequestReference {
  readonly id: string;
  /** Null: auto-merge is off. */
  readonly autoMergeRequest: { readonly commitBody: string | null } | null;
}

interface OpenPullRequest extends WaitingPullRequest {
  readonly title: string;
  readonly body: string;
  /** `UNKNOWN`: GitHub finds it out once it was asked, so that is its first answer after each commit on the base. */
  readonly mergeable: 'MERGEABLE' | 'CONFLICTING' | 'UNKNOWN';
  readonly isCrossRepository: boolean;
}

interface WrittenPullRequest extends WaitingPullRequest {
  readonly state: 'OPEN' | 'CLOSED' | 'MERGED';
  /** Null: the branch is gone. */
  readonly headRef: {
    readonly target: { readonly oid: string } | null;
    readonly associatedPullRequests?: EndedPullRequests;
  } | null;
}

interface EndedPullRequests {
  readonly nodes:
    | readonly ({ readonly headRefOid: string; readonly isCrossRepository: boolean } | null)[]
    | null;
}

/** Whether a commit is what is left of a pull request that was merged or closed. */
const isLeftOver = (oid: string | undefined, ended: EndedPullRequests): boolean =>
  ownOf(ended).some(({ headRefOid }) => headRefOid === oid);

/** The one commit of a proposal. */
interface ProposedCommit {
  readonly oid: string;
  readonly message: string;
  readonly parents?: { readonly nodes: readonly ({ readonly oid: string } | null)[] | null };
}

interface ProposalData {
  readonly repository: {
    readonly mergeCommitAllowed: boolean;
    readonly squashMergeAllowed: boolean;
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

const ownOf = <Node extends { readonly isCrossRepository: boolean }>({
  nodes,
}: {
  readonly nodes: readonly (Node | null)[] | null;
}): readonly Node[] => (nodes ?? []).flatMap((node) => (node?.isCrossRepository === false ? [node] : []));

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

/**
 * The open pull request of what is proposed: opened where there is none, and told anew where it tells of what was there before.
 * What a person wrote into one that tells of this commit stays.
 *
 * @throws GitHubError `stale` when it has ended, or holds something else
 */
async function bringPullRequest(
  client: GitHubClient,
  snapshot: Snapshot,
  branch: string,
  proposed: ProposedCommit,
  existing: OpenPullRequest | undefined,
): Promise<WaitingPullRequest> {
  if (existing !== undefined && tellsOf(existing.body, proposed)) {
    return existing;
  }
  const text = { title: headlineOf(proposed.message), body: bodyOf(proposed.message) };
  const written =
    existing === undefined
      ? await writePullRequest(client, 'createPullRequest', CREATE_PULL_REQUEST_DOCUMENT, {
          repositoryId: snapshot.repositoryId,
          baseRefName: snapshot.branch,
          headRefName: branch,
          ...text,
        })
      : await writePullRequest(client, 'updatePullRequest', UPDATE_PULL_REQUEST_DOCUMENT, {
          pullRequestId: existing.id,
          ...text,
        });
  if (existing !== undefined && written.state !== 'OPEN') {
    // It was merged or closed after we looked, and tells of that: our words are taken back.
    const { id, title, body } = existing;
    await writePullRequest(client, 'updatePullRequest', UPDATE_PULL_REQUEST_DOCUMENT, {
      pullRequestId: id,
      title,
      body,
    });
  }
  if (written.state !== 'OPEN' || written.headRef?.target?.oid !== proposed.oid) {
    throw lookAgain(undefined);
  }
  if (isLeftOver(proposed.oid, written.headRef.associatedPullRequests ?? { nodes: [] })) {
    // Another run opened one before us, and somebody merged or closed it already: ours would propose the same twice.
    const input = { pullRequestId: written.id };
    await client.graphql(CLOSE_PULL_REQUEST_DOCUMENT, { input }, { write: true });
    throw lookAgain(undefined);
  }
  return written;
}

/** People may have written more, above and below; and what they put on top of our commit ("Update branch") has no key. */
function tellsOf(body: string, { message }: ProposedCommit): boolean {
  const key = keyOf(message);
  return key === undefined || body.split('\n').some((line) => line.trim() === `${KEY_TRAILER}: ${key}`);
}

/** What the commit on the base will say: what ours said, also where somebody put a commit of their own on top of it. */
const wordsFor = ({ message }: ProposedCommit, existing: OpenPullRequest | undefined): string =>
  keyOf(message) === undefined && existing !== undefined ? `${existing.title}\n\n${existing.body}` : message;

/**
 * Whether auto-merge waits to commit the words of something that was proposed before: it keeps those that it was turned on with, and
 * stays on when something else is pushed by who may write (docs: "Automatically merging a pull request"). Words of a person stay.
 */
function mergesAsAnother({ autoMergeRequest }: WaitingPullRequest, words: string): boolean {
  const key = keyOf(autoMergeRequest?.commitBody ?? '');
  return key !== undefined && key !== keyOf(words);
}

/**
 * Turns auto-merge off, where it is on.
 *
 * @throws GitHubError `stale` when it is off or merged by now: GitHub refuses that
 */
async function stopAutoMerge<Waiting extends WaitingPullRequest>(
  client: GitHubClient,
  pullRequest: Waiting,
): Promise<Waiting> {
  if (pullRequest.autoMergeRequest !== null) {
    try {
      // What is off is not turned off twice, so this may be repeated.
      await client.graphql(DISABLE_AUTO_MERGE_DOCUMENT, { input: { pullRequestId: pullRequest.id } });
    } catch (error) {
      throw error instanceof GitHubError && error.fault.kind === 'invalid' ? lookAgain(error) : error;
    }
  }
  return { ...pullRequest, autoMergeRequest: null };
}

async function writePullRequest(
  client: GitHubClient,
  mutation: 'createPullRequest' | 'updatePullRequest',
  document: string,
  input: Readonly<Record<string, unknown>>,
): Promise<WrittenPullRequest> {
  const data = await client.graphql<
    Partial<Record<typeof mutation, { readonly pullRequest: WrittenPullRequest | null } | null>>
  >(document, { input }, { write: true });
  const pullRequest = data[mutation]?.pullRequest;
  if (pullRequest === null || pullRequest === undefined) {
    throw couldNot('GitHub wrote no pull request and gave no reason.', { todo: 'Run it again.' });
  }
  return pullRequest;
}

/** Somebody else was faster: nothing is wrong, and it is decided anew. */
const lookAgain = (cause: unknown): GitHubError =>
  new GitHubError(
    { kind: 'stale', message: 'somebody else wrote to the same pull request', status: undefined },
    'propose',
    { cause, write: true },
  );

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

/** GitHub's words when somebody turned it on meanwhile: perhaps we, and the answer was lost. It keeps the words of the first. */
const ALREADY_WORDS = /auto.?merge is already enabled/i;

/** GitHub's words when the repository's settings do not allow auto-merge. */
const NOT_ALLOWED_WORDS = /auto.?merge is not allowed/i;

async function mergeWhenReady(
  client: GitHubClient,
  target: BranchTarget,
  pullRequest: WaitingPullRequest,
  head: string,
  words: string,
  allowed: ProposalData['repository'],
): Promise<MergeOutcome> {
  if (pullRequest.autoMergeRequest !== null) {
    return { merging: 'when-ready', commit: undefined };
  }
  const method = mergeMethod(allowed);
  const [headline, body] = [headlineOf(words), bodyOf(words)];
  try {
    await client.graphql(
      AUTO_MERGE_DOCUMENT,
      {
        input: {
          pullRequestId: pullRequest.id,
          expectedHeadOid: head,
          mergeMethod: method,
          // Rebasing keeps the commit's own message, trailers included.
          ...(method === 'REBASE' ? {} : { commitHeadline: headline, commitBody: body }),
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
    if (error instanceof GitHubError && ALREADY_WORDS.test(error.fault.message)) {
      throw lookAgain(error);
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
      ...(method === 'REBASE' ? {} : { commit_title: headline, commit_message: body }),
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
