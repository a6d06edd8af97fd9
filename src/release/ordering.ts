import { sameRepositoryName } from '../github/repository-name.ts';
import type { Source } from './source.ts';
import type { Ancestry } from './source-history.ts';

/** Who built an image and when, as far as ordering needs it. */
export interface Build {
  readonly source: Source;
  /** The number of the run; grows within one workflow of one repository, and says nothing beyond it. */
  readonly build: number | undefined;
  /** The file of the workflow that built it, e.g. `deploy.yml`. */
  readonly workflow: string | undefined;
}

/**
 * - `newer`: deploy it.
 * - `older`: a later commit is there already; nothing to do.
 * - `diverged`: neither contains the other; a person must say that it is meant.
 * - `unknown`: the commits could not be compared.
 */
export type Order = 'newer' | 'older' | 'diverged' | 'unknown';

/**
 * Which of two builds is newer. The commits decide; the number of the run breaks ties of one commit, and only within
 * one workflow, because numbers of different workflows have nothing to do with each other.
 *
 * A build of another repository cannot be compared with what is recorded: that counts as diverged.
 */
export function orderOf(recorded: Build, incoming: Build, ancestry: Ancestry): Order {
  if (!sameRepositoryName(recorded.source.repository, incoming.source.repository)) {
    return 'diverged';
  }
  if (ancestry !== 'same') {
    return ancestry;
  }
  const comparable =
    recorded.build !== undefined && incoming.build !== undefined && recorded.workflow === incoming.workflow;
  return comparable && incoming.build < recorded.build ? 'older' : 'newer';
}
