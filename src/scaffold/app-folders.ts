import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import type { Tree } from '../repository/tree.ts';

/** A folder of apps/ that has a definition. */
export interface AppFolder {
  /** The folder's name; not checked yet. */
  readonly name: string;
  /** The path of its app.yaml. */
  readonly file: string;
  readonly text: string;
}

/**
 * The apps of a GitOps repository: the folders below apps/ for which there is an app.yaml, sorted by name. Where kajitori.yaml has
 * another place for app.yaml (`apps.definition`), the folders that stand where it has `{app}`.
 */
export async function appFolders(tree: Tree, config: KajitoriConfig): Promise<readonly AppFolder[]> {
  const [above = ''] = (config.apps?.definition ?? 'apps/{app}/app.yaml').split('{app}');
  const folders = (await tree.list(above.replace(/\/?[^/]*$/, ''))).filter(({ kind }) => kind === 'folder');
  const found = await Promise.all(
    folders.map(async ({ name }) => {
      const file = appFile(config, name);
      const text = await tree.read(file);
      return text === undefined ? [] : [{ name, file, text }];
    }),
  );
  return found.flat();
}
