import { explainFault, type GitHubClient, GitHubError, limitPause } from '../github/client.ts';
import type { GitHubFault } from '../github/fault.ts';
import { fullJitter, type Timing } from '../github/timing.ts';
import { couldNot, type Failure } from '../report/failure.ts';
import type { Change, ComputeChange } from './change.ts';
import { type CommitReference, writeCommit } from './commit.ts';
import { KEY_TRAILER, parseTrailers } from './commit-message.ts';
import { type Merging, type ProposalPolicy, type PullRequestReference, propose } from './proposal.ts';
import { type BranchTarget, readSnapshot, type Snapshot } from './snapshot.ts';

/** What became of a change. */
export interface Applied<Result> {
  readonly result: Result;
  /** False when there was nothing to do. */
  readonly changed: boolean;
  /** The commit on the branch; undefined for a pull request, and when there was nothing to do. */
  readonly commit: CommitReference | undefined;
  readonly pullRequest: PullRequestReference | undefined;
  readonly merging: Merging;
  /** The branch that was read. */
  readonly branch: string;
  /** How often it was read and tried; 1 when nobody else wrote. */
  readonly attempts: number;
}

export interface ApplyOptions {
  /** Files that the change surely reads: fetched together with the head. */
  readonly files: readonly string[];
  /** Names this one change for good, so that its commit is known again: unique to the run and its purpose. */
  readonly key: string;
  /** How to make a pull request of it, when the change asks for one. */
  readonly proposal: ProposalPolicy;
  readonly timing: Timing;
  /** When to stop trying, in milliseconds from now. Default: 5 minutes. */
  readonly patienceMs?: number;
  /** Called before each wait, for progress. */
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

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
 * Computes a change at the head of a branch and brings it there, all files or none, once: as a commit, or as a pull
 * request when the change says so.
 *
 * - Lost race: read again, compute again, after a pause with full jitter.
 * - No answer: look for our own key in the history before anything is written again. A write that is still on its way
 *   cannot land twice: after ours, its expected head is no longer the head.
 * - Limited: wait as long as GitHub asks.
 *
 * @throws Failure (exit 2) when GitHub refuses, or when time is up; what the computation throws is passed on
 */
export async function applyChange<Result>(
  client: GitHubClient,
  target: BranchTarget,
  compute: ComputeChange<Result>,
  options: ApplyOptions,
): Promise<Applied<Result>> {
  const { timing } = options;
  const full = `${target.repository.owner}/${target.repository.name}`;
  const deadline = timing.now() + (options.patienceMs ?? DEFAULT_PATIENCE_MS);
  let last: Change<Result> | undefined;
  let answerLost = false;
  for (let attempt = 1; ; attempt++) {
    const snapshot = await readSnapshot(
      client,
      target,
      options.files,
      answerLost ? HISTORY_DEPTH : undefined,
    );
    const about = {
      branch: snapshot.branch,
      attempts: attempt,
      commit: undefined,
      pullRequest: undefined,
      merging: 'no',
    } as const;
    const own = findByKey(snapshot, options.key);
    if (own !== undefined && last !== undefined) {
      return { ...about, result: last.result, changed: true, commit: own };
    }
    const computed = await compute(snapshot.tree);
    if (computed.edits.size === 0) {
      return { ...about, result: computed.result, changed: false };
    }
    const change = withKey(computed, options.key);
    last = change;
    try {
      if (change.via === 'pull-request') {
        const proposed = await propose(client, target, snapshot, change, compute, options.proposal);
        return { ...about, ...proposed };
      }
      const commit = await writeCommit(client, target, snapshot, change.edits, change.message);
      return { ...about, result: change.result, changed: true, commit };
    } catch (error) {
      const pause =
        error instanceof GitHubError ? pauseAfter(error.fault, attempt, timing.random) : undefined;
      if (!(error instanceof GitHubError) || pause === undefined) {
        throw explainWrite(error, full, snapshot.branch, change.via);
      }
      answerLost ||= error.fault.kind === 'unavailable';
      if (timing.now() + pause > deadline) {
        throw outOfTime(error, full, attempt, answerLost);
      }
      options.onRetry?.(REASONS[error.fault.kind] ?? error.fault.message, attempt, pause);
      await timing.sleep(pause);
    }
  }
}

const withKey = <Result>(change: Change<Result>, key: string): Change<Result> => ({
  ...change,
  message: {
    ...change.message,
    trailers: [...change.message.trailers, { name: KEY_TRAILER, value: key }],
  },
});

const REASONS: Partial<Record<GitHubFault['kind'], string>> = {
  stale: 'somebody else committed first',
  unavailable: 'no answer from GitHub',
  limited: 'GitHub asks to wait',
};

/** Milliseconds, or undefined when sending it again cannot help. */
function pauseAfter(fault: GitHubFault, attempt: number, random: () => number): number | undefined {
  switch (fault.kind) {
    case 'stale':
      return fullJitter(attempt, RACE_BACKOFF, random);
    case 'unavailable':
      return fullJitter(attempt, OUTAGE_BACKOFF, random);
    case 'limited':
      return limitPause(fault, random);
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

function explainWrite(error: unknown, full: string, branch: string, via: Change<unknown>['via']): Failure {
  const permissions = via === 'pull-request' ? 'contents: write and pull_requests: write' : 'contents: write';
  const todo = `Give the GitHub App ${permissions} on ${full} (docs/setup.md, "GitHub App").`;
  return explainFault(
    error,
    via === 'pull-request' ? `propose the change in ${full}` : `commit to ${full}, branch ${branch}`,
    { denied: todo, missing: todo },
  );
}

function outOfTime(error: GitHubError, full: string, attempts: number, answerLost: boolean): Failure {
  return couldNot(
    answerLost
      ? `GitHub did not answer, so it is not known whether the change reached ${full} (${attempts} attempts). The last answer: ${error.fault.message}`
      : `The change did not reach ${full} in time (${attempts} attempts). The last answer: ${error.fault.message}`,
    {
      todo: 'Run it again: when the change is there, that is seen, and nothing is written twice.',
      reason: answerLost ? 'unknown-outcome' : 'out-of-time',
      cause: error,
    },
  );
}
