import { type GitHubClient, GitHubError } from '../github/client.ts';
import { couldNot } from '../report/failure.ts';
import { bodyOf, headlineOf, KEY_TRAILER, keyOf } from './commit-message.ts';
import type { BranchTarget, Snapshot } from './snapshot.ts';

/** A pull request on GitHub. */
export interface PullRequestReference {
  readonly number: number;
  readonly url: string;
}

export const ENDED_FIELDS = 'nodes { headRefOid isCrossRepository }';

export const AUTO_MERGE_FIELDS = 'autoMergeRequest { commitBody }';

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

/** A pull request that may wait for GitHub to merge it. */
export interface WaitingPullRequest extends PullRequestReference {
  readonly id: string;
  /** Null: auto-merge is off. */
  readonly autoMergeRequest: { readonly commitBody: string | null } | null;
}

export interface OpenPullRequest extends WaitingPullRequest {
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

export interface EndedPullRequests {
  readonly nodes:
    | readonly ({ readonly headRefOid: string; readonly isCrossRepository: boolean } | null)[]
    | null;
}

/** Whether a commit is what is left of a pull request that was merged or closed. */
export const isLeftOver = (oid: string | undefined, ended: EndedPullRequests): boolean =>
  ownOf(ended).some(({ headRefOid }) => headRefOid === oid);

/** The one commit of a proposal. */
export interface ProposedCommit {
  readonly oid: string;
  readonly message: string;
  readonly parents?: { readonly nodes: readonly ({ readonly oid: string } | null)[] | null };
}

export const ownOf = <Node extends { readonly isCrossRepository: boolean }>({
  nodes,
}: {
  readonly nodes: readonly (Node | null)[] | null;
}): readonly Node[] => (nodes ?? []).flatMap((node) => (node?.isCrossRepository === false ? [node] : []));

/**
 * The open pull request of what is proposed: opened where there is none, and told anew where it tells of what was there before.
 * What a person wrote into one that tells of this commit stays.
 *
 * @throws GitHubError `stale` when it has ended, or holds something else
 */
export async function bringPullRequest(
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
export const lookAgain = (cause: unknown): GitHubError =>
  new GitHubError(
    { kind: 'stale', message: 'somebody else wrote to the same pull request', status: undefined },
    'propose',
    { cause, write: true },
  );

export async function label(
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
