import type { Application, ApplicationSource } from '../applications/application.ts';
import { couldNot } from '../report/failure.ts';

/** Variables by name, which Argo CD fills into some fields of a source. */
export type BuildEnvironment = ReadonlyMap<string, string>;

/**
 * Argo CD's build environment (docs: "Build Environment"; reposerver/repository `newEnv`).
 *
 * @param revision the commit that is rendered; without it the variables that need it are missing, and using them fails
 */
export function buildEnvironment(
  application: Pick<Application, 'name' | 'project' | 'destination'>,
  source: Pick<ApplicationSource, 'repoURL' | 'path' | 'targetRevision'>,
  revision: string | undefined,
): BuildEnvironment {
  const variables: [string, string][] = [
    ['ARGOCD_APP_NAME', application.name],
    ['ARGOCD_APP_NAMESPACE', application.destination.namespace],
    ['ARGOCD_APP_PROJECT_NAME', application.project],
    ['ARGOCD_APP_SOURCE_REPO_URL', source.repoURL],
    ['ARGOCD_APP_SOURCE_PATH', source.path ?? ''],
    ['ARGOCD_APP_SOURCE_TARGET_REVISION', source.targetRevision ?? ''],
  ];
  return new Map(
    revision === undefined
      ? variables
      : [
          ...variables,
          ['ARGOCD_APP_REVISION', revision],
          ['ARGOCD_APP_REVISION_SHORT', revision.slice(0, 7)],
          ['ARGOCD_APP_REVISION_SHORT_8', revision.slice(0, 8)],
        ],
  );
}

/** What follows a dollar, as Go's `os.Expand` reads it. */
const VARIABLE = /\$(?:\{([^}]*)(\}?)|([*#$@!?0-9-])|([A-Za-z_]\w*))/g;

/**
 * A text with `$NAME` and `${NAME}` filled in; `$$` is a dollar, an unknown name is nothing.
 *
 * @throws Failure (exit 2, `not-rendered`) for the revision, where it is not known
 */
export function fillVariables(text: string, environment: BuildEnvironment): string {
  return text.replaceAll(
    VARIABLE,
    (all, braced?: string, closed?: string, special?: string, plain?: string) => {
      if (special === '$') {
        return '$';
      }
      const name = braced ?? plain ?? special ?? '';
      if (name.startsWith('ARGOCD_APP_REVISION') && !environment.has(name)) {
        throw couldNot(`${all} is the commit that Argo CD renders, and it is not known here.`, {
          todo: 'Render a commit instead of a folder without git.',
          reason: 'not-rendered',
        });
      }
      // Go leaves out `${` alone, and goes on behind it.
      return closed === '' && braced !== undefined ? braced : (environment.get(name) ?? '');
    },
  );
}
