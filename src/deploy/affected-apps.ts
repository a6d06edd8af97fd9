import { parseAppName } from '../config/app-name.ts';
import { explainFault, type GitHubClient } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { Failure } from '../report/failure.ts';

/**
 * Which apps of an environment a change of files reaches in the standard layout: the app whose folder it is, and all of
 * them for what all share (the chart, the platform's values, the ApplicationSet).
 *
 * @param paths changed files
 * @param environment its name, and the names of its clusters
 * @param others names of the other environments: their files do not count
 * @param apps all that are deployed there
 */
export function affectedApps(
  paths: readonly string[],
  environment: { readonly name: string; readonly clusters: readonly string[] },
  others: readonly string[],
  apps: readonly string[],
): readonly string[] {
  const shared = new Set([
    'defaults/platform.yaml',
    ...environment.clusters.map((cluster) => `defaults/${cluster}.yaml`),
    `argocd/${environment.name}.yaml`,
  ]);
  if (paths.some((path) => shared.has(path) || path.startsWith('charts/app/'))) {
    return apps;
  }
  const changed = new Set(
    paths.flatMap((path) => {
      const [, app, file = ''] = /^apps\/([^/]+)\/(.+)$/.exec(path) ?? [];
      const of = /^(?:values|release|resources)\.([^/]+)\.yaml$/.exec(file)?.[1];
      return app === undefined || (of !== undefined && others.includes(of)) ? [] : [app];
    }),
  );
  return apps.filter((app) => changed.has(app));
}

/** The names among folders of apps/ that can be an app's. */
export const appFolders = (names: readonly string[]): readonly string[] =>
  names.filter((name) => {
    try {
      return parseAppName(name) === name;
    } catch (error) {
      if (error instanceof Failure) {
        return false;
      }
      throw error;
    }
  });

/** More GitHub does not tell (docs: "Get a commit"). */
const MOST_FILES = 3000;

/**
 * The files that a commit changed; undefined when there are more than GitHub tells.
 *
 * @throws Failure (exit 2) when GitHub does not answer
 */
export async function changedFiles(
  client: GitHubClient,
  repository: RepositoryName,
  commit: string,
): Promise<readonly string[] | undefined> {
  const found: string[] = [];
  try {
    for (let page = 1; found.length < MOST_FILES; page++) {
      const answer = await client.rest<{
        files?: readonly { readonly filename: string; readonly previous_filename?: string }[];
      }>('GET /repos/{owner}/{repo}/commits/{ref}', {
        owner: repository.owner,
        repo: repository.name,
        ref: commit,
        page,
      });
      const files = answer.data.files ?? [];
      found.push(
        ...files.flatMap(({ filename, previous_filename: before }) =>
          before === undefined ? [filename] : [filename, before],
        ),
      );
      if (!String(answer.headers.link ?? '').includes('rel="next"')) {
        return found;
      }
    }
    return undefined;
  } catch (error) {
    throw explainFault(
      error,
      `read what commit ${commit.slice(0, 8)} of ${formatRepositoryName(repository)} changed`,
    );
  }
}
