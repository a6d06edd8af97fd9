import type { Timing } from '../github/timing.ts';
import type { ApplicationStatus } from './application-status.ts';
import type { ArgoCdClient, ObjectQuery } from './client.ts';
import { ArgoCdError } from './fault.ts';
import { type ClusterAnswer, type Judgement, liveWitness, type Reading } from './judge.ts';
import type { ResourceTree } from './resource-tree.ts';

/** What to watch on one server. */
export interface WatchOptions {
  readonly client: ArgoCdClient;
  readonly timing: Timing;
  /** Names of applications. */
  readonly applications: readonly string[];
  /** Narrows the list to them, as far as labels can: `kajitori.dev/app in (api,web)`. */
  readonly selector?: string | undefined;
  /**
   * Called with every look at an application; what it answers decides how the watch goes on. It is synchronous: whoever
   * explains things does it on the side.
   */
  readonly onReading: (name: string, reading: Reading) => Interest;
  /** Called once for each stretch of trouble, and with undefined when it is over. */
  readonly onTrouble?: ((trouble: WatchTrouble | undefined) => void) | undefined;
  /** How long Argo CD may be out of reach, or an application out of sight, before the watch gives up. Default 2 minutes. */
  readonly patienceMs?: number;
  /** Between looks. Default 1.25 s, with which also a short watch stays at one request a second; never less than 1 s. */
  readonly intervalMs?: number;
  /** Asks Argo CD to look at git, once for each application: when it has not heard of the commit. Default true. */
  readonly refresh?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * - `over`: nothing more is to be known of it.
 * - `refresh`: it has not seen the commit.
 * - `tree`: its live objects would tell more.
 * - `cluster`: only a live read would tell more.
 * - `look`: only look again.
 */
export type Interest = 'over' | 'refresh' | 'tree' | 'cluster' | 'look';

/** Argo CD could not be asked, or does not show an application. */
export interface WatchTrouble {
  readonly words: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Applications of which nothing is known at this moment. */
  readonly applications: readonly string[];
  readonly error: ArgoCdError;
}

/** How a watch ended: everything is over, or some could not be found out. */
export interface WatchEnd {
  readonly unknown: readonly WatchTrouble[];
}

/** A webhook is as fast, and costs no request: so it is given a moment, and a longer one where many would have to be asked. */
const FEW = 4;
const REFRESH_FEW_AFTER_MS = 1_000;
const REFRESH_MANY_AFTER_MS = 3_000;

/** A refresh that was lost (a controller that restarted) is asked for again. */
const REFRESH_AGAIN_MS = 60_000;

/** A tree tells of pods, which change slowly; and each is a request of its own. */
const TREE_EVERY_MS = 10_000;

/** A cluster is asked once for all its applications, and again after so long. */
const CLUSTER_EVERY_MS = 10_000;

/** Not longer than this between looks when Argo CD is out of reach. */
const SLOWEST_MS = 8_000;

/** What to do next about an application that was judged so. */
export const interestOf = ({ state, wants }: Judgement): Interest =>
  state === 'done' || state === 'failed' ? 'over' : (wants ?? 'look');

/**
 * Watches applications of one server until all are over: one list an interval for however many. Where more helps (a refresh, a
 * resource tree) the next list waits an interval longer for each such request, so that it is never more than one a second. It
 * has no deadline: that is the caller's, by `signal`.
 *
 * A flaky answer is looked over: only what lasts longer than `patienceMs` ends the watch, as something that could not be found
 * out. A token that is refused ends it at once.
 *
 * @throws ArgoCdError `denied` or `missing` (no such API); whatever aborts the signal
 */
export async function watchApplications(options: WatchOptions): Promise<WatchEnd> {
  const { timing, patienceMs = 120_000 } = options;
  const intervalMs = Math.max(1_000, options.intervalMs ?? 1_250);
  const watched = new Map<string, Watched>(
    options.applications.map((name) => [name, { name, lastSeen: timing.now() }]),
  );
  const clusters: ClusterAnswers = new Map();
  const unknown: WatchTrouble[] = [];
  let trouble: { error: ArgoCdError; since: number; told: boolean } | undefined;
  let fails = 0;

  const giveUp = (each: Watched, error: ArgoCdError): void => {
    watched.delete(each.name);
    unknown.push({ words: error.message, since: each.lastSeen, applications: [each.name], error });
  };
  const tell = (error: ArgoCdError): void => {
    if (trouble === undefined) {
      trouble = { error, since: timing.now(), told: false };
    } else if (!trouble.told) {
      // The second in a row: one lost answer is nothing to speak of.
      trouble.told = true;
      options.onTrouble?.({
        words: error.message,
        since: trouble.since,
        applications: [...watched.keys()],
        error,
      });
    }
  };

  while (watched.size > 0) {
    options.signal?.throwIfAborted();
    const started = timing.now();
    const listed = await look(options, (error) => {
      // A proxy's page of maintenance is no answer either; a wrong token or address stays wrong.
      if (error.fault === 'denied' || error.fault === 'missing') throw error;
      fails += 1;
      tell(error);
      for (const each of watched.values()) {
        if (timing.now() - each.lastSeen >= patienceMs) giveUp(each, error);
      }
    });
    if (listed !== undefined) {
      fails = 0;
      const missing = readAll(options, { watched, clusters }, listed, timing.now());
      if (missing.length === 0) {
        if (trouble?.told === true) options.onTrouble?.(undefined);
        trouble = undefined;
      } else {
        const error = unseen(missing);
        tell(error);
        for (const each of missing) if (timing.now() - each.lastSeen >= patienceMs) giveUp(each, error);
      }
    }
    if (watched.size === 0) break;
    const more = listed === undefined ? 0 : await askMore(options, watched, clusters);
    // As many intervals as requests; and no more than half of the time is spent on asking a server that is slow.
    const pause =
      listed === undefined
        ? Math.min(SLOWEST_MS, intervalMs * 2 ** Math.min(fails, 10))
        : intervalMs * (1 + more);
    const elapsed = timing.now() - started;
    options.signal?.throwIfAborted();
    await timing.sleep(Math.max(pause - elapsed, elapsed));
  }
  return { unknown };
}

interface Watched {
  readonly name: string;
  /** When anything was known of it last; at first, when the watch began. */
  lastSeen: number;
  interest?: Interest;
  status?: ApplicationStatus;
  /** The operation that was under way or ended last. */
  sync?: string;
  /** Since when it wants to be refreshed. */
  wantsRefreshSince?: number | undefined;
  refreshedAt?: number;
  tree?: { readonly of: string | undefined; readonly at: number; readonly tree: ResourceTree | undefined };
}

/** What clusters answered last, by `clusterOf`, and when they were asked. */
type ClusterAnswers = Map<string, DatedAnswer>;
type DatedAnswer = ClusterAnswer & { readonly at: number };

/** That it answered holds for a while; that it did not, until it is asked again. */
const lastAnswer = (known: DatedAnswer | undefined, at: number): DatedAnswer | undefined =>
  known?.silence === undefined && at - (known?.at ?? 0) >= CLUSTER_EVERY_MS ? undefined : known;

/** Applications name their cluster, or give its address. */
const clusterOf = ({ destination }: ApplicationStatus): string =>
  `${destination.name ?? ''} ${destination.server ?? ''}`;

async function look(
  { client, selector }: WatchOptions,
  onError: (error: ArgoCdError) => void,
): Promise<readonly ApplicationStatus[] | undefined> {
  try {
    return await client.list({ once: true, ...(selector === undefined ? {} : { selector }) });
  } catch (error) {
    if (!(error instanceof ArgoCdError)) throw error;
    onError(error);
    return undefined;
  }
}

/** Hands every application that is listed to the caller. @returns those that are not listed */
function readAll(
  options: WatchOptions,
  { watched, clusters }: { readonly watched: Map<string, Watched>; readonly clusters: ClusterAnswers },
  listed: readonly ApplicationStatus[],
  at: number,
): Watched[] {
  const byName = new Map(listed.map((status) => [status.name, status]));
  const missing: Watched[] = [];
  for (const each of watched.values()) {
    const status = byName.get(each.name);
    if (status === undefined) {
      missing.push(each);
      continue;
    }
    each.lastSeen = at;
    each.sync = syncOf(status);
    // What was live before another sync is of no use any more. Commits that change nothing of it start none: in a busy
    // repository there is one every few seconds.
    if (each.tree !== undefined && each.tree.of !== each.sync) delete each.tree;
    const interest = options.onReading(each.name, {
      status,
      at,
      tree: each.tree?.tree,
      cluster: lastAnswer(clusters.get(clusterOf(status)), at),
    });
    each.status = status;
    each.interest = interest;
    each.wantsRefreshSince = interest === 'refresh' ? (each.wantsRefreshSince ?? at) : undefined;
    if (interest === 'over') watched.delete(each.name);
  }
  return missing;
}

const syncOf = ({ operation }: ApplicationStatus): string =>
  `${operation?.startedAt} ${operation?.revisions.join(' ')}`;

const unseen = (missing: readonly Watched[]): ArgoCdError =>
  new ArgoCdError(
    'missing-or-denied',
    `see ${missing.map(({ name }) => name).join(', ')}`,
    'Argo CD does not list it: it does not exist (yet), or the token may not see it',
  );

/** The most useful requests besides the list, if any: refreshes, or one live read. @returns how many were sent */
async function askMore(
  options: WatchOptions,
  watched: ReadonlyMap<string, Watched>,
  clusters: ClusterAnswers,
): Promise<number> {
  const { client, timing } = options;
  const now = timing.now();
  const refreshes = options.refresh === false ? [] : toRefresh(watched, now);
  if (refreshes.length === 0 && (await askCluster(client, watched, clusters, now))) return 1;
  const tree = refreshes.length > 0 ? undefined : toSeeTree(watched, now);
  try {
    for (const each of refreshes) {
      each.refreshedAt = now;
      await client.refresh(each.name);
    }
    if (tree !== undefined) {
      tree.tree = { of: tree.sync, at: now, tree: tree.tree?.tree };
      tree.tree = { of: tree.sync, at: now, tree: await client.resourceTree(tree.name) };
    }
  } catch (error) {
    // The list goes on, and says what is wrong; this was only to know more.
    if (!(error instanceof ArgoCdError)) throw error;
  }
  return refreshes.length + (tree === undefined ? 0 : 1);
}

function toRefresh(watched: ReadonlyMap<string, Watched>, now: number): Watched[] {
  const after = watched.size <= FEW ? REFRESH_FEW_AFTER_MS : REFRESH_MANY_AFTER_MS;
  return [...watched.values()]
    .filter(
      ({ wantsRefreshSince, refreshedAt }) =>
        wantsRefreshSince !== undefined &&
        (refreshedAt === undefined
          ? now - wantsRefreshSince >= after
          : now - refreshedAt >= REFRESH_AGAIN_MS),
    )
    .slice(0, FEW);
}

/** Reads an object of one cluster of which somebody wants to know whether it answers. @returns false where nobody does */
async function askCluster(
  client: ArgoCdClient,
  watched: ReadonlyMap<string, Watched>,
  clusters: ClusterAnswers,
  now: number,
): Promise<boolean> {
  for (const { name, interest, status } of watched.values()) {
    if (interest !== 'cluster' || status === undefined) continue;
    const cluster = clusterOf(status);
    const witness = liveWitness(status);
    if (witness === undefined || now - (clusters.get(cluster)?.at ?? 0) < CLUSTER_EVERY_MS) continue;
    clusters.set(cluster, { at: now, silence: await silenceOf(client, name, witness) });
    return true;
  }
  return false;
}

/** Argo CD answers 500 where the cluster does not answer it. A refusal of any other kind says nothing against the cluster. */
async function silenceOf(
  client: ArgoCdClient,
  application: string,
  witness: ObjectQuery,
): Promise<string | undefined> {
  try {
    await client.liveObject(application, witness, { once: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof ArgoCdError)) throw error;
    return error.fault === 'unavailable' ? error.message : undefined;
  }
}

/** The one whose tree is the oldest. */
const toSeeTree = (watched: ReadonlyMap<string, Watched>, now: number): Watched | undefined =>
  [...watched.values()]
    .filter(({ interest, tree }) => interest === 'tree' && now - (tree?.at ?? 0) >= TREE_EVERY_MS)
    .toSorted((one, other) => (one.tree?.at ?? 0) - (other.tree?.at ?? 0))[0];
