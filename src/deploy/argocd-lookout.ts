import type { ApplicationStatus } from '../argocd/application-status.ts';
import type { ArgoCdClient } from '../argocd/client.ts';
import { gatherEvidence } from '../argocd/evidence.ts';
import { explain, progressWords } from '../argocd/explain.ts';
import { ArgoCdError, argoCdFailure } from '../argocd/fault.ts';
import { type Baseline, baselineOf, type Judgement, judge, type Reading } from '../argocd/judge.ts';
import { type Interest, interestOf, type WatchTrouble, watchApplications } from '../argocd/watch.ts';
import type { Timing } from '../github/timing.ts';
import type { CommitOrder } from './commit-order.ts';
import type { Awaited, Explained, Lookout, Sight } from './lookout.ts';

export interface ArgoCdLookoutOptions {
  /** The Argo CD that syncs a cluster. Clusters of one server share one client, and with it one watch. */
  readonly clientOf: (cluster: string) => ArgoCdClient;
  readonly order: CommitOrder;
  readonly timing: Timing;
  /** Narrows what is listed, see `WatchOptions`. */
  readonly selector?: string | undefined;
  /** See `Expectation`. */
  readonly isOurs?: ((repoURL: string) => boolean) | undefined;
}

/** What is known of one application at one commit. */
interface Known {
  readonly awaited: Awaited;
  reading: Reading | undefined;
  judgement: Judgement | undefined;
  words: string;
  seen: boolean;
  /** Set while Argo CD does not answer, or does not show it. */
  trouble: string | undefined;
  /** What is found out once it failed. */
  explained: Promise<Explained> | undefined;
}

/** How an application was at some revisions. */
interface Before {
  readonly revisions: readonly string[];
  readonly baseline: Baseline;
}

/** Waiting ends by deadlines of its own: until then a server may be out of reach (milliseconds). */
const NEVER_GIVE_UP_MS = 24 * 60 * 60_000;

/** How long the first answers are awaited before anything is said (milliseconds). */
const FIRST_ANSWER_MS = 3_000;

/**
 * Looks at applications by Argo CD's API: one watch for each server, whatever the number of its applications, which goes on
 * in the background between looks.
 */
export class ArgoCdLookout implements Lookout {
  readonly #options: ArgoCdLookoutOptions;
  readonly #before = new Map<string, Map<string, Before>>();
  #known = new Map<Awaited, Known>();
  #stop = new AbortController();
  #broken: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(options: ArgoCdLookoutOptions) {
    this.#options = options;
  }

  async look(awaited: readonly Awaited[]): Promise<readonly Sight[]> {
    if (awaited.some((each) => !this.#known.has(each))) {
      this.#watch(awaited);
      await this.#firstAnswers();
    }
    if (this.#broken !== undefined) {
      throw this.#broken.error;
    }
    return Promise.all(awaited.map((each) => sightOf(this.#known.get(each))));
  }

  /** Before the first answers there is nothing to say. */
  async #firstAnswers(): Promise<void> {
    const { timing, order } = this.#options;
    const until = timing.now() + FIRST_ANSWER_MS;
    const isSilent = () =>
      [...this.#known.values()].some(
        ({ judgement, trouble }) => judgement === undefined && trouble === undefined,
      );
    while (
      this.#broken === undefined &&
      timing.now() < until &&
      (isSilent() || order.settled() !== undefined)
    ) {
      await this.pause(FIRST_ANSWER_MS / 10);
    }
  }

  async pause(atMostMs: number): Promise<void> {
    if (this.#broken === undefined) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        this.#options.timing.sleep(atMostMs),
      ]);
    }
  }

  async endOperation(awaited: Awaited): Promise<boolean> {
    const client = this.#options.clientOf(awaited.cluster);
    try {
      if (await client.terminateOperation(awaited.application)) {
        return true;
      }
      // None runs, and still it is blocked: a commit that was compared while the earlier sync ran is not synced after it
      // failed (judge.ts, `judgeUnsynced`).
      const isBlocked = this.#known.get(awaited)?.judgement?.cause?.kind === 'blocked';
      return isBlocked && (await client.sync(awaited.application));
    } catch (error) {
      if (error instanceof ArgoCdError) {
        return false;
      }
      throw error;
    }
  }

  async explain(awaited: Awaited): Promise<Explained> {
    const { reading, judgement } = this.#known.get(awaited) ?? {};
    return reading === undefined || judgement === undefined
      ? {}
      : explained(this.#options.clientOf(awaited.cluster), reading, judgement, awaited.images);
  }

  close(): void {
    this.#stop.abort();
  }

  /** Begins anew, with other applications or another commit. */
  #watch(awaited: readonly Awaited[]): void {
    const { clientOf, timing, selector } = this.#options;
    this.#stop.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#known = new Map(
      awaited.map((each) => [
        each,
        {
          awaited: each,
          reading: undefined,
          judgement: undefined,
          words: '',
          seen: false,
          trouble: undefined,
          explained: undefined,
        },
      ]),
    );
    for (const [client, known] of Map.groupBy(this.#known.values(), (each) =>
      clientOf(each.awaited.cluster),
    )) {
      const byName = new Map(known.map((each) => [each.awaited.application, each]));
      watchApplications({
        client,
        timing,
        applications: [...byName.keys()],
        selector,
        patienceMs: NEVER_GIVE_UP_MS,
        signal: stop.signal,
        onReading: (name, reading) => {
          const each = byName.get(name);
          return each === undefined || stop.signal.aborted ? 'over' : this.#read(client, each, reading);
        },
        onTrouble: (trouble) => this.#troubled(byName, trouble),
      }).catch((error: unknown) => {
        if (!stop.signal.aborted) {
          this.#broken = {
            error: error instanceof ArgoCdError ? argoCdFailure(error, client.server) : error,
          };
          this.#wake();
        }
      });
    }
  }

  #read(client: ArgoCdClient, known: Known, reading: Reading): Interest {
    const { order, isOurs } = this.#options;
    const { commit, images, application } = known.awaited;
    const isDescendant = (revision: string) => order.isDescendant(commit, revision);
    const before = this.#baseline(application, reading.status, isDescendant);
    const judgement = judge(reading, { commit, isDescendant, images, isOurs, before }, known.judgement);
    const words =
      judgement.state === 'unknown'
        ? explain(reading.status, judgement, images).headline
        : progressWords(judgement, images, reading.tree, reading.at);
    const isNews =
      judgement.state !== known.judgement?.state || words !== known.words || known.trouble !== undefined;
    known.reading = reading;
    known.judgement = judgement;
    known.words = words;
    known.trouble = undefined;
    known.seen ||= this.#isAfter(commit, reading.status);
    if (judgement.state === 'failed') {
      known.explained ??= explained(client, reading, judgement, images);
    }
    if (isNews) {
      this.#wake();
    }
    const interest = interestOf(judgement);
    if (interest !== 'over') {
      // What GitHub answers meanwhile may make more of the same reading.
      void order.settled()?.then(() => {
        if (known.reading === reading) this.#read(client, known, reading);
      });
    }
    return interest;
  }

  #troubled(byName: ReadonlyMap<string, Known>, trouble: WatchTrouble | undefined): void {
    for (const name of trouble?.applications ?? byName.keys()) {
      const known = byName.get(name);
      if (known !== undefined) {
        known.trouble = trouble?.words;
      }
    }
    this.#wake();
  }

  /** Whether Argo CD knows the commit: it compares it or something later, or syncs it. */
  #isAfter(commit: string, { sync, operation }: ApplicationStatus): boolean {
    return [...sync.revisions, ...(operation?.revisions ?? [])]
      .map((revision) => this.#options.order.isDescendant(commit, revision))
      .includes(true);
  }

  /**
   * How the application was before our commit. Whether a revision is older may be known later than it is read, so what was
   * seen is kept by revision.
   */
  #baseline(
    application: string,
    status: ApplicationStatus,
    isDescendant: (revision: string) => boolean | undefined,
  ): Baseline | undefined {
    const seen = this.#before.get(application) ?? new Map<string, Before>();
    this.#before.set(application, seen);
    const { revisions } = status.sync;
    if (revisions.length > 0) {
      seen.set(revisions.join(' '), { revisions, baseline: baselineOf(status) });
    }
    return [...seen.values()].findLast((each) =>
      each.revisions.every((revision) => isDescendant(revision) === false),
    )?.baseline;
  }
}

async function explained(
  client: ArgoCdClient,
  { status }: Reading,
  judgement: Judgement,
  images: readonly string[],
): Promise<Explained> {
  const evidence = await gatherEvidence(client, status, judgement.cause, images);
  const { headline, todo, details } = explain(status, judgement, images, evidence);
  return { words: headline, todo, details };
}

async function sightOf(known: Known | undefined): Promise<Sight> {
  const judgement = known?.judgement;
  const seen = known?.seen ?? false;
  const isFinal = judgement?.state === 'done' || judgement?.state === 'failed';
  if (known?.trouble !== undefined && !isFinal) {
    return { state: 'unknown', words: known.trouble, seen, blocked: false };
  }
  if (known === undefined || judgement === undefined) {
    return { state: 'unknown', words: 'Argo CD has not answered yet', seen, blocked: false };
  }
  return {
    state: judgement.state,
    words: known.words,
    todo: judgement.todo,
    seen,
    blocked: judgement.cause?.kind === 'blocked',
    ...(await known.explained),
  };
}
