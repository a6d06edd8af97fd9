import { type AppDefinition, ownerOf, parseAppYaml } from '../config/app-yaml.ts';
import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import { couldNot, refused } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { Tree } from '../repository/tree.ts';
import { appProjectFile } from './app-project.ts';
import { CODE_OWNERS_FILES, regionWithApp } from './code-owners.ts';
import { type ExistingFiles, type NewApp, newAppFiles, valuesFile } from './new-app.ts';
import { newAppMessage } from './new-app-message.ts';
import { nextSteps, SECRET_PATH } from './next-steps.ts';
import { checkOwner, type OwnerCheck } from './owner-check.ts';
import { hasTeamRoles, PLATFORM_SETTING_FILES, platformSetting } from './platform-setting.ts';
import { readApps } from './read-apps.ts';
import { readConfig } from './read-config.ts';
import type { TeamDirectory } from './team-directory.ts';

/** Who asks, and by which run. */
export interface Asking {
  /** GitHub login. */
  readonly person: string | undefined;
  /** URL of the run. */
  readonly run: string | undefined;
}

export interface NewAppResult {
  readonly app: string;
  /** `@acme/shop`, or the short name of the team where kajitori.yaml has no `teams`. */
  readonly owner: string;
  readonly checks: OwnerCheck;
  /** What the owner does next: Markdown, an item each. */
  readonly next: readonly string[];
  /** As kajitori.yaml says. */
  readonly merge: 'manual' | 'automatic';
}

/** What the computation surely reads in a repository of the standard layout. */
export const filesOfNewApp = (app: string): readonly string[] => [
  KAJITORI_FILE,
  ...CODE_OWNERS_FILES,
  `apps/${app}/app.yaml`,
  valuesFile(app),
  appProjectFile(app),
  ...PLATFORM_SETTING_FILES,
];

/**
 * The change that makes a new app. When the app is there with the same answers, what is missing is added: no edits means
 * that it is there already.
 *
 * @throws Failure: `taken`, `reserved-name`, what `checkOwner` refuses, and what the files of the repository are refused for
 */
export async function computeNewApp(
  tree: Tree,
  request: NewApp,
  asking: Asking,
  teams: TeamDirectory,
): Promise<Change<NewAppResult>> {
  const config = await readConfig(tree);
  const { app } = request;
  await refuseTaken(tree, config, request);
  const [owners, teamRoles] = await Promise.all([
    existingOwners(tree, config, request),
    hasTeamRoles(tree, config),
  ]);
  const files = newAppFiles(config, request, { ...owners, teamRoles });
  const definition = definitionOf(request);
  const owner = ownerOf(config, definition);
  const result: NewAppResult = {
    app,
    owner: owner ?? definition.team,
    checks: await checkOwner(owner, asking.person, teams),
    next: nextSteps(config, request, await platformSetting(tree, ['secrets', 'path'], SECRET_PATH)),
    merge: config.newApp?.merge ?? 'manual',
  };
  const edits = new Map<string, string>();
  for (const [file, text] of files) {
    const there = await tree.read(file);
    // Of a file that is there only our region of CODEOWNERS is ours to change.
    const region = CODE_OWNERS_FILES.some((each) => each === file);
    if (text !== null && there !== text && (there === undefined || region)) {
      edits.set(file, text);
    }
  }
  return { edits, message: newAppMessage(request, result, asking), via: 'pull-request', result };
}

const definitionOf = ({ team, sources, kind }: NewApp): AppDefinition => ({
  team,
  sources: [...sources],
  kind,
});

async function refuseTaken(tree: Tree, config: KajitoriConfig, request: NewApp): Promise<void> {
  const { app } = request;
  const file = appFile(config, app);
  const there = await tree.read(file);
  if (there !== undefined) {
    const { team, sources, kind } = parseAppYaml(there, file);
    const wanted = definitionOf(request);
    if (JSON.stringify({ team, sources, kind }) !== JSON.stringify(wanted)) {
      throw taken(app, file, `it belongs to the team ${team} (${sources.join(', ')})`);
    }
    return;
  }
  if (config.newApp?.reserved.includes(app) === true) {
    throw reserved(app, 'kajitori.yaml reserves it (newApp.reserved)');
  }
  const [folder, component] = await Promise.all([
    tree.list(file.split('/').slice(0, -1).join('/')),
    tree.list(`platform/${app}`),
  ]);
  if (component.length > 0) {
    throw reserved(app, `platform/${app} is a component of the platform team`);
  }
  if (file === `apps/${app}/app.yaml` && folder.length > 0) {
    throw taken(app, `apps/${app}`, 'its folder is there, without an app.yaml');
  }
}

const taken = (app: string, file: string, why: string) =>
  refused(`The name ${app} is taken: ${why}.`, {
    at: { file },
    todo: 'Choose another name. If you meant this app, change its app.yaml by a pull request.',
    reason: 'taken',
  });

const reserved = (app: string, why: string) =>
  couldNot(`${app} cannot be the name of an app: ${why}.`, {
    todo: 'Choose a name that says what the app does.',
    reason: 'reserved-name',
  });

async function existingOwners(tree: Tree, config: KajitoriConfig, request: NewApp): Promise<ExistingFiles> {
  for (const file of CODE_OWNERS_FILES) {
    const text = await tree.read(file);
    if (text !== undefined) {
      const codeOwners = { file, text };
      return regionWithApp(config, text, request.app, definitionOf(request)) === undefined
        ? { codeOwners, apps: await readApps(tree, config) }
        : { codeOwners, apps: new Map() };
    }
  }
  return { apps: config.teams === undefined ? new Map() : await readApps(tree, config) };
}
