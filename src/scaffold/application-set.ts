import { type ChartSource, chartSource } from '../config/chart-source.ts';
import { environmentOf, KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { type AppFacts, appFacts, appValueFiles } from '../render/wiring.ts';
import { generatedYaml } from './generated-yaml.ts';
import { type GitopsSource, gitopsSource } from './gitops-source.ts';

/** The app is the folder of the release file; ApplicationSet's git files generator names it so. */
const APP = '{{.path.basename}}';

/** Where the ApplicationSet of an environment stands. */
export const applicationSetFile = (environment: string): string => `argocd/${environment}.yaml`;

/**
 * `argocd/<environment>.yaml`: one Application for each app that has a release file × each cluster of the environment.
 *
 * The wiring was tried on a real Argo CD 3.5. An Application appears with the first release file and is never
 * deleted by the generator: that a file disappeared is no order to take an app down.
 *
 * @throws Failure (exit 2) for an unknown environment, or when kajitori.yaml has no `repository`
 */
export function applicationSet(config: KajitoriConfig, environment: string): string {
  const { name, clusters } = environmentOf(config, environment);
  const git = gitopsSource(config);
  const chart = chartSource(config, environment);
  const manifest = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'ApplicationSet',
    metadata: { name, namespace: 'argocd' },
    spec: {
      goTemplate: true,
      goTemplateOptions: ['missingkey=error'],
      syncPolicy: { applicationsSync: 'create-update', preserveResourcesOnDeletion: true },
      generators: [
        {
          matrix: {
            // The order matters: the git generator also hands over the content of the file, and where both have a
            // key the first generator wins (argo-cd, applicationset/generators/matrix.go). So a release file that
            // says `cluster: prod-1` cannot move an app into another cluster.
            generators: [
              {
                list: {
                  elements: clusters.map((cluster) => elementOf(appFacts(APP, name, cluster))),
                },
              },
              {
                git: {
                  repoURL: git.repoURL,
                  revision: git.targetRevision,
                  requeueAfterSeconds: 30,
                  files: [{ path: `apps/*/release.${name}.yaml` }],
                },
              },
            ],
          },
        },
      ],
      template: {
        metadata: {
          name: `${APP}-{{.cluster}}`,
          labels: { 'kajitori.dev/app': APP, 'kajitori.dev/environment': name },
          // Without it every commit renders every application anew.
          annotations: {
            'argocd.argoproj.io/manifest-generate-paths': `/apps/${APP};/charts/app;/defaults`,
          },
        },
        spec: {
          project: APP,
          sources: sourcesOf(name, git, chart),
          destination: { name: '{{.cluster}}', namespace: APP },
          syncPolicy: {
            automated: { prune: true, selfHeal: true },
            retry: { limit: 2, backoff: { duration: '2s', factor: 2, maxDuration: '10s' } },
          },
        },
      },
    },
  };
  return generatedYaml(manifest, KAJITORI_FILE);
}

/** What the template takes from the list: the facts that differ between the clusters of an environment. */
const elementOf = ({ cluster, region, account, active }: AppFacts) => ({ cluster, region, account, active });

function sourcesOf(environment: string, git: GitopsSource, chart: ChartSource): object[] {
  const facts: Record<keyof AppFacts, string> = {
    app: APP,
    environment,
    cluster: '{{.cluster}}',
    region: '{{.region}}',
    account: '{{.account}}',
    active: '{{.active}}',
  };
  const helm = (root: string) => ({
    releaseName: APP,
    ignoreMissingValueFiles: true,
    valueFiles: appValueFiles(facts).map((file) => `${root}/${file}`),
    // Above all files: nobody overrides where an app runs.
    valuesObject: { facts },
  });
  // A pattern that matches nothing is no error, a path that does not exist is one: so not `path: apps/…/extra`.
  const extra = { ...git, path: `apps/${APP}`, directory: { recurse: true, include: 'extra/**' } };
  if (chart.kind === 'vendored') {
    return [{ ...git, path: chart.path, helm: helm('') }, extra];
  }
  // A chart from elsewhere reads our values by a reference ("Helm value files from external Git repository").
  return [
    { repoURL: chart.repoURL, chart: chart.chart, targetRevision: chart.version, helm: helm('$values') },
    { ...git, ref: 'values' },
    extra,
  ];
}
