import type { AppDefinition } from '../config/app-yaml.ts';
import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { appProject, appProjectFile } from './app-project.ts';
import { applicationSet, applicationSetFile } from './application-set.ts';
import { argocdNotifications, NOTIFICATIONS_FILE } from './argocd-notifications.ts';
import { ROOT_APPLICATION_FILE, rootApplication } from './root-application.ts';

/** A file that is pure output: the same whenever it is made from the same configuration. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
  /** What it is, in a few words. */
  readonly about: string;
}

/**
 * Everything below argocd/ that is generated whole. None in another layout: that has Applications of its own, and
 * ours beside them would deploy everything twice.
 *
 * @param teamRoles see `appProject`
 * @throws Failure (exit 2, `no-repository`) when kajitori.yaml does not say the URL of the repository
 */
export function generatedFiles(
  config: KajitoriConfig,
  apps: ReadonlyMap<string, AppDefinition>,
  teamRoles = false,
): readonly GeneratedFile[] {
  if (layoutOf(config).kind === 'patterns') {
    return [];
  }
  return [
    {
      path: ROOT_APPLICATION_FILE,
      text: rootApplication(config),
      about: 'the one Application that Argo CD is given by hand',
    },
    ...(config.argocd?.notifications === true
      ? [
          {
            path: NOTIFICATIONS_FILE,
            text: argocdNotifications(config),
            about: "what Argo CD's notifications write to GitHub",
          },
        ]
      : []),
    ...environmentsOf(config).map(({ name, clusters }) => ({
      path: applicationSetFile(name),
      text: applicationSet(config, name),
      about: `ApplicationSet of ${name}: ${clusters.map((cluster) => cluster.name).join(', ')}`,
    })),
    ...[...apps].map(([app, definition]) => ({
      path: appProjectFile(app),
      text: appProject(config, app, definition, teamRoles),
      about: `what Argo CD lets ${app} do`,
    })),
  ];
}
