/** The kinds of other projects that the standard chart renders. Their own schemas judge elsewhere; here any content will do. */
const KINDS = [
  { group: 'external-secrets.io', version: 'v1', kind: 'ExternalSecret' },
  { group: 'keda.sh', version: 'v1alpha1', kind: 'ScaledObject' },
  { group: 'keda.sh', version: 'v1alpha1', kind: 'TriggerAuthentication' },
  { group: 'monitoring.coreos.com', version: 'v1', kind: 'ServiceMonitor' },
  { group: 'monitoring.coreos.com', version: 'v1', kind: 'PodMonitor' },
  { group: 'monitoring.coreos.com', version: 'v1', kind: 'PrometheusRule' },
] as const;

/** Their definitions, as small as the API server takes them. */
export const customResourceDefinitions = (): object[] =>
  KINDS.map(({ group, version, kind }) => {
    const singular = kind.toLowerCase();
    const plural = `${singular}s`;
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, singular, plural, listKind: `${kind}List` },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            subresources: { status: {} },
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
  });
