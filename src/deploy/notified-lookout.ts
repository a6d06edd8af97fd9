import { cleanLine } from '../argocd/cluster-text.ts';
import type { GitHubClient } from '../github/client.ts';
import { type CommitStatus, readStatuses } from '../github/commit-statuses.ts';
import type { Timing } from '../github/timing.ts';
import { Failure } from '../report/failure.ts';
import type { BranchTarget } from '../repository/snapshot.ts';
import { readRecentCommits } from './deploy-history.ts';
import type { Awaited, Explained, Lookout, Sight } from './lookout.ts';

export interface NotifiedLookoutOptions {
  readonly client: GitHubClient;
  readonly target: BranchTarget;
  readonly timing: Timing;
}

/** The name of the commit status that Argo CD's notifications write (scaffold/argocd-notifications.ts). */
export const notifiedContext = (application: string): string => `argocd/${application}`;

/** Two requests of GitHub each time. */
const LOOK_EVERY_MS = 10_000;

/**
 * Looks at what Argo CD's notifications wrote to GitHub, where the runner cannot reach Argo CD itself.
 *
 * It knows less than the API: a commit that changes nothing in an application, or cannot be rendered, is never notified, and an
 * operation that hangs cannot be ended (docs/setup.md, "Where runners cannot reach Argo CD").
 */
export class NotifiedLookout implements Lookout {
  readonly #options: NotifiedLookoutOptions;

  constructor(options: NotifiedLookoutOptions) {
    this.#options = options;
  }

  async look(awaited: readonly Awaited[]): Promise<readonly Sight[]> {
    const { client, target } = this.#options;
    try {
      const commits = (await readRecentCommits(client, target)).map(({ oid }) => oid);
      const wanted = awaited.flatMap(({ commit }) => since(commit, commits));
      const statuses = await readStatuses(client, target.repository, wanted);
      return awaited.map((each) => sightOf(each, commits, statuses));
    } catch (error) {
      if (error instanceof Failure && error.reason !== 'github-denied') {
        return awaited.map(() => ({ state: 'unknown', words: error.message, seen: false, blocked: false }));
      }
      throw error;
    }
  }

  async pause(): Promise<void> {
    await this.#options.timing.sleep(LOOK_EVERY_MS);
  }

  async explain(): Promise<Explained> {
    return {};
  }

  async endOperation(): Promise<boolean> {
    return false;
  }

  close(): void {}
}

/** A commit and those after it, newest first. Of one that is older than all that were read, every other one is later. */
function since(commit: string, commits: readonly string[]): readonly string[] {
  const index = commits.indexOf(commit);
  return index < 0 ? [...commits, commit] : commits.slice(0, index + 1);
}

function sightOf(
  { application, commit }: Awaited,
  commits: readonly string[],
  statuses: ReadonlyMap<string, readonly CommitStatus[]>,
): Sight {
  // Argo CD may go past our commit to a later one: what it says of that holds for ours too.
  const all = since(commit, commits)
    .flatMap((oid) => statuses.get(oid) ?? [])
    .filter(({ context }) => context === notifiedContext(application));
  // What came after it was healthy once is not about our commit any more.
  const said =
    all.find(({ state }) => state === 'success') ??
    all.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  if (said === undefined) {
    return {
      state: 'waiting',
      words: 'Argo CD has notified nothing about it yet',
      seen: false,
      blocked: false,
    };
  }
  return {
    state: STATES[said.state],
    words: cleanLine(said.description),
    todo: said.url ? `Look at ${said.url}.` : undefined,
    seen: true,
    blocked: false,
  };
}

/** An `error` says that Argo CD's notifications cannot tell. */
const STATES = { pending: 'waiting', success: 'done', failure: 'failed', error: 'unknown' } as const;
