import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from './rendered.ts';

/** The parts of an object that are looked at here. */
interface Parts {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>> | null;
    readonly creationTimestamp?: string | null;
  };
  readonly data?: object | null;
  readonly stringData?: object | null;
}

/** What the cluster says of its kinds: `group/Kind` of those that have no namespace. */
export type ClusterKinds = ReadonlySet<string>;

const TRACKING_ID = 'argocd.argoproj.io/tracking-id';

/**
 * What Argo CD prints as manifests, in the form in which `kajitori render` prints objects. docs/render.md ("Is it what Argo CD
 * applies?") lists these steps; there are no others.
 *
 * @param namespace the destination's
 */
export function asRendered(
  manifests: readonly Manifest[],
  namespace: string,
  clusterKinds: ClusterKinds,
): Manifest[] {
  const defined = new Set(manifests.flatMap(clusterKindsOf));
  const objects = manifests.map((manifest) => {
    const { apiVersion, kind, metadata } = manifest as unknown as Parts;
    const { status: _, ...rest } = manifest;
    const { namespace: own, annotations, creationTimestamp, ...others } = metadata;
    const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
    const isOfCluster = clusterKinds.has(`${group}/${kind}`) || defined.has(`${group}/${kind}`);
    const place = isOfCluster ? '' : own || namespace;
    const { [TRACKING_ID]: __, ...kept } = annotations ?? {};
    return {
      ...rest,
      metadata: {
        ...others,
        ...(place === '' ? {} : { namespace: place }),
        ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
        ...(creationTimestamp ? { creationTimestamp } : {}),
      },
    };
  });
  const last = new Map(objects.map((object) => [identity(object), object]));
  return objects.filter((object) => last.get(identity(object)) === object);
}

function clusterKindsOf(manifest: Manifest): string[] {
  if (manifest.kind !== 'CustomResourceDefinition') return [];
  const spec = manifest.spec as { group: string; scope: string; names: { kind: string } };
  return spec.scope === 'Cluster' ? [`${spec.group}/${spec.names.kind}`] : [];
}

/** An object as both sides can show it: Argo CD shows no values of Secrets, and an empty map of annotations is none. */
function asCompared(manifest: Manifest): Manifest {
  const { kind, metadata, data, stringData } = manifest as unknown as Parts;
  const { annotations, ...others } = metadata;
  const shown = {
    ...manifest,
    metadata: { ...others, ...(annotations && Object.keys(annotations).length > 0 ? { annotations } : {}) },
  };
  if (kind !== 'Secret') return shown;
  const { stringData: _, ...secret } = shown as Manifest;
  const keys = Object.keys({ ...data, ...stringData }).sort();
  return { ...secret, data: keys };
}

const identity = (manifest: Manifest): string => {
  const { apiVersion, kind, metadata } = manifest as unknown as Parts;
  const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
  return [group, kind, metadata.namespace ?? '', metadata.name ?? `${metadata.generateName}00000`].join('|');
};

/** What differs between two renderings of an application, a line each: `ConfigMap/a data.b`. The order counts too. */
function differences(ours: readonly Manifest[], theirs: readonly Manifest[]): string[] {
  const named = (objects: readonly Manifest[]) =>
    new Map(objects.map((each) => [identity(each), asCompared(each)]));
  const [left, right] = [named(ours), named(theirs)];
  const shortly = (key: string): string => key.split('|').filter(Boolean).join('/');
  const lines = [
    ...[...left.keys()].filter((key) => !right.has(key)).map((key) => `${shortly(key)} only ours`),
    ...[...right.keys()].filter((key) => !left.has(key)).map((key) => `${shortly(key)} only theirs`),
  ];
  for (const [key, object] of left) {
    const other = right.get(key);
    if (other !== undefined)
      lines.push(...differentPaths(object, other).map((path) => `${shortly(key)} ${path}`));
  }
  lines.sort();
  const order = (objects: Map<string, Manifest>) => [...objects.keys()].join('\n');
  return lines.length === 0 && order(left) !== order(right) ? ['the order'] : lines;
}

/** Where two values differ, as deep as can be said: `spec.ports.0.port`. */
function differentPaths(one: unknown, other: unknown, path = ''): string[] {
  // To JSON, and so to Kubernetes, 0 and -0 are one.
  if (one === other || isDeepStrictEqual(one, other)) return [];
  const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isTree(one) || !isTree(other) || Array.isArray(one) !== Array.isArray(other)) return [path];
  const [left, right] = [new Map(Object.entries(one)), new Map(Object.entries(other))];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    differentPaths(left.get(key), right.get(key), path === '' ? key : `${path}.${key}`),
  );
}

/** What Argo CD says of one application: its objects as `asRendered`, or that it refuses it. */
export type Answer = { readonly objects: readonly Manifest[] } | { readonly error: string };

/** The differences of all applications, of those that have some. */
export function allDifferences(
  ours: Readonly<Record<string, readonly Manifest[]>>,
  theirs: Readonly<Record<string, Answer>>,
): Record<string, string[]> {
  const compared = Object.entries(ours).map(([name, objects]) => {
    const answer = theirs[name] ?? { error: 'there is no such application' };
    return [name, 'error' in answer ? [answer.error] : differences(objects, answer.objects)] as const;
  });
  return Object.fromEntries(compared.filter(([, found]) => found.length > 0));
}
