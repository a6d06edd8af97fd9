import { parseAppName } from '../config/app-name.ts';
import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import { KAJITORI_FILE, type KajitoriConfig, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { Failure } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import { appFolders } from '../scaffold/app-folders.ts';
import { CODE_OWNERS_FILES, codeOwnersRegion, replaceCodeOwnersRegion } from '../scaffold/code-owners.ts';
import { generatedFiles } from '../scaffold/generated-files.ts';
import { type Check, fail, failed, notChecked, ok, warn } from './check.ts';
import { checkCallers } from './check-callers.ts';

/** What the files of the GitOps repository say; the other checks build on it. */
export interface FileFindings {
  readonly checks: readonly Check[];
  /** Undefined when kajitori.yaml cannot be read. */
  readonly config: KajitoriConfig | undefined;
  /** The apps whose definition can be read. */
  readonly apps: ReadonlyMap<string, AppDefinition>;
}

/** kajitori.yaml, every app.yaml, and whether what is generated is what is committed. */
export async function checkFiles(tree: Tree | undefined): Promise<FileFindings> {
  if (tree === undefined) {
    const todo = 'Run it in a clone of the GitOps repository, or name it with --repository.';
    return {
      checks: [notChecked('kajitori-yaml', 'The files of the GitOps repository were not read.', todo)],
      config: undefined,
      apps: new Map(),
    };
  }
  const read = await readConfig(tree);
  if (read.config === undefined) {
    return { checks: [read.check], config: undefined, apps: new Map() };
  }
  const { config } = read;
  const { check, apps } = await readApps(tree, config);
  return {
    checks: [
      read.check,
      check,
      await checkGenerated(tree, config, apps),
      ...(await checkCallers(tree, config)),
      ...(await checkOwners(tree, config, apps)),
    ],
    config,
    apps,
  };
}

async function readConfig(
  tree: Tree,
): Promise<{ readonly check: Check; readonly config: KajitoriConfig | undefined }> {
  const name = 'kajitori-yaml';
  const text = await tree.read(KAJITORI_FILE);
  if (text === undefined) {
    const todo = 'Run `kajitori init` there, or name the GitOps repository.';
    return { check: fail(name, `There is no ${KAJITORI_FILE} in ${tree.name}.`, todo), config: undefined };
  }
  try {
    const config = parseKajitoriYaml(text);
    const environments = Object.keys(config.environments).join(', ');
    return { check: ok(name, `${KAJITORI_FILE} is right; environments: ${environments}.`), config };
  } catch (error) {
    return { check: failed(name, asFailure(error)), config: undefined };
  }
}

async function readApps(
  tree: Tree,
  config: KajitoriConfig,
): Promise<{ readonly check: Check; readonly apps: ReadonlyMap<string, AppDefinition> }> {
  const name = 'app-yaml';
  const apps = new Map<string, AppDefinition>();
  const failures: Failure[] = [];
  for (const folder of await appFolders(tree, config)) {
    try {
      apps.set(parseAppName(folder.name), parseAppYaml(folder.text, folder.file));
    } catch (error) {
      failures.push(asFailure(error));
    }
  }
  const [first] = failures;
  if (first !== undefined) {
    const more = failures.length === 1 ? '' : ` And ${failures.length - 1} more app.yaml cannot be read.`;
    const check = failed(name, first);
    return { check: { ...check, what: `${check.what}${more}` }, apps };
  }
  return {
    check: ok(
      name,
      apps.size === 0 ? 'There are no apps yet.' : `The app.yaml of ${apps.size} apps are right.`,
    ),
    apps,
  };
}

/** Argo CD applies what is committed, not what kajitori.yaml says: a cluster that was added only there gets nothing. */
async function checkGenerated(
  tree: Tree,
  config: KajitoriConfig,
  apps: ReadonlyMap<string, AppDefinition>,
): Promise<Check> {
  const name = 'generated-files';
  try {
    const expected = generatedFiles(config, apps);
    const different: string[] = [];
    for (const { path, text } of expected) {
      const committed = await tree.read(path);
      if (committed !== text) {
        different.push(committed === undefined ? `${path} (missing)` : path);
      }
    }
    if (different.length > 0) {
      return fail(
        name,
        `Not as generated from ${KAJITORI_FILE} and app.yaml: ${different.join(', ')}.`,
        'Delete these files and run `kajitori init`, which writes them anew; commit the result.',
      );
    }
    return ok(
      name,
      expected.length === 0
        ? 'Another layout: nothing is generated.'
        : `The ${expected.length} generated files below argocd/ are up to date.`,
    );
  } catch (error) {
    return failed(name, asFailure(error));
  }
}

async function checkOwners(
  tree: Tree,
  config: KajitoriConfig,
  apps: ReadonlyMap<string, AppDefinition>,
): Promise<readonly Check[]> {
  if (config.teams === undefined) {
    return [];
  }
  const name = 'code-owners';
  const todo = 'Run `kajitori init`, which renews its region in CODEOWNERS, and commit the result.';
  for (const path of CODE_OWNERS_FILES) {
    const text = await tree.read(path);
    if (text !== undefined) {
      try {
        const region = codeOwnersRegion(config, apps);
        return replaceCodeOwnersRegion(text, region, path) === text
          ? [ok(name, `${path} names the owner of every app.`)]
          : [warn(name, `The region of kajitori in ${path} is not up to date.`, todo)];
      } catch (error) {
        return [failed(name, asFailure(error))];
      }
    }
  }
  return [warn(name, 'There is no CODEOWNERS, so nobody is asked about changes of an app.', todo)];
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error;
  }
  throw error;
}
