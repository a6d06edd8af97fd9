import { stringify } from 'yaml';
import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { FileEdits } from '../repository/tree.ts';
import { gitopsSource } from './gitops-source.ts';

/** A community chart that the platform team runs in every cluster. */
interface Component {
  readonly name: string;
  readonly namespace: string;
  readonly repoURL: string;
  readonly chart: string;
  /** By environment: an upgrade goes to staging first. */
  readonly versions: Readonly<Record<string, string>>;
  readonly values: string;
}

const COMPONENTS: readonly Component[] = [
  {
    name: 'keda',
    namespace: 'keda',
    repoURL: 'https://kedacore.github.io/charts',
    chart: 'keda',
    versions: { staging: '2.18.1', production: '2.17.2' },
    values: `# Two operators, so that scaling goes on while a node is replaced.
operator:
  replicaCount: 2
prometheus:
  operator:
    enabled: true
`,
  },
  {
    name: 'descheduler',
    namespace: 'kube-system',
    repoURL: 'https://kubernetes-sigs.github.io/descheduler/',
    chart: 'descheduler',
    versions: { staging: '0.33.0', production: '0.33.0' },
    // v1alpha2 of the policy (descheduler docs, "PodLifeTime"). The standard chart's pods have an emptyDir, /tmp.
    values: `# Ends pods whose \`maxLifetime\` is over: one profile for each value in platform.maxLifetimes of defaults/platform.yaml.
# It evicts, so that budgets and graceful termination hold.
kind: Deployment
deschedulingInterval: 5m
deschedulerPolicyAPIVersion: descheduler/v1alpha2
deschedulerPolicy:
  profiles:
    - name: max-lifetime-8h
      pluginConfig:
        - name: DefaultEvictor
          args:
            evictLocalStoragePods: true
        - name: PodLifeTime
          args:
            maxPodLifeTimeSeconds: 28800
            labelSelector:
              matchLabels:
                kajitori.dev/max-lifetime: 8h
      plugins:
        deschedule:
          enabled: [PodLifeTime]
`,
  },
  {
    name: 'dcgm-exporter',
    namespace: 'gpu-monitoring',
    repoURL: 'https://nvidia.github.io/dcgm-exporter/helm-charts',
    chart: 'dcgm-exporter',
    versions: { staging: '4.8.1', production: '4.8.1' },
    values: `# How busy the GPUs are that apps ask for with \`gpu\`: on the nodes of platform.gpu.nodeSelector only.
nodeSelector:
  nvidia.com/gpu.present: "true"
tolerations:
  - key: nvidia.com/gpu
    operator: Exists
    effect: NoSchedule
serviceMonitor:
  enabled: true
`,
  },
  {
    name: 'metrics-server',
    namespace: 'kube-system',
    repoURL: 'https://kubernetes-sigs.github.io/metrics-server/',
    chart: 'metrics-server',
    versions: { staging: '3.13.0', production: '3.13.0' },
    values: `replicas: 2
podDisruptionBudget:
  enabled: true
  minAvailable: 1
`,
  },
];

/** The components of the example, as a platform team writes them: one ApplicationSet an environment, one values file. */
export function componentFiles(config: KajitoriConfig): FileEdits {
  return new Map([
    ['argocd/platform.yaml', platformApplication(config)],
    ...COMPONENTS.flatMap((component) => [
      [`platform/${component.name}/values.yaml`, component.values] as const,
      ...environmentsOf(config).map(
        ({ name, clusters }) =>
          [
            `platform/${component.name}/application.${name}.yaml`,
            componentApplications(
              config,
              component,
              name,
              clusters.map((cluster) => cluster.name),
            ),
          ] as const,
      ),
    ]),
  ]);
}

const manifest = (header: string, value: unknown): string =>
  `# ${header}\n${stringify(value, { lineWidth: 0, compat: 'yaml-1.1' })}`;

function platformApplication(config: KajitoriConfig): string {
  return manifest('Applies the components of the platform team.', {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'platform', namespace: 'argocd' },
    spec: {
      project: 'default',
      source: {
        ...gitopsSource(config),
        path: 'platform',
        // Values stand beside the manifests and are none.
        directory: { recurse: true, include: '*/application.*.yaml' },
      },
      destination: { server: 'https://kubernetes.default.svc', namespace: 'argocd' },
      syncPolicy: { automated: { selfHeal: true } },
    },
  });
}

function componentApplications(
  config: KajitoriConfig,
  component: Component,
  environment: string,
  clusters: readonly string[],
): string {
  const { name, namespace, repoURL, chart, versions } = component;
  return manifest(`${name} in the clusters of ${environment}.`, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'ApplicationSet',
    metadata: { name: `${name}-${environment}`, namespace: 'argocd' },
    spec: {
      goTemplate: true,
      goTemplateOptions: ['missingkey=error'],
      syncPolicy: { applicationsSync: 'create-update', preserveResourcesOnDeletion: true },
      generators: [{ list: { elements: clusters.map((cluster) => ({ cluster })) } }],
      template: {
        metadata: { name: `${name}-{{.cluster}}` },
        spec: {
          project: 'default',
          sources: [
            {
              repoURL,
              chart,
              targetRevision: versions[environment],
              helm: { releaseName: name, valueFiles: [`$values/platform/${name}/values.yaml`] },
            },
            { ...gitopsSource(config), ref: 'values' },
          ],
          destination: { name: '{{.cluster}}', namespace },
          syncPolicy: {
            automated: { prune: true, selfHeal: true },
            // CRDs of KEDA are larger than the annotation that a client-side apply writes.
            syncOptions: ['CreateNamespace=true', 'ServerSideApply=true'],
          },
        },
      },
    },
  });
}
