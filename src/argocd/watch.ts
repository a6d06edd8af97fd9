import type { Timing } from '../github/timing.ts';
import type { ApplicationStatus } from './application-status.ts';
import type { ArgoCdClient } from './client.ts';
import { ArgoCdError } from './fault.ts';
import type { Reading } from './judge.ts';
import type { ResourceTree } from './resource-tree.ts';

export interface WatchOptions {
  readonly client: ArgoCdClient;
  readonly timing: Timing;
  /** Narrows the list, as far as labels can: `kajitori.dev/app in (api,web)`. Without it all that the token sees are listed. */
  readonly selector?: string | undefined;
  /** Not knowing anything of an application for this long is not a flaky answer any more. Default 2 minutes. */
  readonly patienceMs?: number;
  /** Between looks, at least. Default 1 s. */
  readonly intervalMs?: number;
}

/** One look at an application, or why there is none. */
export type Look = { readonly reading: Reading } | { readonly unseen: Unseen };

/** Argo CD could not be asked, or does not list the application. */
export interface Unseen {
  readonly error: ArgoCdError;
  /** Since when nothing is known of it: its last reading, or the first look. Milliseconds since the epoch. */
  readonly since: number;
  /** So long that it counts as something that could not be found out; before that it is a flaky answer. */
  readonly lasting: boolean;
}

/** The eyes on one server, for however many applications. */
export interface Watch {
  /**
   * One look at each of them: one request for the list, and, as often as the budget allows, one more for what was wanted
   * of them (`want`).
   *
   * @throws ArgoCdError `denied` or `missing`: a token or an address that is wrong stays wrong
   */
  look(applications: readonly string[]): Promise<ReadonlyMap<string, Look>>;
  /** What would help to judge one: that Argo CD looks at git now (asked once a minute at most), its live objects. */
  want(application: string, what: 'refresh' | 'tree' | undefined): void;
  /**
   * How long to wait before the next look, so that there is at most one request a second, however many applications; longer
   * while the server does not answer, or is slow. Milliseconds.
   */
  readonly pauseMs: number;
}

/** Few are refreshed at once; many wait for a webhook first, which costs no request. */
const FEW = 4;
const REFRESH_MANY_AFTER_MS = 3_000;

/** A refresh that was lost (a controller that restarted) is asked for again. */
const REFRESH_AGAIN_MS = 60_000;

/** A tree tells of pods, which change slowly; and each is a request of its own. */
const TREE_EVERY_MS = 10_000;

/** Not longer than this between looks when Argo CD is out of reach. */
const SLOWEST_MS = 8_000;

/** What is remembered of one application. */
interface Watched {
  readonly name: string;
  lastSeen: number;
  revision?: string;
  wanted?: { readonly what: 'refresh' | 'tree'; readonly since: number } | undefined;
  refreshedAt?: number;
  /** Undefined inside: it was asked for in vain. */
  tree?: {
    readonly revision: string | undefined;
    readonly at: number;
    readonly tree: ResourceTree | undefined;
  };
}

/** Starts to watch; nothing is sent before the first look. */
export function openWatch(options: WatchOptions): Watch {
  const { client, timing, selector, patienceMs = 120_000 } = options;
  const intervalMs = Math.max(1_000, options.intervalMs ?? 1_000);
  const all = new Map<string, Watched>();
  let failures = 0;
  let pauseMs = intervalMs;

  const remembered = (name: string): Watched => {
    const found = all.get(name) ?? { name, lastSeen: timing.now() };
    all.set(name, found);
    return found;
  };

  const list = async (): Promise<readonly ApplicationStatus[] | ArgoCdError> => {
    try {
      return await client.list({ once: true, ...(selector === undefined ? {} : { selector }) });
    } catch (error) {
      // A proxy's page of maintenance (`invalid`) may be over soon.
      const isFlaky = error instanceof ArgoCdError && error.fault !== 'denied' && error.fault !== 'missing';
      if (!isFlaky) throw error;
      return error;
    }
  };

  const lookAt = (each: Watched, listed: ReadonlyMap<string, ApplicationStatus> | ArgoCdError): Look => {
    const at = timing.now();
    const status = listed instanceof ArgoCdError ? undefined : listed.get(each.name);
    if (status === undefined) {
      const error = listed instanceof ArgoCdError ? listed : notListed(each.name);
      return { unseen: { error, since: each.lastSeen, lasting: at - each.lastSeen >= patienceMs } };
    }
    each.lastSeen = at;
    each.revision = status.sync.revisions.join(' ');
    // What was live under another commit is of no use any more.
    if (each.tree !== undefined && each.tree.revision !== each.revision) delete each.tree;
    return { reading: { status, at, tree: each.tree?.tree } };
  };

  return {
    get pauseMs() {
      return pauseMs;
    },
    want: (application, what) => {
      const each = remembered(application);
      if (each.wanted?.what === what) return;
      each.wanted = what === undefined ? undefined : { what, since: timing.now() };
    },
    look: async (applications) => {
      const started = timing.now();
      const watched = applications.map(remembered);
      const more = failures > 0 ? 0 : await askMore(client, timing, watched);
      const answer = await list();
      failures = answer instanceof ArgoCdError ? failures + 1 : 0;
      const wanted =
        failures === 0 ? intervalMs * (1 + more) : Math.min(SLOWEST_MS, intervalMs * 2 ** failures);
      // No more than half of the time is spent on asking a server that is slow.
      const elapsed = timing.now() - started;
      pauseMs = Math.max(wanted - elapsed, elapsed);
      const listed =
        answer instanceof ArgoCdError ? answer : new Map(answer.map((each) => [each.name, each]));
      return new Map(watched.map((each) => [each.name, lookAt(each, listed)]));
    },
  };
}

const notListed = (name: string): ArgoCdError =>
  new ArgoCdError(
    'missing-or-denied',
    `see application ${name}`,
    'Argo CD does not list it: it does not exist (yet), or the token may not see it',
  );

/** Refreshes, or else one resource tree. @returns how many requests that took */
async function askMore(client: ArgoCdClient, timing: Timing, watched: readonly Watched[]): Promise<number> {
  const now = timing.now();
  const refreshes = toRefresh(watched, now);
  const [looked] = refreshes.length > 0 ? [] : toSeeTrees(watched, now);
  try {
    for (const each of refreshes) {
      each.refreshedAt = now;
      await client.refresh(each.name);
    }
    if (looked !== undefined) {
      const { revision } = looked;
      // Before the request: one that fails is not repeated at once.
      looked.tree = { revision, at: now, tree: looked.tree?.tree };
      looked.tree = { revision, at: now, tree: await client.resourceTree(looked.name) };
    }
  } catch (error) {
    // The list says what is wrong; this was only to know more.
    if (!(error instanceof ArgoCdError)) throw error;
  }
  return refreshes.length + (looked === undefined ? 0 : 1);
}

function toRefresh(watched: readonly Watched[], now: number): Watched[] {
  const after = watched.length <= FEW ? 0 : REFRESH_MANY_AFTER_MS;
  return watched
    .filter(
      ({ wanted, refreshedAt }) =>
        wanted?.what === 'refresh' &&
        (refreshedAt === undefined ? now - wanted.since >= after : now - refreshedAt >= REFRESH_AGAIN_MS),
    )
    .slice(0, FEW);
}

/** Those whose tree was looked at the longest ago come first. */
const toSeeTrees = (watched: readonly Watched[], now: number): Watched[] =>
  watched
    .filter(({ wanted, tree }) => wanted?.what === 'tree' && now - (tree?.at ?? 0) >= TREE_EVERY_MS)
    .toSorted((one, other) => (one.tree?.at ?? 0) - (other.tree?.at ?? 0));
