/** Where an app is rendered: names, or what stands for them in an ApplicationSet's template. */
export interface AppPlace {
  readonly app: string;
  readonly environment: string;
  readonly cluster: string;
}

/** What the chart is told and no values file can override (`valuesObject.facts`). */
export interface AppFacts extends AppPlace {
  readonly region: string;
  readonly account: string;
}

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
