import { parsePath, type YamlPath } from '../yaml/path.ts';
import { environmentOf, type KajitoriConfig } from './kajitori-yaml.ts';
import { expandPattern } from './path-pattern.ts';

/** Where things are in a GitOps repository: our standard, or the patterns of `apps` in kajitori.yaml. */
export interface Layout {
  readonly kind: 'standard' | 'patterns';
}

export const layoutOf = (config: KajitoriConfig): Layout => ({
  kind: config.apps?.release === undefined ? 'standard' : 'patterns',
});

/** The path of an app's app.yaml. @param app a name that `parseAppName` returned */
export function appFile(config: KajitoriConfig, app: string): string {
  const pattern = config.apps?.definition ?? 'apps/{app}/app.yaml';
  return expandPattern(pattern, { app, environment: '', cluster: '' });
}

/**
 * The files that hold the image of an app in an environment: all of them are written in one commit.
 *
 * @param app a name that `parseAppName` returned
 * @throws Failure (exit 2) for an unknown environment
 */
export function releaseFiles(config: KajitoriConfig, app: string, environment: string): string[] {
  const { clusters } = environmentOf(config, environment);
  const pattern = config.apps?.release ?? 'apps/{app}/release.{environment}.yaml';
  return [
    ...new Set(
      clusters.map((cluster) => expandPattern(pattern, { app, environment, cluster: cluster.name })),
    ),
  ];
}

/**
 * The file that holds `release` and `hold`: the release file itself, or in other layouts a file of our own,
 * because the strict schema of a foreign chart would refuse keys that it does not know.
 */
export function stateFile(config: KajitoriConfig, app: string, environment: string): string {
  environmentOf(config, environment);
  return layoutOf(config).kind === 'standard'
    ? `apps/${app}/release.${environment}.yaml`
    : `.kajitori/${app}.${environment}.yaml`;
}

/** The path of the image inside a release file. */
export const imagePath = (config: KajitoriConfig): YamlPath => parsePath(config.apps?.image ?? 'image');

/** Whether an image must come with its digest; foreign charts often have no place for one. */
export const digestRule = (config: KajitoriConfig): 'required' | 'optional' =>
  config.apps?.digest ?? (layoutOf(config).kind === 'standard' ? 'required' : 'optional');
