import { mkdir, mkdtempDisposable, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { isMap } from '../yaml/data.ts';
import { mergedValues, type PlainMap } from './merged-values.ts';
import { CHART } from './standard-chart-cases.ts';
import { type HelmRelease, helmTemplateText } from './template.ts';

/** The value files of a release and its values as one map, as Helm lays them over each other. */
export async function valuesOf(release: HelmRelease): Promise<PlainMap> {
  const files = await Promise.all(release.valueFiles.map((file) => readFile(file, 'utf8')));
  const layers = [...files.map((file): unknown => parse(file)), release.values];
  return mergedValues(layers.filter(isMap));
}

/**
 * What one `helm template` makes of many apps: each is a dependency, under a name of its own, of one umbrella chart.
 *
 * @throws Failure (exit 2) as `helmTemplate` does; one app that cannot be rendered spoils all
 */
export async function renderTogether(apps: readonly PlainMap[]): Promise<string> {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-umbrella-'));
  const { version } = parse(await readFile(path.join(CHART, 'Chart.yaml'), 'utf8'));
  const dependencies = apps.map((_, index) => ({ name: 'app', version, alias: `app${index}` }));
  await mkdir(path.join(folder.path, 'charts'));
  await symlink(CHART, path.join(folder.path, 'charts/app'));
  await writeFile(
    path.join(folder.path, 'Chart.yaml'),
    JSON.stringify({ apiVersion: 'v2', name: 'umbrella', version: '0.0.0', dependencies }),
  );
  // Awaited here: the folder goes with this function.
  return await helmTemplateText({
    name: 'umbrella',
    namespace: 'umbrella',
    chart: folder.path,
    valueFiles: [],
    values: Object.fromEntries(apps.map((values, index) => [`app${index}`, values])),
    kubeVersion: '1.34',
  });
}
