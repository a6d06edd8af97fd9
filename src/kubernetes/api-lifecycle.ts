/** What became of an old API of Kubernetes itself. Versions are minor ones: 25 is Kubernetes 1.25. */
export interface ApiLifecycle {
  readonly deprecatedIn?: number;
  readonly removedIn?: number;
  /** The apiVersion to write, or a sentence where there is none. */
  readonly use: string;
}

const removed = (removedIn: number, use: string): ApiLifecycle => ({ removedIn, use });

/** By apiVersion, then kind. Source: kubernetes.io/docs/reference/using-api/deprecation-guide (read 2026-11). */
const LIFECYCLES: Readonly<Record<string, Readonly<Record<string, ApiLifecycle>>>> = {
  v1: {
    ComponentStatus: { deprecatedIn: 19, use: 'the health endpoints of the components' },
    Endpoints: { deprecatedIn: 33, use: 'EndpointSlice of discovery.k8s.io/v1' },
  },
  'admissionregistration.k8s.io/v1beta1': {
    MutatingWebhookConfiguration: removed(22, 'admissionregistration.k8s.io/v1'),
    ValidatingAdmissionPolicy: removed(34, 'admissionregistration.k8s.io/v1'),
    ValidatingAdmissionPolicyBinding: removed(34, 'admissionregistration.k8s.io/v1'),
    ValidatingWebhookConfiguration: removed(22, 'admissionregistration.k8s.io/v1'),
  },
  'apiextensions.k8s.io/v1beta1': { CustomResourceDefinition: removed(22, 'apiextensions.k8s.io/v1') },
  'apiregistration.k8s.io/v1beta1': { APIService: removed(22, 'apiregistration.k8s.io/v1') },
  'apps/v1beta1': {
    Deployment: removed(16, 'apps/v1'),
    StatefulSet: removed(16, 'apps/v1'),
  },
  'apps/v1beta2': {
    DaemonSet: removed(16, 'apps/v1'),
    Deployment: removed(16, 'apps/v1'),
    ReplicaSet: removed(16, 'apps/v1'),
    StatefulSet: removed(16, 'apps/v1'),
  },
  'autoscaling/v2beta1': { HorizontalPodAutoscaler: removed(25, 'autoscaling/v2') },
  'autoscaling/v2beta2': { HorizontalPodAutoscaler: removed(26, 'autoscaling/v2') },
  'batch/v1beta1': { CronJob: removed(25, 'batch/v1') },
  'certificates.k8s.io/v1beta1': { CertificateSigningRequest: removed(22, 'certificates.k8s.io/v1') },
  'coordination.k8s.io/v1beta1': { Lease: removed(22, 'coordination.k8s.io/v1') },
  'discovery.k8s.io/v1beta1': { EndpointSlice: removed(25, 'discovery.k8s.io/v1') },
  'events.k8s.io/v1beta1': { Event: removed(25, 'events.k8s.io/v1') },
  'extensions/v1beta1': {
    DaemonSet: removed(16, 'apps/v1'),
    Deployment: removed(16, 'apps/v1'),
    Ingress: removed(22, 'networking.k8s.io/v1'),
    NetworkPolicy: removed(16, 'networking.k8s.io/v1'),
    PodSecurityPolicy: removed(16, 'the pod-security.kubernetes.io labels of the Namespace'),
    ReplicaSet: removed(16, 'apps/v1'),
  },
  'flowcontrol.apiserver.k8s.io/v1beta1': {
    FlowSchema: removed(26, 'flowcontrol.apiserver.k8s.io/v1'),
    PriorityLevelConfiguration: removed(26, 'flowcontrol.apiserver.k8s.io/v1'),
  },
  'flowcontrol.apiserver.k8s.io/v1beta2': {
    FlowSchema: removed(29, 'flowcontrol.apiserver.k8s.io/v1'),
    PriorityLevelConfiguration: removed(29, 'flowcontrol.apiserver.k8s.io/v1'),
  },
  'flowcontrol.apiserver.k8s.io/v1beta3': {
    FlowSchema: { deprecatedIn: 29, removedIn: 32, use: 'flowcontrol.apiserver.k8s.io/v1' },
    PriorityLevelConfiguration: { deprecatedIn: 29, removedIn: 32, use: 'flowcontrol.apiserver.k8s.io/v1' },
  },
  'networking.k8s.io/v1beta1': {
    Ingress: removed(22, 'networking.k8s.io/v1'),
    IngressClass: removed(22, 'networking.k8s.io/v1'),
  },
  'node.k8s.io/v1beta1': { RuntimeClass: removed(25, 'node.k8s.io/v1') },
  'policy/v1beta1': {
    PodDisruptionBudget: removed(25, 'policy/v1'),
    PodSecurityPolicy: removed(25, 'the pod-security.kubernetes.io labels of the Namespace'),
  },
  'rbac.authorization.k8s.io/v1beta1': {
    ClusterRole: removed(22, 'rbac.authorization.k8s.io/v1'),
    ClusterRoleBinding: removed(22, 'rbac.authorization.k8s.io/v1'),
    Role: removed(22, 'rbac.authorization.k8s.io/v1'),
    RoleBinding: removed(22, 'rbac.authorization.k8s.io/v1'),
  },
  'scheduling.k8s.io/v1beta1': { PriorityClass: removed(22, 'scheduling.k8s.io/v1') },
  'storage.k8s.io/v1beta1': {
    CSIDriver: removed(22, 'storage.k8s.io/v1'),
    CSINode: removed(22, 'storage.k8s.io/v1'),
    CSIStorageCapacity: removed(27, 'storage.k8s.io/v1'),
    StorageClass: removed(22, 'storage.k8s.io/v1'),
    VolumeAttachment: removed(22, 'storage.k8s.io/v1'),
  },
};

/** What became of this API, if anything did. */
export function apiLifecycle(apiVersion: string, kind: string): ApiLifecycle | undefined {
  const kinds = Object.hasOwn(LIFECYCLES, apiVersion) ? LIFECYCLES[apiVersion] : undefined;
  return kinds !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}
