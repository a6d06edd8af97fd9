/** A Kubernetes object as it is applied: what we read of it is typed, the rest is there as it was written. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  /** Absent for what belongs to the whole cluster, and where the destination's namespace holds. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** `Deployment/shop-web`, for messages. */
export const objectName = (object: KubernetesObject): string => `${object.kind}/${object.metadata.name}`;
