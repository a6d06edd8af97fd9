import { parseAppName } from '../config/app-name.ts';
import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Tree } from '../repository/tree.ts';
import { appFolders } from './app-folders.ts';

/**
 * The definitions of all apps of a repository, by name, sorted.
 *
 * @throws Failure (exit 2) for a folder whose name no app can have, and for an app.yaml that cannot be read
 */
export async function readApps(
  tree: Tree,
  config: KajitoriConfig,
): Promise<ReadonlyMap<string, AppDefinition>> {
  const folders = await appFolders(tree, config);
  return new Map(folders.map(({ name, file, text }) => [parseAppName(name), parseAppYaml(text, file)]));
}
