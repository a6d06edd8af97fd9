import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HelmRelease } from './template.ts';

/** The standard chart of this repository. */
export const CHART = fileURLToPath(new URL('../../charts/app', import.meta.url));

/** One app in one cluster, of which somebody has read what the chart makes of it. */
export interface ChartCase {
  /** `tiny`, or with several clusters `twenty-lines in prod-1`. */
  readonly name: string;
  readonly folder: string;
  /** In the order in which they are laid over each other. */
  readonly valueFiles: readonly string[];
  /** What is rendered, with comments of helm left out. */
  readonly expected: string;
}

/** charts/app/tests: a folder for each app; facts.yaml, or facts.<cluster>.yaml, says where it is rendered. */
export const CHART_CASES: readonly ChartCase[] = globSync('tests/*/facts*.yaml', { cwd: CHART })
  .toSorted()
  .map((file) => {
    const folder = path.join(CHART, path.dirname(file));
    const cluster = /^facts(?:\.(.+))?\.yaml$/.exec(path.basename(file))?.[1];
    const layers = ['platform.yaml', 'values.yaml', 'release.production.yaml', 'app.yaml']
      .map((layer) => path.join(folder, layer))
      .filter((layer) => existsSync(layer));
    return {
      name: `${path.basename(folder)}${cluster === undefined ? '' : ` in ${cluster}`}`,
      folder,
      valueFiles: [...layers, path.join(CHART, file)],
      expected: path.join(folder, cluster === undefined ? 'expected.yaml' : `expected.${cluster}.yaml`),
    };
  });

/** The files of one case. */
export function chartCase(name: string): ChartCase {
  const found = CHART_CASES.find((each) => each.name === name);
  if (found === undefined) {
    throw new Error(`charts/app/tests has no case ${name}`);
  }
  return found;
}

/** A case as a release, with some values changed; `null` takes a key away. */
export const chartRelease = (name: string, values: object = {}): HelmRelease => ({
  name: 'release',
  namespace: 'release',
  chart: CHART,
  valueFiles: chartCase(name).valueFiles,
  values,
  kubeVersion: '1.34',
});
