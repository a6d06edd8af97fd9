/**
 * Where `kajitori render` is not what Argo CD renders: docs/render.md says why of each. By application of the fixture; nothing else
 * may differ, and what is here must.
 */
export const KNOWN_DIFFERENCES: Readonly<Record<string, readonly string[]>> = {
  // The cluster is not in a kajitori.yaml, its patch version and its CustomResourceDefinitions are not in the repository.
  'helm-capabilities': [
    'ConfigMap/helm-capabilities/capabilities data.minor',
    'ConfigMap/helm-capabilities/capabilities data.monitoring',
    'ConfigMap/helm-capabilities/capabilities data.serviceMonitor',
    'ConfigMap/helm-capabilities/capabilities data.version',
  ],
  // Chance.
  'helm-random': ['ConfigMap/helm-random/random data.word'],
};

/** Applications that are rendered here and that Argo CD never gets as they stand: bases of kustomizations. */
export const NEVER_APPLIED = ['app'];

/** Applications that Argo CD renders and we do not: they are reported, with exit code 2. */
export const ONLY_ARGO_CD = ['not-jsonnet', 'odd-no-name'];
