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
 * It knows less than the API: a commit that changes nothing in an application is never notified, a health that is stale
 * for a moment may be, and an operation that hangs cannot be ended.
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
      const statuses = await readStatuses(client, target.repository, upTo(commits, awaited));
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

/** The commits from the head back to the oldest one that is waited for. */
function upTo(commits: readonly string[], awaited: readonly Awaited[]): readonly string[] {
  const oldest = Math.max(...awaited.map(({ commit }) => commits.indexOf(commit)));
  return commits.slice(0, oldest + 1);
}

function sightOf(
  { application, commit }: Awaited,
  commits: readonly string[],
  statuses: ReadonlyMap<string, readonly CommitStatus[]>,
): Sight {
  // Argo CD may go past our commit to a later one: what it says of that holds for ours too.
  const said = upTo(commits, [{ commit } as Awaited])
    .flatMap((oid) => statuses.get(oid) ?? [])
    .filter(({ context }) => context === notifiedContext(application))
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  const base = { seen: said !== undefined, blocked: false };
  switch (said?.state) {
    case undefined:
      return { ...base, state: 'waiting', words: 'Argo CD has notified nothing about it yet' };
    case 'success':
      return { ...base, state: 'done', words: said.description };
    case 'failure':
      return { ...base, state: 'failed', words: said.description, todo: said.url && `Look at ${said.url}.` };
    default:
      return { ...base, state: 'waiting', words: said?.description ?? '' };
  }
}
