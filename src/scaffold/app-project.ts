import { type AppDefinition, ownerOf } from '../config/app-yaml.ts';
import { chartSource } from '../config/chart-source.ts';
import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import { generatedYaml } from './generated-yaml.ts';
import { gitopsSource } from './gitops-source.ts';

/** Where the AppProject of an app stands. */
export const appProjectFile = (app: string): string => `argocd/projects/${app}.yaml`;

/**
 * `argocd/projects/<app>.yaml`: what Argo CD lets an app do. Its own namespace in our clusters, and of the
 * cluster-scoped kinds only Namespace. RBAC is left out too: a Role in `extra/` could give away what the app's
 * ServiceAccount may read.
 *
 * @param teamRoles whether the chart makes Roles for teams (`platform.access.group`): then Argo CD must let RBAC through,
 * as a project cannot tell the chart's from that of `extra/`, and only the guard keeps it out of there
 * @throws Failure (exit 2) when kajitori.yaml has no `repository`
 */
export function appProject(
  config: KajitoriConfig,
  app: string,
  definition: AppDefinition,
  teamRoles = false,
): string {
  const environments = environmentsOf(config);
  const charts = environments.flatMap((environment) => {
    const chart = chartSource(config, environment.name);
    return chart.kind === 'oci' ? [chart.repoURL] : [];
  });
  const manifest = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AppProject',
    metadata: { name: app, namespace: 'argocd' },
    spec: {
      description: `${app}, owned by ${ownerOf(config, definition) ?? definition.team}`,
      sourceRepos: [...new Set([gitopsSource(config).repoURL, ...charts])],
      destinations: environments.flatMap((environment) =>
        environment.clusters.map((cluster) => ({ name: cluster.name, namespace: app })),
      ),
      clusterResourceWhitelist: [{ group: '', kind: 'Namespace' }],
      ...(teamRoles
        ? {}
        : {
            namespaceResourceBlacklist: [
              { group: 'rbac.authorization.k8s.io', kind: 'Role' },
              { group: 'rbac.authorization.k8s.io', kind: 'RoleBinding' },
            ],
          }),
    },
  };
  return generatedYaml(manifest, `kajitori.yaml and ${appFile(config, app)}`);
}
