import type { KajitoriConfig } from './kajitori-yaml.ts';

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
