import type { Tree } from '../repository/tree.ts';
import { parseYaml } from '../yaml/parse.ts';
import type { YamlPath } from '../yaml/path.ts';
import { PLATFORM_DEFAULTS_FILE } from './defaults.ts';

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
