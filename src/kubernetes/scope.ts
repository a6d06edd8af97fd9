import { isMap } from '../yaml/data.ts';
import type { KubernetesObject } from './object.ts';

/**
 * Kinds that belong to the whole cluster, by group (`namespaced: false` of the API resources of Kubernetes 1.31 to 1.37), and
 * those of widespread operators, whose definitions often stand in no repository that we see.
 */
const CLUSTER_SCOPED: Readonly<Record<string, readonly string[]>> = {
  '': ['Namespace', 'Node', 'PersistentVolume', 'ComponentStatus'],
  'admissionregistration.k8s.io': [
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
  ],
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  'authentication.k8s.io': ['SelfSubjectReview', 'TokenReview'],
  'authorization.k8s.io': ['SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'],
  'certificates.k8s.io': ['CertificateSigningRequest', 'ClusterTrustBundle'],
  'flowcontrol.apiserver.k8s.io': ['FlowSchema', 'PriorityLevelConfiguration'],
  'internal.apiserver.k8s.io': ['StorageVersion'],
  'networking.k8s.io': ['IngressClass', 'IPAddress', 'ServiceCIDR'],
  'node.k8s.io': ['RuntimeClass'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding'],
  'resource.k8s.io': ['DeviceClass', 'ResourceSlice', 'DeviceTaintRule'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': ['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
  'storagemigration.k8s.io': ['StorageVersionMigration'],

  'argoproj.io': ['ClusterAnalysisTemplate', 'ClusterWorkflowTemplate'],
  'cert-manager.io': ['ClusterIssuer'],
  'cilium.io': ['CiliumClusterwideNetworkPolicy', 'CiliumNode', 'CiliumLoadBalancerIPPool'],
  'crd.k8s.amazonaws.com': ['ENIConfig'],
  'elbv2.k8s.aws': ['IngressClassParams'],
  'eks.amazonaws.com': ['IngressClassParams', 'NodeClass', 'NodeDiagnostic'],
  'external-secrets.io': ['ClusterExternalSecret', 'ClusterSecretStore', 'ClusterPushSecret'],
  'gateway.networking.k8s.io': ['GatewayClass'],
  'karpenter.k8s.aws': ['EC2NodeClass'],
  'karpenter.sh': ['NodePool', 'NodeClaim'],
  'keda.sh': ['ClusterTriggerAuthentication'],
  'kyverno.io': ['ClusterPolicy', 'ClusterCleanupPolicy'],
  'snapshot.storage.k8s.io': ['VolumeSnapshotClass', 'VolumeSnapshotContent'],
  'templates.gatekeeper.sh': ['ConstraintTemplate'],
  'vpcresources.k8s.aws': ['CNINode'],
};

/** `apps` of `apps/v1`; empty for the core group. */
export const groupOf = ({ apiVersion }: Pick<KubernetesObject, 'apiVersion'>): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

/** What CustomResourceDefinitions say of the kinds that they add. */
export interface DefinedKinds {
  /** By `group/Kind`: whether it belongs to the whole cluster. */
  readonly isClusterScoped: ReadonlyMap<string, boolean>;
  /** `group/version` and `group/version/Kind`, as charts ask for them (`.Capabilities.APIVersions`). */
  readonly apiVersions: readonly string[];
}

/** The kinds that definitions among these objects add; others are passed over. */
export function definedKinds(objects: Iterable<KubernetesObject>): DefinedKinds {
  const isClusterScoped = new Map<string, boolean>();
  const apiVersions = new Set<string>();
  for (const object of objects) {
    if (object.kind !== 'CustomResourceDefinition' || !isMap(object.spec)) {
      continue;
    }
    const { group, names, scope, versions } = object.spec;
    if (typeof group === 'string' && isMap(names) && typeof names.kind === 'string') {
      isClusterScoped.set(`${group}/${names.kind}`, scope === 'Cluster');
      for (const version of Array.isArray(versions) ? versions.filter(isMap) : []) {
        if (typeof version.name === 'string' && version.served !== false) {
          apiVersions.add(`${group}/${version.name}`).add(`${group}/${version.name}/${names.kind}`);
        }
      }
    }
  }
  return { isClusterScoped, apiVersions: [...apiVersions] };
}

/** Whether an object belongs to the whole cluster. A kind that nobody knows is taken for one in a namespace, as Argo CD does. */
export function isClusterScoped(object: KubernetesObject, kinds?: DefinedKinds): boolean {
  const group = groupOf(object);
  return (
    kinds?.isClusterScoped.get(`${group}/${object.kind}`) ??
    (Object.hasOwn(CLUSTER_SCOPED, group) && CLUSTER_SCOPED[group]?.includes(object.kind) === true)
  );
}
