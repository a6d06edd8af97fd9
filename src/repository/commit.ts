import { type GitHubClient, GitHubError } from '../github/client.ts';
import type { GitHubFault } from '../github/fault.ts';
import { formatRepositoryName } from '../github/repository-name.ts';
import { type CommitMessage, formatBody, oneLine } from './commit-message.ts';
import type { BranchTarget, Snapshot } from './snapshot.ts';
import type { FileEdits } from './tree.ts';

/** A commit on GitHub. */
export interface CommitReference {
  readonly oid: string;
  readonly url: string;
}

/**
 * Commits by the API, without author: GitHub signs it and names the App (docs: "Mutations", createCommitOnBranch).
 * `expectedHeadOid` makes it a compare-and-swap over all files at once.
 */
export const COMMIT_DOCUMENT = `mutation Commit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid url } }
}`;

/**
 * Writes edits on top of a snapshot, all files or none. Sent once: whether to send it again is for the caller, who can
 * look first.
 *
 * @throws GitHubError; `stale` when the branch moved since the snapshot
 */
export async function writeCommit(
  client: GitHubClient,
  target: BranchTarget,
  snapshot: Snapshot,
  edits: FileEdits,
  message: CommitMessage,
): Promise<CommitReference> {
  const files = [...edits];
  const input = {
    branch: {
      repositoryNameWithOwner: formatRepositoryName(target.repository),
      branchName: snapshot.branch,
    },
    expectedHeadOid: snapshot.head,
    message: { headline: oneLine(message.headline), body: formatBody(message) },
    fileChanges: {
      additions: files.flatMap(([path, text]) =>
        text === null ? [] : [{ path, contents: Buffer.from(text).toString('base64') }],
      ),
      deletions: files.flatMap(([path, text]) => (text === null ? [{ path }] : [])),
    },
  };
  const answer = await client.graphql<{
    createCommitOnBranch: { commit: { oid: string; url: string } | null } | null;
  }>(COMMIT_DOCUMENT, { input }, { write: true });
  const commit = answer.createCommitOnBranch?.commit;
  if (commit === null || commit === undefined) {
    const fault: GitHubFault = { kind: 'unavailable', message: 'an answer without a commit', status: 200 };
    throw new GitHubError(fault, 'createCommitOnBranch', { cause: undefined, write: true });
  }
  return { oid: commit.oid, url: commit.url };
}
