import { couldNot, type Place } from '../report/failure.ts';
import type { RenderWorld } from './world.ts';

/** A chart that is not in the repository. */
export interface ChartOrigin {
  readonly kind: 'http' | 'oci';
  /** `https://charts.example.com`, or `oci://registry.example.com/charts`. */
  readonly repository: string;
  readonly chart: string;
  /** A version or a range, as helm reads it. */
  readonly version: string;
}

/** A chart's archive in the store. */
export interface StoredChart {
  /** Absolute; named after the digest of its content. */
  readonly archive: string;
  /** `sha256:…` of the archive. */
  readonly digest: string;
  /** The version that it is. */
  readonly version: string;
}

export async function storedChart(origin: ChartOrigin, at: Place, _world: RenderWorld): Promise<StoredChart> {
  throw couldNot(`The chart ${origin.chart} of ${origin.repository} is not in the repository.`, {
    at,
    reason: 'not-rendered',
  });
}

/** The files of a stored chart, unpacked: the absolute folder with its Chart.yaml. */
export async function unpackedChart(_stored: StoredChart, _world: RenderWorld): Promise<string> {
  throw couldNot('not unpacked');
}

/**
 * The folder of a chart whose dependencies are all there: itself, or a private copy.
 */
export async function chartWithDependencies(
  folder: string,
  _at: Place,
  _world: RenderWorld,
): Promise<string> {
  return folder;
}
