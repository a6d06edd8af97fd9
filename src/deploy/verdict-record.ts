import pLimit from 'p-limit';
import type { GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import type { Timing } from '../github/timing.ts';
import { type VerdictState, writeVerdict } from '../release/verdict.ts';
import { Failure } from '../report/failure.ts';
import type { Following, Outcome } from './follow.ts';
import type { Awaited } from './lookout.ts';

/**
 * While a verdict is pending, one of the commit's is written again so often (milliseconds): it is one run that waits for
 * all of them, and GitHub counts writes.
 */
const HEARTBEAT_MS = 4 * 60_000;

/** When no verdict of a commit was written for so long, and one is pending, the run that waited is dead. */
export const DEAD_AFTER_MS = 3 * HEARTBEAT_MS;

/** GitHub asks for no more than a few writes at once ("Best practices for using the REST API"). */
const WRITES_AT_ONCE = 4;

export interface VerdictRecordDeps {
  readonly client: GitHubClient;
  readonly repository: RepositoryName;
  readonly timing: Timing;
  /** The page of the run. */
  readonly run: string | undefined;
  /** Told when a write that only says "still here" failed. */
  readonly onTrouble: (words: string) => void;
}

/** The verdicts of one commit, as one run writes them. */
export class VerdictRecord {
  readonly #deps: VerdictRecordDeps;
  readonly #commit: string;
  readonly #limit = pLimit(WRITES_AT_ONCE);
  #writtenAt: number;

  constructor(deps: VerdictRecordDeps, commit: string) {
    this.#deps = deps;
    this.#commit = commit;
    this.#writtenAt = deps.timing.now();
  }

  /** Says of each that it is waited for. From now on somebody finishes this deploy, whatever happens to this run. */
  async begin(awaited: readonly Awaited[]): Promise<void> {
    await this.#write(awaited.map((each) => [each, 'pending', 'waiting for Argo CD']));
  }

  /** Says from time to time that somebody still waits. A failure of that is no failure of the deploy. */
  async alive(all: readonly Following[]): Promise<void> {
    const { timing, onTrouble } = this.#deps;
    const open = all.find(({ outcome }) => outcome === undefined);
    if (open === undefined || timing.now() - this.#writtenAt < HEARTBEAT_MS) {
      return;
    }
    const at = new Date(timing.now()).toISOString().slice(11, 16);
    try {
      await this.#write([
        [open.awaited, 'pending', `${at} UTC: ${open.sight?.words ?? 'waiting for Argo CD'}`],
      ]);
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      onTrouble(error.message);
    }
  }

  /** Writes what is decided. */
  async decided(all: readonly Following[]): Promise<void> {
    await this.#write(
      all.flatMap(({ awaited, outcome }) =>
        outcome === undefined ? [] : [[awaited, ...verdictText(outcome)] as const],
      ),
    );
  }

  /** Says that nothing was found out, as far as that can be said. */
  async gaveUp(awaited: readonly Awaited[], why: string): Promise<void> {
    try {
      await this.#write(awaited.map((each) => [each, 'error', `could not find out: ${why}`]));
    } catch (error) {
      // The error that ended the waiting is the one to tell.
      if (!(error instanceof Failure)) {
        throw error;
      }
    }
  }

  /** Ends what is still pending. */
  async close(all: readonly Following[], why: string): Promise<void> {
    await this.#write(
      all.flatMap(({ awaited, outcome }) =>
        outcome === undefined ? [[awaited, 'error', why] as const] : [],
      ),
    );
  }

  async #write(verdicts: readonly (readonly [Awaited, VerdictState, string])[]): Promise<void> {
    const { client, repository, timing, run } = this.#deps;
    await Promise.all(
      verdicts.map(([{ app, cluster }, state, description]) =>
        this.#limit(() =>
          writeVerdict(client, repository, this.#commit, { app, cluster, state, description, url: run }),
        ),
      ),
    );
    if (verdicts.length > 0) {
      this.#writtenAt = timing.now();
    }
  }
}

/** How an outcome is recorded: the state, and one sentence. */
export function verdictText(outcome: Outcome): readonly [VerdictState, string] {
  switch (outcome.kind) {
    case 'healthy':
      return ['success', 'runs this commit and is healthy'];
    case 'failed':
      return ['failure', outcome.cause];
    case 'superseded':
      return ['error', `not judged: deployed again by ${outcome.by}`];
    case 'unknown':
      return ['error', `could not find out: ${outcome.cause}`];
  }
}
