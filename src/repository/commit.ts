import { explainFault, type GitHubClient, GitHubError, limitPause } from '../github/client.ts';
import type { GitHubFault } from '../github/fault.ts';
import { fullJitter, type Timing } from '../github/timing.ts';
import { couldNot, type Failure } from '../report/failure.ts';
import type { Change, ComputeChange } from './change.ts';
import { type CommitMessage, formatBody, KEY_TRAILER, oneLine, parseTrailers } from './commit-message.ts';
import { type BranchTarget, readSnapshot, type Snapshot } from './snapshot.ts';
import type { FileEdits } from './tree.ts';

/** A commit on GitHub. */
export interface CommitReference {
  readonly oid: string;
  readonly url: string;
}

export interface CommitOutcome<Result> {
  readonly result: Result;
  /** Undefined when there was nothing to do. */
  readonly commit: CommitReference | undefined;
  /** The branch that was read and written. */
  readonly branch: string;
  /** How often it was read and tried; 1 when nobody else wrote. */
  readonly attempts: number;
}

export interface CommitOptions {
  /** Files that the change surely reads: fetched together with the head. */
  readonly files: readonly string[];
  /** Names this one change for good, so that its commit is known again: unique to the run and its purpose. */
  readonly key: string;
  readonly timing: Timing;
  /** When to stop trying, in milliseconds from now. Default: 5 minutes. */
  readonly patienceMs?: number;
  /** Called before each wait, for progress. */
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

/**
 * Commits by the API, without author: GitHub signs it and names the App (docs: "Mutations", createCommitOnBranch).
 * `expectedHeadOid` makes it a compare-and-swap over all files at once.
 */
export const COMMIT_DOCUMENT = `mutation Commit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid url } }
}`;

/**
 * The waits between attempts: a lost race costs two round trips, so the first interval is about one, and it doubles
 * while others keep winning. The cap is what about a hundred writers need to get through one after the other.
 */
const RACE_BACKOFF = { baseMs: 100, capMs: 8_000 } as const;
const OUTAGE_BACKOFF = { baseMs: 500, capMs: 15_000 } as const;

/** How far back we look for our own commit after an answer was lost. */
const HISTORY_DEPTH = 100;

const DEFAULT_PATIENCE_MS = 5 * 60_000;

/**
 * Computes a change at the head of a branch and commits it there, all files or none, once.
 *
 * - Lost race: read again, compute again, after a pause with full jitter.
 * - No answer: look for our own key in the history before anything is written again. A write that is still on its way
 *   cannot land twice: after ours, its expected head is no longer the head.
 * - Limited: wait as long as GitHub asks.
 *
 * @throws Failure (exit 2) when GitHub refuses, or when time is up; what the computation throws is passed on
 */
export async function commitChange<Result>(
  client: GitHubClient,
  target: BranchTarget,
  compute: ComputeChange<Result>,
  options: CommitOptions,
): Promise<CommitOutcome<Result>> {
  const { timing } = options;
  const full = `${target.repository.owner}/${target.repository.name}`;
  const deadline = timing.now() + (options.patienceMs ?? DEFAULT_PATIENCE_MS);
  let answerLost = false;
  let last: Change<Result> | undefined;
  for (let attempt = 1; ; attempt++) {
    const snapshot = await readSnapshot(
      client,
      target,
      options.files,
      answerLost ? HISTORY_DEPTH : undefined,
    );
    const own = answerLost ? findByKey(snapshot, options.key) : undefined;
    if (own !== undefined && last !== undefined) {
      return { result: last.result, commit: own, branch: snapshot.branch, attempts: attempt };
    }
    const change = await compute(snapshot.tree);
    last = change;
    if (change.edits.size === 0) {
      return { result: change.result, commit: undefined, branch: snapshot.branch, attempts: attempt };
    }
    try {
      const commit = await writeCommit(client, full, snapshot, change.edits, change.message, options.key);
      return { result: change.result, commit, branch: snapshot.branch, attempts: attempt };
    } catch (error) {
      const fault = error instanceof GitHubError ? error.fault : undefined;
      const retry = fault === undefined ? undefined : retryAfter(fault, attempt, timing.random);
      if (fault === undefined || retry === undefined) {
        throw explainWrite(error, full, snapshot.branch);
      }
      answerLost ||= fault.kind === 'unavailable';
      if (timing.now() + retry.pauseMs > deadline) {
        throw outOfTime(error, full, attempt, answerLost);
      }
      options.onRetry?.(retry.reason, attempt, retry.pauseMs);
      await timing.sleep(retry.pauseMs);
    }
  }
}

function retryAfter(
  fault: GitHubFault,
  attempt: number,
  random: () => number,
): { readonly reason: string; readonly pauseMs: number } | undefined {
  switch (fault.kind) {
    case 'stale':
      return { reason: 'somebody else committed first', pauseMs: fullJitter(attempt, RACE_BACKOFF, random) };
    case 'unavailable':
      return { reason: 'no answer from GitHub', pauseMs: fullJitter(attempt, OUTAGE_BACKOFF, random) };
    case 'limited':
      return { reason: 'GitHub asks to wait', pauseMs: limitPause(fault, random) };
    default:
      return undefined;
  }
}

function findByKey(snapshot: Snapshot, key: string): CommitReference | undefined {
  const found = snapshot.history.find(({ message }) =>
    parseTrailers(message).some(({ name, value }) => name === KEY_TRAILER && value === key),
  );
  return found === undefined ? undefined : { oid: found.oid, url: found.url };
}

async function writeCommit(
  client: GitHubClient,
  full: string,
  snapshot: Snapshot,
  edits: FileEdits,
  message: CommitMessage,
  key: string,
): Promise<CommitReference> {
  const files = [...edits];
  const keyed = { ...message, trailers: [...message.trailers, { name: KEY_TRAILER, value: key }] };
  const input = {
    branch: { repositoryNameWithOwner: full, branchName: snapshot.branch },
    expectedHeadOid: snapshot.head,
    message: { headline: oneLine(message.headline), body: formatBody(keyed) },
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
    throw new GitHubError(fault, 'createCommitOnBranch', { cause: undefined });
  }
  return { oid: commit.oid, url: commit.url };
}

function explainWrite(error: unknown, full: string, branch: string): Failure {
  return explainFault(error, `commit to ${full}, branch ${branch}`, {
    denied: `Give the GitHub App the permission contents: write on ${full} (docs/setup.md, "GitHub App").`,
    missing: `Give the GitHub App the permission contents: write on ${full} (docs/setup.md, "GitHub App").`,
  });
}

function outOfTime(error: unknown, full: string, attempts: number, answerLost: boolean): Failure {
  const said = error instanceof GitHubError ? ` The last answer: ${error.fault.message}` : '';
  return couldNot(
    answerLost
      ? `GitHub did not answer, so it is not known whether the commit to ${full} was made (${attempts} attempts).${said}`
      : `The commit to ${full} was not made in time (${attempts} attempts).${said}`,
    {
      todo: 'Run it again: when the commit is there, it is seen and nothing is written twice.',
      reason: answerLost ? 'unknown-outcome' : 'out-of-time',
      cause: error,
    },
  );
}
