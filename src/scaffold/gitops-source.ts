import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { couldNot } from '../report/failure.ts';

/** The GitOps repository as Argo CD reads it. */
export interface GitopsSource {
  readonly repoURL: string;
  readonly targetRevision: string;
}

/** @throws Failure (exit 2, `no-repository`) when kajitori.yaml does not say it */
export function gitopsSource(config: KajitoriConfig): GitopsSource {
  if (config.repository === undefined) {
    throw couldNot('kajitori.yaml does not say by which URL Argo CD reads this repository.', {
      at: { file: KAJITORI_FILE },
      todo: 'Add it: repository: { url: https://github.com/acme/gitops.git }',
      reason: 'no-repository',
    });
  }
  return { repoURL: config.repository.url, targetRevision: config.repository.branch };
}

/** Where the chart of an environment comes from. */
export type ChartSource =
  | { readonly kind: 'vendored'; readonly path: string }
  | {
      readonly kind: 'oci';
      /** As Argo CD wants it: without `oci://` and without the chart's name ("Helm", Argo CD user guide). */
      readonly repoURL: string;
      readonly chart: string;
      readonly version: string;
    };

/** The chart of an environment: charts/app of the GitOps repository, unless kajitori.yaml names an OCI chart. */
export function chartSource(config: KajitoriConfig, environment: string): ChartSource {
  const charts = typeof config.chart === 'string' ? { [environment]: config.chart } : (config.chart ?? {});
  const reference = Object.hasOwn(charts, environment) ? charts[environment] : undefined;
  if (reference === undefined) {
    return { kind: 'vendored', path: 'charts/app' };
  }
  // The schema has checked the form: oci://host[:port]/path/name:version
  const [, repoURL = '', chart = '', version = ''] =
    /^oci:\/\/(.+)\/([^/:]+):([^/:]+)$/.exec(reference) ?? [];
  return { kind: 'oci', repoURL, chart, version };
}
