import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import { KAJITORI_FILE, type KajitoriConfig, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import { nameHint } from '../config/nearest.ts';
import { couldNot } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';

/** The files that a deploy of these apps surely reads in the standard layout, for the first request. */
export const filesOfApps = (apps: readonly string[], environments: readonly string[]): readonly string[] => [
  KAJITORI_FILE,
  ...apps.flatMap((app) => [
    `apps/${app}/app.yaml`,
    ...environments.map((environment) => `apps/${app}/release.${environment}.yaml`),
  ]),
];

/** @throws Failure (exit 2): `no-config` where kajitori.yaml is missing, `invalid-file` for what is wrong in it */
export async function readConfig(tree: Tree): Promise<KajitoriConfig> {
  const source = await tree.read(KAJITORI_FILE);
  if (source === undefined) {
    throw couldNot(`There is no ${KAJITORI_FILE} in ${tree.name}.`, {
      todo: 'Run it in a clone of the GitOps repository, or name that one (--repository OWNER/NAME; in a workflow, the input repository). `kajitori init` makes the file. Without it, only bump can deploy, with files and set.',
      reason: 'no-config',
    });
  }
  return parseKajitoriYaml(source);
}

/** What app.yaml says of an app. @throws Failure (exit 2, `unknown-app`) with the nearest name */
export async function readDefinition(
  tree: Tree,
  config: KajitoriConfig,
  app: string,
): Promise<AppDefinition> {
  const file = appFile(config, app);
  const source = await tree.read(file);
  if (source === undefined) {
    throw couldNot(`There is no app ${app}: ${file} does not exist. ${await hintForApp(tree, config, app)}`, {
      at: { file },
      todo: 'Correct the name, or make the app first.',
      reason: 'unknown-app',
    });
  }
  return parseAppYaml(source, file);
}

async function hintForApp(tree: Tree, config: KajitoriConfig, app: string): Promise<string> {
  const folder = appFile(config, app).split('/')[0] ?? '';
  const entries = await tree.list(folder);
  return nameHint(
    app,
    entries.filter(({ kind }) => kind === 'folder').map(({ name }) => name),
  );
}
