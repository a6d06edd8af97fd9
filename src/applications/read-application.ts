import { z } from 'zod';
import type { Cluster } from '../config/kajitori-yaml.ts';
import { couldNot, type Place } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import { formatPath, type YamlPath } from '../yaml/path.ts';
import type { Application, ApplicationDestination, ApplicationSource } from './application.ts';
import { isHere, type ThisRepository } from './repository-url.ts';

/** What the fields of an Application are compared with. */
export interface Surroundings {
  readonly here: ThisRepository;
  /** Of kajitori.yaml, each with the URL of its API server where that is known. */
  readonly clusters: readonly { readonly cluster: Cluster; readonly server?: string }[];
}

/** Kubernetes takes null for a field that is not there. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);
const text = optional(z.string());
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);
const textMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});
const listOf = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .array(schema)
    .nullish()
    .transform((value) => value ?? []);

const helm = z.object({
  releaseName: text,
  valueFiles: texts,
  ignoreMissingValueFiles: flag,
  values: text,
  // Not z.record, which leaves out a key `__proto__`.
  valuesObject: optional(z.custom<Readonly<Record<string, unknown>>>(isMap, 'must be a map')),
  parameters: listOf(
    z.object({
      name: z
        .string()
        .nullish()
        .transform((name) => name ?? ''),
      value: z
        .string()
        .nullish()
        .transform((value) => value ?? ''),
      forceString: flag,
    }),
  ),
  fileParameters: listOf(z.object({ name: z.string(), path: z.string() })),
  skipCrds: flag,
  skipTests: flag,
  skipSchemaValidation: flag,
  passCredentials: flag,
  kubeVersion: text,
  apiVersions: texts,
  namespace: text,
});

/** Kubernetes' IntOrString; Argo CD refuses text that is no number (`GetIntCount`). */
const count = z.union([
  z.number().int(),
  z
    .string()
    .regex(/^-?\d{1,9}$/)
    .transform(Number),
]);

const kustomize = z.object({
  namePrefix: text,
  nameSuffix: text,
  namespace: text,
  images: texts,
  commonLabels: textMap,
  commonAnnotations: textMap,
  commonAnnotationsEnvsubst: flag,
  forceCommonLabels: flag,
  forceCommonAnnotations: flag,
  labelWithoutSelector: flag,
  labelIncludeTemplates: flag,
  replicas: listOf(z.object({ name: z.string(), count })),
  patches: listOf(z.unknown()),
  components: texts,
  ignoreMissingComponents: flag,
  kubeVersion: text,
  apiVersions: texts,
  version: text,
});

const directory = z.object({
  recurse: flag,
  include: text,
  exclude: text,
  jsonnet: optional(z.unknown()),
});

const source = z.object({
  repoURL: z.string().min(1),
  targetRevision: text,
  path: text,
  chart: text,
  ref: text,
  name: text,
  helm: optional(helm),
  kustomize: optional(kustomize),
  directory: optional(directory),
  plugin: optional(z.unknown()),
});

const manifest = z.object({
  metadata: z.object({
    name: z
      .string()
      .regex(/^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/, {
        error: (issue) =>
          `${JSON.stringify(issue.input)} is not a name that Kubernetes takes: small letters, digits, - and .`,
      }),
    namespace: text,
    labels: textMap,
    annotations: textMap,
    finalizers: optional(z.array(z.string())),
  }),
  spec: z.object({
    project: text,
    source: optional(source),
    sources: listOf(source),
    sourceHydrator: optional(z.unknown()),
    destination: z.object({ name: text, server: text, namespace: text }),
    syncPolicy: optional(
      z.object({
        syncOptions: texts,
        automated: optional(z.object({ prune: flag, enabled: optional(z.boolean()) })),
      }),
    ),
  }),
});

/** The namespace of Argo CD, and of an Application without one. */
export const ARGOCD_NAMESPACE = 'argocd';

/**
 * Reads one Application.
 *
 * @param placeOf where a path of the manifest stands
 * @throws Failure (exit 2, `bad-application`) for what Kubernetes or Argo CD would refuse, and for what we do not render
 * (`not-rendered`: the source hydrator)
 */
export function readApplication(
  value: unknown,
  surroundings: Surroundings,
  declared: { readonly at: Place; readonly madeBy?: string },
  placeOf: (path: YamlPath) => Place,
): Application {
  const parsed = manifest.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []).map((step) => (typeof step === 'symbol' ? String(step) : step));
    throw couldNot(`${nameOf(value)}: ${formatPath(path)}: ${issue?.message ?? 'is wrong'}.`, {
      at: placeOf(path),
      todo: 'Correct it: Argo CD does not accept this Application.',
      reason: 'bad-application',
    });
  }
  const { metadata, spec } = parsed.data;
  if (spec.sourceHydrator !== undefined) {
    throw couldNot(`${nameOf(value)} uses the source hydrator, which is not rendered here.`, {
      at: placeOf(['spec', 'sourceHydrator']),
      todo: 'Look at its changes in Argo CD.',
      reason: 'not-rendered',
    });
  }
  // Argo CD ignores `source` where `sources` is not empty (types.go, `GetSources`).
  const sources = spec.sources.length > 0 ? spec.sources : spec.source === undefined ? [] : [spec.source];
  if (sources.length === 0) {
    throw couldNot(`${nameOf(value)} has no source.`, {
      at: placeOf(['spec']),
      todo: 'Give it spec.source or spec.sources.',
      reason: 'bad-application',
    });
  }
  return present({
    name: metadata.name,
    namespace: metadata.namespace ?? ARGOCD_NAMESPACE,
    project: spec.project === undefined || spec.project === '' ? 'default' : spec.project,
    labels: metadata.labels,
    annotations: metadata.annotations,
    destination: destinationOf(spec.destination, surroundings),
    sources: sources.map(
      (each) =>
        present({
          ...each,
          here: each.chart === undefined && isHere(surroundings.here, each.repoURL, each.targetRevision),
          helm: each.helm && present(each.helm),
          kustomize: each.kustomize && present(each.kustomize),
          directory: each.directory && present(each.directory),
        }) as ApplicationSource,
    ),
    syncOptions: spec.syncPolicy?.syncOptions ?? [],
    finalizers: metadata.finalizers,
    // Written and switched off is as if it were not written (types.go, `IsAutomatedSyncEnabled`).
    automated:
      spec.syncPolicy?.automated === undefined || spec.syncPolicy.automated.enabled === false
        ? undefined
        : { prune: spec.syncPolicy.automated.prune },
    declaredAt: declared.at,
    madeBy: declared.madeBy,
  }) as Application;
}

/** Without the fields that are undefined, or text without a letter: both mean "not there" to Argo CD. */
const present = (fields: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));

const nameOf = (value: unknown): string => {
  const name = (value as { metadata?: { name?: unknown } } | null)?.metadata?.name;
  return typeof name === 'string' ? `Application/${name}` : 'An Application';
};

/** What Argo CD calls the cluster it runs in. */
export const IN_CLUSTER = { name: 'in-cluster', server: 'https://kubernetes.default.svc' };

function destinationOf(
  {
    name,
    server,
    namespace = '',
  }: { name: string | undefined; server: string | undefined; namespace: string | undefined },
  { clusters }: Surroundings,
): ApplicationDestination {
  const known = clusters.find(
    (each) =>
      (each.cluster.name === name && name !== undefined) || (each.server === server && server !== undefined),
  );
  const isInCluster = name === IN_CLUSTER.name || server === IN_CLUSTER.server;
  // Where there is one cluster only, Argo CD runs in it.
  const cluster = known?.cluster ?? (isInCluster && clusters.length === 1 ? clusters[0]?.cluster : undefined);
  const named =
    known !== undefined && server === standInServer(known.cluster.name)
      ? { name: known.cluster.name }
      : { name, server };
  return { ...present({ ...named, cluster }), namespace };
}

/**
 * Stands for the URL of a cluster's API server, which kajitori.yaml does not have: an ApplicationSet over clusters that uses
 * `{{server}}` as destination still finds its cluster.
 */
export const standInServer = (cluster: string): string => `https://${cluster}.cluster.invalid`;
