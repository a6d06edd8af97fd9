import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import pLimit from 'p-limit';
import { Failure } from '../report/failure.ts';
import { type HelmObject, helmObjects, type KnownDocuments } from './documents.ts';
import { type ReleaseInputs, releaseInputsReader } from './release-inputs.ts';
import type { RenderCache } from './render-cache.ts';
import { type KnownFiles, type RenderedFile, readRenderedFiles } from './rendered-files.ts';
import { type HelmOptions, type HelmRelease, helmTemplateText, shownChart } from './template.ts';
import { type BatchMember, renderBatch } from './umbrella.ts';

/** What came of one release. */
export type ReleaseResult =
  | { readonly release: HelmRelease; readonly objects: readonly HelmObject[] }
  | { readonly release: HelmRelease; readonly failure: Failure };

export interface FleetOptions extends HelmOptions {
  /** How many helm processes at once; default: as many as there are processors. */
  readonly processes?: number;
  /** How many releases a helm process renders at most, at least 4; default 128. */
  readonly batch?: number;
  /** What was rendered before, from the same inputs, is taken from here. */
  readonly cache?: RenderCache;
  /** For two sides of a change, which are mostly the same: what one of them read, of releases that are rendered alone. */
  readonly known?: KnownDocuments;
  /** Is told each result as soon as it is known, in no order. */
  readonly onResult?: (result: ReleaseResult, index: number) => void;
  /** Is told each helm process that ran, and for how many releases. */
  readonly onProcess?: (releases: number) => void;
}

/** Releases a helm process: more save little of its start (45 ms), and cost memory (1.5 MB each). */
const BATCH = 128;

/** After so many releases, which are read without a pause, helm processes are listened to. */
const TURN = 16;

/** Rendering one release alone to compare costs as much as ten in a batch. */
const FEWEST_IN_BATCH = 4;

const NOT_READ: ReleaseInputs = { digest: undefined };

interface Item {
  readonly index: number;
  readonly release: HelmRelease;
  readonly inputs: ReleaseInputs;
}
type BatchItem = Item & { readonly inputs: { readonly batch: NonNullable<ReleaseInputs['batch']> } };

/**
 * Renders many releases: the same objects and failures as `helm template` gives for each, in the order of `releases`.
 *
 * Releases of a chart that is suited (batch-chart.ts) are rendered many at once; the first of each chart is rendered alone too,
 * and where both are not the same, object by object in their order, that chart is rendered one by one. (There is no text to compare:
 * in a batch helm does not put it together, umbrella.ts.) What fails in a batch, or is rare, is rendered alone, so that the judge is
 * helm, and the words are its own for this release; a chart of which all that a batch printed is rare is rendered one by one too.
 *
 * @throws only what is no Failure, and the signal's reason
 */
export async function renderReleases(
  releases: readonly HelmRelease[],
  options: FleetOptions = {},
): Promise<readonly ReleaseResult[]> {
  const results: ReleaseResult[] = [];
  const { cache, onResult } = options;
  const settle = async (item: Item, result: ReleaseResult): Promise<void> => {
    results[item.index] = result;
    onResult?.(result, item.index);
    if (cache !== undefined && item.inputs.digest !== undefined && 'objects' in result) {
      cache.put(item.inputs.digest, result.objects);
    }
  };
  // Reading a large chart takes longer than it is worth where there is nothing to look up and nothing to put together.
  const isWorthReading = cache !== undefined || releases.length >= FEWEST_IN_BATCH;
  const inputsOf = isWorthReading ? releaseInputsReader() : async () => NOT_READ;
  const fleet = new Fleet(options, settle, releases.length);
  for (const [index, release] of releases.entries()) {
    const inputs = await inputsOf(release);
    const cached = inputs.digest === undefined ? undefined : cache?.get(inputs.digest);
    if (cached === undefined) {
      fleet.add({ index, release, inputs });
    } else {
      results[index] = { release, objects: cached };
      onResult?.(results[index], index);
    }
    if (index % TURN === TURN - 1) {
      await setImmediate();
    }
  }
  await fleet.end();
  return results;
}

/** What helm printed for one release, rendered by a process of its own. */
type Alone = { readonly text: string } | { readonly failure: Failure };

/** What was rendered by one process, or by several after one failed. */
type RenderedTogether = ReadonlyMap<BatchItem, readonly RenderedFile[]>;

/** The objects of one release of a batch; undefined where it must be rendered alone. */
type Reading = (item: BatchItem) => readonly HelmObject[] | undefined;

/**
 * Whether a batch of a chart was compared with one release that was rendered alone, and how that ended. `different` is also a batch of
 * which helm rendered releases and none could be read: those after it would be rendered twice, too. Where helm rendered none, their
 * values may be wrong, and nothing is known of the chart.
 */
type Verdict = 'same' | 'different' | 'unknown';

/** Releases of one chart. */
interface Group {
  /** Those that no batch has yet. */
  waiting: BatchItem[];
  /** Whether there was a batch; then it costs no more comparison to make another one, be it small. */
  hasBegun: boolean;
  verdict: Promise<Verdict>;
  /** Whether the verdict is known to be `different`: then no more helm process renders several of them. */
  isOneByOne: boolean;
}

class Fleet {
  readonly #options: FleetOptions;
  readonly #settle: (item: Item, result: ReleaseResult) => Promise<void>;
  readonly #size: number;
  readonly #limit: <Result>(work: () => Promise<Result>) => Promise<Result>;
  readonly #groups = new Map<string, Group>();
  readonly #pending: Promise<unknown>[] = [];

  /** @param most how many releases there will be */
  constructor(
    options: FleetOptions,
    settle: (item: Item, result: ReleaseResult) => Promise<void>,
    most: number,
  ) {
    const { processes = availableParallelism(), batch = BATCH } = options;
    this.#options = options;
    this.#settle = settle;
    this.#size = Math.max(FEWEST_IN_BATCH, Math.min(batch, Math.ceil(most / processes)));
    this.#limit = pLimit(processes);
  }

  /** Begins as soon as a batch is full, while others are still being read. */
  add(item: Item): void {
    if (!isBatchItem(item)) {
      this.#begin(this.#settleAlone(item));
      return;
    }
    const name = item.inputs.batch.group;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { waiting: [], hasBegun: false, verdict: Promise.resolve('unknown'), isOneByOne: false };
      this.#groups.set(name, group);
    }
    group.waiting.push(item);
    if (group.waiting.length === this.#size) {
      this.#beginBatch(group);
    }
  }

  /** No more will come: begins what is left, and waits for all. */
  async end(): Promise<void> {
    for (const group of this.#groups.values()) {
      if (group.hasBegun || group.waiting.length >= FEWEST_IN_BATCH) {
        this.#beginBatch(group);
      } else {
        for (const item of group.waiting) this.#begin(this.#settleAlone(item));
      }
    }
    await Promise.all(this.#pending);
  }

  #begin(work: Promise<unknown>): void {
    // It may fail before anybody waits for it.
    work.catch(() => undefined);
    this.#pending.push(work);
  }

  /**
   * Batches of a group do not wait for each other; what comes of them is believed when one before them was compared. Those that are
   * still in the queue when it turned out differently are rendered one by one.
   */
  #beginBatch(group: Group): void {
    const batch = group.waiting;
    group.waiting = [];
    group.hasBegun = true;
    group.verdict = this.#settleCompared(group, batch, this.#together(group, batch), group.verdict);
    this.#begin(group.verdict);
  }

  /** Settles a batch; until one of the group was compared, one of this batch is rendered alone for it. */
  async #settleCompared(
    group: Group,
    batch: readonly BatchItem[],
    pending: Promise<RenderedTogether>,
    before: Promise<Verdict>,
  ): Promise<Verdict> {
    const rendered = await pending;
    const known = await before;
    const knownFiles: KnownFiles = new Map();
    const objectsOf = (item: BatchItem): readonly HelmObject[] | undefined => {
      const files = rendered.get(item);
      return files && readRenderedFiles(files, item.release.skipTests === true, knownFiles);
    };
    const verdict = known === 'unknown' ? await this.#compare(batch, rendered, objectsOf) : known;
    group.isOneByOne = verdict === 'different';
    await this.#settleBatch(batch, verdict === 'same' ? objectsOf : () => undefined);
    return verdict;
  }

  async #compare(
    batch: readonly BatchItem[],
    rendered: RenderedTogether,
    objectsOf: Reading,
  ): Promise<Verdict> {
    for (const witness of batch) {
      const objects = objectsOf(witness);
      if (objects !== undefined) {
        const alone = await this.#alone(witness);
        const judged = 'text' in alone ? this.#read(witness, alone.text) : undefined;
        return judged && 'objects' in judged && isDeepStrictEqual(judged.objects, objects)
          ? 'same'
          : 'different';
      }
    }
    return rendered.size < FEWEST_IN_BATCH ? 'unknown' : 'different';
  }

  /** What of a batch is read is settled, the others are rendered alone. */
  async #settleBatch(batch: readonly BatchItem[], objectsOf: Reading): Promise<void> {
    const alone: Promise<void>[] = [];
    for (const [at, item] of batch.entries()) {
      const objects = objectsOf(item);
      if (objects === undefined) {
        const work = this.#settleAlone(item);
        // It may fail before it is waited for.
        work.catch(() => undefined);
        alone.push(work);
      } else {
        await this.#settle(item, { release: item.release, objects });
      }
      // The next helm waits until what it prints is taken.
      if (at % TURN === TURN - 1) {
        await setImmediate();
      }
    }
    await Promise.all(alone);
  }

  /** One that is not in it must be rendered alone. */
  async #together(group: Group, items: readonly BatchItem[]): Promise<RenderedTogether> {
    const [first] = items;
    if (first === undefined || items.length === 1 || group.isOneByOne) {
      return new Map();
    }
    const members = items.map(
      ({ release: { name, namespace }, inputs }): BatchMember => ({
        name,
        namespace,
        values: inputs.batch.values,
      }),
    );
    const { kubeVersion, apiVersions, skipTests, skipSchemaValidation } = first.release;
    const flags = {
      kubeVersion,
      ...(apiVersions === undefined ? {} : { apiVersions }),
      ...(skipTests === undefined ? {} : { skipTests }),
      ...(skipSchemaValidation === undefined ? {} : { skipSchemaValidation }),
    };
    const outcome = await this.#limit(async () => {
      // Others of the group may have been read while this one waited for its turn.
      if (group.isOneByOne) return undefined;
      this.#options.onProcess?.(items.length);
      return renderBatch(first.inputs.batch.chart, flags, members, this.#options);
    });
    if (outcome === undefined) {
      return new Map();
    }
    if ('files' in outcome) {
      return new Map(
        outcome.files.flatMap((files, at) => (items[at] === undefined ? [] : [[items[at], files]])),
      );
    }
    if (concernsAll(outcome.failure)) {
      return new Map();
    }
    const named = new Set(outcome.named);
    const others = items.filter((_, at) => !named.has(at));
    const parts =
      outcome.isComplete && named.size > 0
        ? [others]
        : [others.slice(0, Math.ceil(others.length / 2)), others.slice(Math.ceil(others.length / 2))];
    const rendered = await Promise.all(parts.map((part) => this.#together(group, part)));
    return new Map(rendered.flatMap((files) => [...files]));
  }

  #alone(item: Item): Promise<Alone> {
    return this.#limit(async () => {
      this.#options.onProcess?.(1);
      try {
        return { text: await helmTemplateText(item.release, this.#options) };
      } catch (error) {
        if (!(error instanceof Failure)) {
          throw error;
        }
        return { failure: error };
      }
    });
  }

  async #settleAlone(item: Item): Promise<void> {
    const { release } = item;
    const alone = await this.#alone(item);
    if ('failure' in alone) {
      await this.#settle(item, { release, failure: alone.failure });
      return;
    }
    await this.#settle(item, this.#read(item, alone.text));
  }

  #read({ release }: Item, text: string): ReleaseResult {
    try {
      const chart = shownChart(release, this.#options);
      return { release, objects: helmObjects(text, chart, this.#options.known) };
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      return { release, failure: error };
    }
  }
}

const isBatchItem = (item: Item): item is BatchItem => item.inputs.batch !== undefined;

/** What does not go away with fewer releases; parting the batch again and again would only take longer. */
const concernsAll = ({ reason, cause }: Failure): boolean =>
  reason === 'tool-missing' ||
  reason === 'render-limit' ||
  (typeof cause === 'string' && cause.includes('chart requires kubeVersion'));
