import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Tree } from '../repository/tree.ts';
import { parseYaml } from '../yaml/parse.ts';
import type { YamlPath } from '../yaml/path.ts';
import { clusterDefaultsFile, PLATFORM_DEFAULTS_FILE } from './defaults.ts';

/** The files that say what holds for all apps; the first that has a key wins. */
export const PLATFORM_SETTING_FILES = [PLATFORM_DEFAULTS_FILE, 'charts/app/values.yaml'] as const;

/**
 * A text below `platform` that holds for every app, as the chart will see it: the platform team's, else the chart's own.
 *
 * @param otherwise where neither file says it, for example with a chart from a registry
 */
export async function platformSetting(tree: Tree, path: YamlPath, otherwise: string): Promise<string> {
  for (const file of PLATFORM_SETTING_FILES) {
    const text = await tree.read(file);
    const value = text === undefined ? undefined : parseYaml(text, { file }).get(['platform', ...path]);
    if (typeof value === 'string') {
      return value;
    }
  }
  return otherwise;
}

/** Whether the chart makes Roles for the owning teams, in any cluster (`platform.access.group`). */
export async function hasTeamRoles(tree: Tree, config: KajitoriConfig): Promise<boolean> {
  const files = [...PLATFORM_SETTING_FILES, ...Object.keys(config.clusters).map(clusterDefaultsFile)];
  const groups = await Promise.all(
    files.map(async (file) => {
      const text = await tree.read(file);
      return text === undefined ? undefined : parseYaml(text, { file }).get(['platform', 'access', 'group']);
    }),
  );
  return groups.some((group) => typeof group === 'string' && group !== '');
}
