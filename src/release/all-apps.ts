import { parseAppName } from '../config/app-name.ts';
import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import { Failure } from '../report/failure.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { gitHubTreeWith, readSnapshot } from '../repository/snapshot.ts';
import type { Tree } from '../repository/tree.ts';
import { readConfig } from './app-files.ts';
import { filesOfRelease } from './release-record.ts';

/** Every app of a GitOps repository at one moment. */
export interface AllApps {
  readonly tree: Tree;
  readonly config: KajitoriConfig;
  /** Sorted by name; without those whose app.yaml cannot be read. */
  readonly apps: ReadonlyMap<string, AppDefinition>;
  /** What is wrong with the others. */
  readonly unreadable: readonly Failure[];
  /** The commit that was read; undefined for a working copy. */
  readonly head: string | undefined;
}

/**
 * Reads every app's definition and release files: on GitHub by a request for a hundred files, not one for each.
 *
 * @throws Failure (exit 2) when kajitori.yaml is missing or wrong, or GitHub does not answer
 */
export async function readAllApps(on: GitopsRepository): Promise<AllApps> {
  const { tree: first, head } =
    on.kind === 'github'
      ? await readSnapshot(on.client, on.target, [KAJITORI_FILE, 'apps'])
      : { tree: on.copy, head: undefined };
  const config = await readConfig(first);
  const names = await appNames(first, config);
  const files = names.flatMap((app) => [
    appFile(config, app),
    ...Object.keys(config.environments).flatMap((environment) => filesOfRelease(config, app, environment)),
  ]);
  const tree =
    on.kind === 'github' && head !== undefined
      ? await gitHubTreeWith(on.client, on.target.repository, head, [KAJITORI_FILE, ...files])
      : first;
  const apps = new Map<string, AppDefinition>();
  const unreadable: Failure[] = [];
  for (const app of names) {
    const file = appFile(config, app);
    try {
      const text = await tree.read(file);
      if (text !== undefined) {
        apps.set(app, parseAppYaml(text, file));
      }
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      unreadable.push(error);
    }
  }
  return { tree, config, apps, unreadable, head };
}

/** The folders where `{app}` stands in the path of app.yaml; what is no name of an app is none. */
async function appNames(tree: Tree, config: KajitoriConfig): Promise<readonly string[]> {
  const pattern = config.apps?.definition ?? 'apps/{app}/app.yaml';
  const parent = pattern.slice(0, pattern.indexOf('{app}'));
  const entries = await tree.list(parent.slice(0, Math.max(0, parent.lastIndexOf('/'))));
  const before = parent.slice(parent.lastIndexOf('/') + 1);
  const after = pattern.slice(pattern.indexOf('{app}') + '{app}'.length).split('/')[0] ?? '';
  return entries.flatMap(({ name }) => {
    if (!name.startsWith(before) || !name.endsWith(after) || name.length <= before.length + after.length) {
      return [];
    }
    try {
      return [parseAppName(name.slice(before.length, name.length - after.length))];
    } catch (error) {
      if (error instanceof Failure) {
        return [];
      }
      throw error;
    }
  });
}
