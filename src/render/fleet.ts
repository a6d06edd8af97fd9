import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { Failure } from '../report/failure.ts';
import { type HelmOptions, type HelmRelease, helmTemplateText, shownChart } from './helm.ts';
import { type HelmObject, helmObjects } from './helm-documents.ts';
import { type ReleaseInputs, releaseInputsReader } from './release-inputs.ts';
import type { RenderCache } from './render-cache.ts';
import { type BatchMember, renderBatch } from './umbrella.ts';

/** What came of one release. */
export type ReleaseResult =
  | { readonly release: HelmRelease; readonly objects: readonly HelmObject[] }
  | { readonly release: HelmRelease; readonly failure: Failure };

export interface FleetOptions extends HelmOptions {
  /** How many helm processes at once; default: as many as there are processors. */
  readonly processes?: number;
  /** What was rendered before, from the same inputs, is taken from here. */
  readonly cache?: RenderCache;
  /** Is told each result as soon as it is known, in no order. */
  readonly onResult?: (result: ReleaseResult, index: number) => void;
  /** Is told each helm process that ran, and for how many releases. */
  readonly onProcess?: (releases: number) => void;
}

/** Releases a helm process: more save little of its start (45 ms), and cost memory (1.5 MB each). */
const BATCH = 128;

/** Rendering one release alone to compare costs as much as ten in a batch. */
const FEWEST_IN_BATCH = 4;

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
 * and where both are not the same, byte for byte, that chart is rendered one by one. What fails in a batch is rendered alone, so
 * that the words are helm's for this release.
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
  const missing: Item[] = [];
  const inputsOf = releaseInputsReader();
  for (const [index, release] of releases.entries()) {
    const inputs = await inputsOf(release);
    const cached = inputs.digest === undefined ? undefined : cache?.get(inputs.digest);
    if (cached === undefined) {
      missing.push({ index, release, inputs });
    } else {
      results[index] = { release, objects: cached };
      onResult?.(results[index], index);
    }
  }
  await new Fleet(options, settle).render(missing);
  return results;
}

/** What helm printed for one release, rendered by a process of its own. */
type Alone = { readonly text: string } | { readonly failure: Failure };

/** Whether a batch of a chart was compared with one release that was rendered alone, and how that ended. */
type Verdict = 'same' | 'different' | 'unknown';

class Fleet {
  readonly #options: FleetOptions;
  readonly #settle: (item: Item, result: ReleaseResult) => Promise<void>;
  readonly #processes: number;
  readonly #limit: <Result>(work: () => Promise<Result>) => Promise<Result>;

  constructor(options: FleetOptions, settle: (item: Item, result: ReleaseResult) => Promise<void>) {
    this.#options = options;
    this.#settle = settle;
    this.#processes = options.processes ?? availableParallelism();
    this.#limit = pLimit(this.#processes);
  }

  async render(items: readonly Item[]): Promise<void> {
    const groups = Map.groupBy(items.filter(isBatchItem), ({ inputs }) => inputs.batch.group);
    const large = [...groups.values()].filter((group) => group.length >= FEWEST_IN_BATCH);
    const inGroups = new Set<Item>(large.flat());
    await Promise.all([
      ...large.map((group) => this.#renderGroup(group)),
      ...items.filter((item) => !inGroups.has(item)).map((item) => this.#settleAlone(item)),
    ]);
  }

  /** Releases of one chart, in batches; the first is believed when one of it is what helm makes of this release alone. */
  async #renderGroup(group: readonly BatchItem[]): Promise<void> {
    const size = Math.min(BATCH, Math.max(FEWEST_IN_BATCH, Math.ceil(group.length / this.#processes)));
    const batches = Array.from({ length: Math.ceil(group.length / size) }, (_, at) =>
      group.slice(at * size, (at + 1) * size),
    );
    let verdict: Promise<Verdict> = Promise.resolve('unknown');
    const all = batches.map((batch) => {
      // All begin at once; what comes of them is believed when one before them was compared.
      const before = verdict;
      const texts = this.#together(batch);
      verdict = this.#settleCompared(batch, texts, before);
      return verdict;
    });
    await Promise.all(all);
  }

  /** Settles a batch; until one of the group was compared, one of this batch is rendered alone for it. */
  async #settleCompared(
    batch: readonly BatchItem[],
    pending: Promise<ReadonlyMap<BatchItem, string>>,
    before: Promise<Verdict>,
  ): Promise<Verdict> {
    const texts = await pending;
    const known = await before;
    const verdict = known === 'unknown' ? await this.#compare(batch, texts) : known;
    await this.#settleBatch(batch, verdict === 'same' ? texts : new Map());
    return verdict;
  }

  async #compare(batch: readonly BatchItem[], texts: ReadonlyMap<BatchItem, string>): Promise<Verdict> {
    const witness = batch.find((item) => texts.has(item));
    if (witness === undefined) {
      return 'unknown';
    }
    const alone = await this.#alone(witness);
    return 'text' in alone && alone.text === texts.get(witness) ? 'same' : 'different';
  }

  /** What of a batch is read is settled, the others are rendered alone. */
  async #settleBatch(batch: readonly BatchItem[], texts: ReadonlyMap<BatchItem, string>): Promise<void> {
    await Promise.all(
      batch.map(async (item) => {
        const objects = readOrNot(texts.get(item));
        await (objects === undefined
          ? this.#settleAlone(item)
          : this.#settle(item, { release: item.release, objects }));
      }),
    );
  }

  /** Texts by release; one that has none must be rendered alone. */
  async #together(items: readonly BatchItem[]): Promise<ReadonlyMap<BatchItem, string>> {
    const [first] = items;
    if (first === undefined || items.length === 1) {
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
    const outcome = await this.#limit(() => {
      this.#options.onProcess?.(items.length);
      return renderBatch(first.inputs.batch.chart, flags, members, this.#options);
    });
    if ('texts' in outcome) {
      return new Map(
        items.flatMap((item, at) => {
          const text = outcome.texts[at];
          return text === undefined ? [] : [[item, text] as const];
        }),
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
    const rendered = await Promise.all(parts.map((part) => this.#together(part)));
    return new Map(rendered.flatMap((texts) => [...texts]));
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
    let result: ReleaseResult;
    try {
      result = { release, objects: helmObjects(alone.text, shownChart(release, this.#options)) };
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      result = { release, failure: error };
    }
    await this.#settle(item, result);
  }
}

const isBatchItem = (item: Item): item is BatchItem => item.inputs.batch !== undefined;

/** What does not go away with fewer releases; parting the batch again and again would only take longer. */
const concernsAll = ({ reason, cause }: Failure): boolean =>
  reason === 'tool-missing' ||
  reason === 'render-limit' ||
  (typeof cause === 'string' && cause.includes('chart requires kubeVersion'));

/** Undefined for what has mistakes: rendered alone, it is refused with its place. */
function readOrNot(text: string | undefined): readonly HelmObject[] | undefined {
  try {
    return text === undefined ? undefined : helmObjects(text, '');
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error;
    }
    return undefined;
  }
}
