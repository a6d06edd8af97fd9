import type { Cluster } from '../config/kajitori-yaml.ts';

/** Where an app is rendered: names, or what stands for them in an ApplicationSet's template. */
export interface AppPlace {
  readonly app: string;
  readonly environment: string;
  readonly cluster: string;
}

/**
 * What the chart is told and no values file can override (`valuesObject.facts`).
 *
 * All facts are text. Argo CD fills an ApplicationSet's template string by string, inside `valuesObject` too
 * (applicationset/utils, `deeplyReplace`): what stands between quotes stays text, so a boolean cannot be handed over.
 * The chart compares `toString` of `active` with "true"; `if .Values.facts.active` alone would take "false" for true. Its
 * schema takes true, false, "true" and "false".
 */
export interface AppFacts extends AppPlace {
  readonly region: string;
  readonly account: string;
  /** Cron jobs and queue consumers run here, unless they say otherwise. */
  readonly active: 'true' | 'false';
}

/** The facts of an app in one cluster of an environment. */
export const appFacts = (app: string, environment: string, cluster: Cluster): AppFacts => ({
  app,
  environment,
  cluster: cluster.name,
  region: cluster.region,
  account: cluster.account,
  active: cluster.active ? 'true' : 'false',
});

/** Of an app, in this environment: without it the app was never deployed there, and there is no Application. */
export const releaseFile = ({ app, environment }: Pick<AppPlace, 'app' | 'environment'>): string =>
  `apps/${app}/release.${environment}.yaml`;

/**
 * The values files of an app in the GitOps repository, relative to its root; later ones win. Those that do not exist
 * are left out (`ignoreMissingValueFiles`).
 *
 * The one list for the generated ApplicationSets and for rendering: what we check is what Argo CD renders.
 */
export const appValueFiles = (place: AppPlace): string[] => [
  'defaults/platform.yaml',
  `defaults/${place.cluster}.yaml`,
  `apps/${place.app}/values.yaml`,
  `apps/${place.app}/values.${place.environment}.yaml`,
  `apps/${place.app}/resources.${place.environment}.yaml`,
  releaseFile(place),
  `apps/${place.app}/app.yaml`,
];

/** The folder of plain manifests that are applied beside the chart: the second source, `directory.include: extra/**`. */
export const extraFolder = (app: string): string => `apps/${app}/extra`;
