import { explainFault, type GitHubClient, GitHubError, limitPause } from '../github/client.ts';
import type { GitHubFault } from '../github/fault.ts';
import { formatRepositoryName } from '../github/repository-name.ts';
import { fullJitter, type Timing } from '../github/timing.ts';
import { couldNot, Failure } from '../report/failure.ts';
import type { Merging } from './auto-merge.ts';
import type { Change, ComputeChange } from './change.ts';
import { type CommitReference, writeCommit } from './commit.ts';
import { KEY_TRAILER, parseTrailers } from './commit-message.ts';
import { type ProposalPolicy, propose } from './proposal.ts';
import type { PullRequestReference } from './pull-request.ts';
import { type BranchTarget, readSnapshot, type Snapshot } from './snapshot.ts';

/** What became of a change. */
export interface Applied<Result> {
  readonly result: Result;
  /** False when there was nothing to do. */
  readonly changed: boolean;
  /** The commit on the branch; undefined for a pull request that waits, and when there was nothing to do. */
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
 * The waits after a lost race, in units of the lost attempt (about 0.1 s beside GitHub, up to 1 s from afar): a loser
 * returns at any time within the next 4 attempts, then 8, then 16.
 *
 * A write that loses does not harm the winner: as long as one of the writers is under way at any moment, one commit
 * lands after the other without a gap. More of them at once only waste requests that GitHub counts (80 writes a minute),
 * fewer leave gaps. Simulated for 100 writers at once, who end after 9 s of 100 ms attempts and after 60 s of 700 ms
 * ones, with 5 writes a commit; twice the bound saves no tenth of the writes and takes a fifth longer, waits that go
 * on doubling take twice as long, for the last writers sleep while nobody writes.
 */
const raceBackoff = (tookMs: number) => {
  const attemptMs = Math.min(Math.max(tookMs, 50), 1_000);
  return { baseMs: 4 * attemptMs, capMs: 16 * attemptMs };
};

const OUTAGE_BACKOFF = { baseMs: 500, capMs: 15_000 } as const;

/** GitHub counts requests that create content by the minute. */
const LIMIT_SPREAD_MS = 60_000;

/** How far back we look for our own commit. */
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
  const sent: Sent<Result> = { last: undefined, answerLost: false, lookedAgain: false };
  try {
    return await keepTrying(client, target, compute, options, sent);
  } catch (error) {
    if (sent.answerLost && error instanceof Failure && error.exitCode === 2) {
      throw unknownOutcome(error, formatRepositoryName(target.repository));
    }
    throw error;
  }
}

/** What was sent so far. */
interface Sent<Result> {
  last: Change<Result> | undefined;
  /** A write was sent, and whether it happened is not known. */
  answerLost: boolean;
  lookedAgain: boolean;
}

async function keepTrying<Result>(
  client: GitHubClient,
  target: BranchTarget,
  compute: ComputeChange<Result>,
  options: ApplyOptions,
  sent: Sent<Result>,
): Promise<Applied<Result>> {
  const { timing } = options;
  const full = formatRepositoryName(target.repository);
  const deadline = timing.now() + (options.patienceMs ?? DEFAULT_PATIENCE_MS);
  for (let attempt = 1; ; attempt++) {
    const began = timing.now();
    // Without an answer our commit may be there; and what we proposed, another run may have found and merged.
    const mayBeThere = sent.answerLost || sent.last?.via === 'pull-request';
    const depth = mayBeThere ? HISTORY_DEPTH : undefined;
    const snapshot = await readSnapshot(client, target, options.files, depth);
    const about = {
      branch: snapshot.branch,
      attempts: attempt,
      commit: undefined,
      pullRequest: undefined,
      merging: 'no',
    } as const;
    const own = findByKey(snapshot, options.key);
    if (own !== undefined && sent.last !== undefined) {
      const merging = sent.last.via === 'pull-request' ? 'merged' : 'no';
      return { ...about, result: sent.last.result, changed: true, commit: own, merging };
    }
    const computed = await compute(snapshot.tree);
    if (computed.edits.size === 0) {
      return { ...about, result: computed.result, changed: false };
    }
    const change = withKey(computed, options.key);
    sent.last = change;
    try {
      if (change.via === 'pull-request') {
        const proposed = await propose(client, target, snapshot, change, compute, options.proposal);
        return { ...about, ...proposed };
      }
      const commit = await writeCommit(client, target, snapshot, change.edits, change.message);
      return { ...about, result: change.result, changed: true, commit };
    } catch (error) {
      if (!(error instanceof GitHubError)) {
        throw explainWrite(error, full, snapshot.branch, change.via);
      }
      let pause = pauseAfter(error.fault, attempt, timing.now() - began, timing.random);
      if (pause === undefined && sent.answerLost && !sent.lookedAgain) {
        // What we sent before may have landed after we read: then it is refused a second time (a merge: 405).
        sent.lookedAgain = true;
        pause = 0;
      }
      if (pause === undefined) {
        throw explainWrite(error, full, snapshot.branch, change.via);
      }
      sent.answerLost ||= error.mayHaveHappened;
      if (timing.now() + pause > deadline) {
        throw outOfTime(error, full, attempt);
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
function pauseAfter(
  fault: GitHubFault,
  attempt: number,
  tookMs: number,
  random: () => number,
): number | undefined {
  switch (fault.kind) {
    case 'stale':
      return fullJitter(attempt, raceBackoff(tookMs), random);
    case 'unavailable':
      return fullJitter(attempt, OUTAGE_BACKOFF, random);
    case 'limited': {
      // Whoever is turned away with us comes back too: spread, or all race each other and are turned away again.
      const asked = limitPause(fault, random);
      return asked + random() * Math.min(asked, LIMIT_SPREAD_MS);
    }
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

function outOfTime(error: GitHubError, full: string, attempts: number): Failure {
  return couldNot(
    `The change did not reach ${full} in time (${attempts} attempts). The last answer: ${error.fault.message}`,
    { todo: 'Run it again.', reason: 'out-of-time', cause: error },
  );
}

function unknownOutcome(failure: Failure, full: string): Failure {
  return couldNot(
    `GitHub did not answer, so it is not known whether the change reached ${full}. Afterwards: ${failure.message}`,
    {
      todo: 'Run it again: when the change is there, that is seen, and nothing is written twice.',
      reason: 'unknown-outcome',
      cause: failure,
    },
  );
}
