import type { Awaited, Lookout, Sight } from '../../src/deploy/lookout.ts';
import type { Branch, Commit } from './github.ts';
import type { Runner, Turns } from './turns.ts';

/**
 * What becomes of a build in a cluster: `slow` needs nine minutes; `degraded` runs and crashes; the migration of
 * `hook-failed` fails, and none is run on the way back; that of `hanging` never ends by itself.
 */
export type Fate = 'healthy' | 'slow' | 'degraded' | 'hook-failed' | 'hanging';

/** Argo CD does not answer for a cluster. Milliseconds since the epoch. */
export interface Outage {
  readonly cluster: string;
  readonly from: number;
  readonly to: number;
}

export interface Place {
  readonly app: string;
  readonly environment: string;
  readonly cluster: string;
}

/** What the files of a commit say that a cluster is to run. */
export interface Desired {
  readonly tag: string;
  /** No migration is rendered. */
  readonly rollback: boolean;
}

interface Operation {
  readonly index: number;
  readonly desired: Desired;
  readonly since: number;
}

/** One Argo CD Application. */
class Application {
  readonly place: Place;
  /** The newest commit that it compared with. */
  compared = 0;
  operation: Operation | undefined;
  /** The one that ended last. */
  ended: { readonly index: number; readonly desired: Desired; readonly succeeded: boolean } | undefined;
  live: Desired | undefined;

  constructor(place: Place) {
    this.place = place;
  }
}

const OPERATION_MS = 30_000;
const SLOW_MS = 9 * 60_000;

/** The clusters, and the Argo CD of each, which follows the head of the branch. */
export class Clusters {
  readonly #applications: readonly Application[];
  readonly #fateOf: (place: Place, tag: string) => Fate;
  readonly #desiredAt: (commit: Commit, place: Place) => Desired | undefined;
  readonly branch: Branch;
  outages: readonly Outage[];

  constructor(options: {
    readonly places: readonly Place[];
    readonly branch: Branch;
    readonly outages: readonly Outage[];
    readonly fateOf: (place: Place, tag: string) => Fate;
    readonly desiredAt: (commit: Commit, place: Place) => Desired | undefined;
  }) {
    this.#applications = options.places.map((place) => new Application(place));
    this.#fateOf = options.fateOf;
    this.#desiredAt = options.desiredAt;
    this.branch = options.branch;
    this.outages = options.outages;
  }

  /** Lets time pass up to a moment. */
  advance(now: number): void {
    for (const application of this.#applications) {
      const { operation, place } = application;
      const fate = operation === undefined ? undefined : this.#fateOf(place, operation.desired.tag);
      if (operation !== undefined && fate !== undefined && now - operation.since >= lasts(fate, operation)) {
        const succeeded = fate !== 'hook-failed' || operation.desired.rollback;
        application.ended = { ...operation, succeeded };
        application.operation = undefined;
        if (succeeded) application.live = operation.desired;
      }
      const index = this.branch.commits.length - 1;
      application.compared = index;
      const desired = this.#desiredAt(this.branch.head, place);
      if (application.operation !== undefined || desired === undefined) continue;
      const { ended } = application;
      const isSynced = ended !== undefined && sameDesired(ended.desired, desired);
      // One that failed is tried again at the next commit (Argo CD: once a revision).
      if (!isSynced || (!ended.succeeded && ended.index < index)) {
        application.operation = { index, desired, since: now };
      }
    }
  }

  /** What runs healthy in a cluster; undefined when it is on its way, or unhealthy. */
  healthy(app: string, cluster: string): string | undefined {
    const { live, operation, place } = this.#find(app, cluster);
    const isDegraded = live !== undefined && this.#fateOf(place, live.tag) === 'degraded';
    return operation === undefined && !isDegraded ? live?.tag : undefined;
  }

  lookout(runner: Runner, turns: Turns): Lookout {
    return {
      look: async (awaited) => {
        await turns.turn(runner);
        return awaited.map((each) => this.#sight(each, turns.now));
      },
      pause: () => turns.sleep(runner, LOOK_EVERY_MS),
      explain: async () => ({}),
      endOperation: async ({ app, cluster }) => {
        await turns.turn(runner);
        const application = this.#find(app, cluster);
        if (application.operation === undefined) return false;
        application.ended = { ...application.operation, succeeded: false };
        application.operation = undefined;
        return true;
      },
      close: () => {},
    };
  }

  #find(app: string, cluster: string): Application {
    const found = this.#applications.find(({ place }) => place.app === app && place.cluster === cluster);
    if (found === undefined) throw new Error(`no application ${app} in ${cluster}`);
    return found;
  }

  #sight({ app, cluster, commit, images }: Awaited, now: number): Sight {
    const unseen = { seen: false, blocked: false } as const;
    if (this.outages.some((each) => each.cluster === cluster && each.from <= now && now < each.to)) {
      return { ...unseen, state: 'unknown', words: 'Argo CD does not answer' };
    }
    const { compared, operation, ended, live, place } = this.#find(app, cluster);
    const index = this.branch.indexOf(commit);
    if (compared < index) return { ...unseen, state: 'waiting', words: 'an older commit is compared' };
    const seen = { seen: true, blocked: false } as const;
    if (operation !== undefined) {
      return { ...seen, blocked: operation.index < index, state: 'waiting', words: 'syncing' };
    }
    if (ended?.succeeded !== true) return { ...seen, state: 'failed', words: 'the migration failed' };
    if (live === undefined) return { ...seen, state: 'waiting', words: 'nothing runs yet' };
    if (this.#fateOf(place, live.tag) === 'degraded')
      return { ...seen, state: 'failed', words: 'it crashes' };
    const isOurs = images.some((image) => image.includes(`:${live.tag}@`));
    return isOurs
      ? { ...seen, state: 'done', words: 'healthy' }
      : { ...seen, state: 'waiting', words: 'another image runs' };
  }
}

/** Rarer than in reality, so that a story is short. */
const LOOK_EVERY_MS = 60_000;

const lasts = (fate: Fate, { desired }: Operation): number =>
  fate === 'hanging' && !desired.rollback
    ? Number.POSITIVE_INFINITY
    : fate === 'slow'
      ? SLOW_MS
      : OPERATION_MS;

const sameDesired = (a: Desired, b: Desired): boolean => a.tag === b.tag && a.rollback === b.rollback;
