import type { Cluster, KajitoriConfig } from '../config/kajitori-yaml.ts';

/** Where the platform's values for one cluster stand. */
export const clusterDefaultsFile = (cluster: string): string => `defaults/${cluster}.yaml`;

export const PLATFORM_DEFAULTS_FILE = 'defaults/platform.yaml';

/** An empty map and not an empty file: Helm takes both, but a reader sees that nothing was forgotten. */
const schemaLine = (config: KajitoriConfig): string =>
  config.chart === undefined ? '# yaml-language-server: $schema=../charts/app/values.schema.json\n' : '';

/** The first text of defaults/platform.yaml. From then on it is the platform team's. */
export const platformDefaults = (config: KajitoriConfig): string =>
  `${schemaLine(config)}# The platform team's values for every app: over the chart's own, under the developers'.
# What can stand here: \`platform\` in charts/app/values.yaml, with its description in values.schema.json.
{}
`;

/** The first text of defaults/<cluster>.yaml. From then on it is the platform team's. */
export const clusterDefaults = (config: KajitoriConfig, cluster: Cluster): string =>
  `${schemaLine(config)}# The platform team's values for every app in ${cluster.name}, over those of platform.yaml.
{}
`;
