import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type BatchChart, suitability } from './batch-chart.ts';
import { type ChartFiles, readChartFiles } from './chart-files.ts';
import { areAtOdds, mergedValues, type PlainMap, valuesLayer } from './merged-values.ts';
import type { HelmRelease } from './template.ts';

/** All that decides what a release renders to, read from disk once for all releases that share it. */
export interface ReleaseInputs {
  /** Of all inputs (sha256, hex), without helm's own version; undefined where they cannot all be read. */
  readonly digest: string | undefined;
  /** How it takes part in a batch; undefined where it must be rendered alone. */
  readonly batch?: { readonly chart: BatchChart; readonly values: PlainMap; readonly group: string };
}

interface Chart extends ChartFiles {
  readonly suited?: BatchChart;
}

/** Helm's rule for names of releases (pkg/chart/common/util `ValidateReleaseName`), and Kubernetes' for namespaces. */
const NAME = /^[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?$/;

/** A reader of inputs. It reads each file once: make a new one for files that may have changed. */
export function releaseInputsReader(): (release: HelmRelease) => Promise<ReleaseInputs> {
  const files = once(async (file: string) => {
    const content = contentOf(file);
    return content === undefined ? undefined : { content, digest: sha256(content) };
  });
  const layers = once(async (file: string) => {
    const text = utf8((await files(file))?.content);
    return text === undefined ? undefined : valuesLayer(text);
  });
  const charts = once(async (folder: string): Promise<Chart | undefined> => {
    const read = await readChartFiles(folder);
    const suited = read?.files === undefined ? undefined : suitability(read.files);
    return read === undefined
      ? undefined
      : { digest: read.digest, ...(suited?.suited === true ? { suited: suited.chart } : {}) };
  });
  return async (release) => {
    const chart = await charts(release.chart);
    const contents = await Promise.all(
      [...release.valueFiles, ...(release.setFile ?? []).map(({ value }) => value)].map(files),
    );
    if (chart === undefined || contents.includes(undefined)) {
      return { digest: undefined };
    }
    const { chart: _, valueFiles: __, setFile, ...told } = release;
    const digest = sha256(
      JSON.stringify([
        chart.digest,
        contents.map((each) => each?.digest),
        setFile?.map(({ name }) => name),
        // In a fixed order, so that the key does not depend on how a release was put together.
        Object.entries(told).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ]),
    );
    const own = valuesLayer(release.values ?? release.valuesText ?? {});
    const all = [...(await Promise.all(release.valueFiles.map(layers))), own];
    const values = chart.suited && batchValues(release, chart.suited, all);
    if (chart.suited === undefined || values === undefined) {
      return { digest };
    }
    const { kubeVersion, apiVersions, skipTests, skipSchemaValidation } = release;
    const group = JSON.stringify([chart.digest, kubeVersion, apiVersions, skipTests, skipSchemaValidation]);
    return { digest, batch: { chart: chart.suited, values, group } };
  };
}

/** Its values as one map, where it can be rendered among others. */
function batchValues(
  release: HelmRelease,
  chart: BatchChart,
  layers: readonly (PlainMap | undefined)[],
): PlainMap | undefined {
  const { name, namespace, set, setString, setFile } = release;
  const hasParameters = [set, setString, setFile].some((each) => each !== undefined && each.length > 0);
  const known = layers.filter((layer) => layer !== undefined);
  if (hasParameters || !NAME.test(name) || !NAME.test(namespace) || known.length < layers.length) {
    return undefined;
  }
  const values = mergedValues(known);
  // `global` is helm's own way to hand values to dependencies.
  return Object.hasOwn(values, 'global') || areAtOdds(values, chart.defaults) ? undefined : values;
}

/** Values are a few KB, and there are thousands of files: Node's way round by threads costs more than the disk does. */
function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

function utf8(content: Buffer | undefined): string | undefined {
  try {
    return content && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

function once<Value>(read: (name: string) => Promise<Value>): (name: string) => Promise<Value> {
  const known = new Map<string, Promise<Value>>();
  return (name) => {
    const found = known.get(name) ?? read(name);
    known.set(name, found);
    return found;
  };
}
