import { z } from 'zod';

/**
 * What we read of an Argo CD application: who it is, what it runs, how it is (argo-cd,
 * pkg/apis/application/v1alpha1/types.go, `Application`). Times are milliseconds since the epoch; Argo CD writes whole
 * seconds. What an answer does not have is undefined or an empty list, never a default that could be taken for a fact.
 */
export interface ApplicationStatus {
  readonly name: string;
  /** Where the Application object stands. */
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly project: string | undefined;
  readonly destination: {
    readonly name: string | undefined;
    readonly server: string | undefined;
    readonly namespace: string | undefined;
  };
  readonly sources: readonly SourceStatus[];
  /** It is being taken away. */
  readonly deleting: boolean;
  readonly sync: {
    /** `Synced`, `OutOfSync`, `Unknown`; undefined before the first comparison. */
    readonly status: string | undefined;
    /**
     * What was compared, one for each source, in order. Not always commits: after a comparison error Argo CD writes the
     * name of the branch (trap 5), and for a source that is a chart its version.
     */
    readonly revisions: readonly string[];
  };
  readonly health: { readonly status: string | undefined; readonly message: string | undefined };
  /** Somebody asked for an operation that Argo CD has not ended yet (`operation` at the top level). */
  readonly operationPending: boolean;
  /** The operation that runs or ended last; undefined also for a moment in mid-flight (trap 3). */
  readonly operation: OperationStatus | undefined;
  readonly conditions: readonly ConditionStatus[];
  readonly resources: readonly ResourceStatus[];
  /** Of all pods that exist, those of an old ReplicaSet too. */
  readonly images: readonly string[];
  /** When Argo CD last compared with git. */
  readonly reconciledAt: number | undefined;
  readonly resourceVersion: string | undefined;
}

export interface SourceStatus {
  readonly repoURL: string | undefined;
  readonly path: string | undefined;
  readonly targetRevision: string | undefined;
  readonly chart: string | undefined;
  readonly ref: string | undefined;
}

export interface OperationStatus {
  /** `Running`, `Terminating`, `Succeeded`, `Failed`, `Error`. */
  readonly phase: string | undefined;
  readonly message: string | undefined;
  /** What it was started for, else what it said it synced; one for each source. */
  readonly revisions: readonly string[];
  /** How often it was tried again. */
  readonly retryCount: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly resources: readonly OperationResource[];
}

/** What an operation did with one object. */
export interface OperationResource {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`. */
  readonly status: string | undefined;
  readonly message: string | undefined;
  /** `PreSync`, `Sync`, `PostSync`, `SyncFail` for a hook; undefined for an ordinary object. */
  readonly hookType: string | undefined;
  /** Also of ordinary objects: the phase of its task. */
  readonly hookPhase: string | undefined;
  readonly syncPhase: string | undefined;
  /** What the applied object says, whether or not a pod runs it. */
  readonly images: readonly string[];
}

export interface ConditionStatus {
  /** `ComparisonError`, `SyncError`, `InvalidSpecError`… */
  readonly type: string;
  readonly message: string;
  readonly lastTransitionTime: number | undefined;
}

/** One object of the application; its health is read from the live tree, so it may be newer than the application's. */
export interface ResourceStatus {
  readonly group: string;
  readonly version: string | undefined;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly status: string | undefined;
  readonly health: string | undefined;
  readonly healthMessage: string | undefined;
  readonly hook: boolean;
  readonly requiresPruning: boolean;
}

/** `apps/Deployment/web/web`: one object of an application. */
export const resourceKey = (
  resource: Pick<ResourceStatus, 'group' | 'kind' | 'namespace' | 'name'>,
): string => [resource.group, resource.kind, resource.namespace ?? '', resource.name].join('/');

/** Go writes an empty list or map as null, or leaves it out. */
const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((list) => list ?? []);

/** Go writes an empty text for one that is not set (the `status` of an application that is new). */
const text = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === '' ? undefined : value));

/** RFC 3339, as metav1.Time; what is no time is a broken answer. */
const time = z
  .string()
  .nullish()
  .transform((value, context) => {
    if (value === null || value === undefined || value === '') return undefined;
    const at = Date.parse(value);
    if (Number.isNaN(at)) {
      context.addIssue({ code: 'custom', message: 'is not a time' });
      return z.NEVER;
    }
    return at;
  });

const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);

const labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});

const source = z.object({ repoURL: text, path: text, targetRevision: text, chart: text, ref: text });

const health = z.object({ status: text, message: text }).nullish();

const identity = { group: text, kind: z.string(), namespace: text, name: z.string() };

const operationResource = z.object({
  ...identity,
  status: text,
  message: text,
  hookType: text,
  hookPhase: text,
  syncPhase: text,
  images: listOf(z.string()),
});

const revisions = { revision: text, revisions: listOf(z.string()) };

const operationState = z.object({
  phase: text,
  message: text,
  retryCount: z.number().nullish(),
  startedAt: time,
  finishedAt: time,
  operation: z.object({ sync: z.object(revisions).nullish() }).nullish(),
  syncResult: z.object({ ...revisions, resources: listOf(operationResource) }).nullish(),
});

const resource = z.object({
  ...identity,
  version: text,
  status: text,
  health,
  hook: flag,
  requiresPruning: flag,
});

const application = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: text,
    labels,
    deletionTimestamp: text,
    resourceVersion: text,
  }),
  spec: z
    .object({
      project: text,
      destination: z.object({ name: text, server: text, namespace: text }).nullish(),
      source: source.nullish(),
      sources: listOf(source),
    })
    .nullish(),
  operation: z.unknown().optional(),
  status: z
    .object({
      sync: z.object({ status: text, ...revisions }).nullish(),
      health,
      operationState: operationState.nullish(),
      conditions: listOf(z.object({ type: z.string(), message: text, lastTransitionTime: time })),
      resources: listOf(resource),
      summary: z.object({ images: listOf(z.string()) }).nullish(),
      reconciledAt: time,
    })
    .nullish(),
});

/**
 * Reads one application of an answer.
 *
 * @returns undefined for what is no application: an answer that only looks like one must never be judged
 */
export function parseApplication(json: unknown): ApplicationStatus | undefined {
  const parsed = application.safeParse(json);
  return parsed.success ? statusOf(parsed.data) : undefined;
}

/**
 * Reads the answer of `GET /api/v1/applications`.
 *
 * @returns undefined when it, or one of its items, is not what it should be
 */
export function parseApplicationList(json: unknown): readonly ApplicationStatus[] | undefined {
  const parsed = z.object({ items: listOf(application) }).safeParse(json);
  return parsed.success ? parsed.data.items.map(statusOf) : undefined;
}

function statusOf({ metadata, spec, operation, status }: z.infer<typeof application>): ApplicationStatus {
  const sources = spec?.sources ?? [];
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    labels: metadata.labels,
    project: spec?.project,
    destination: {
      name: spec?.destination?.name,
      server: spec?.destination?.server,
      namespace: spec?.destination?.namespace,
    },
    sources: sources.length > 0 ? sources : spec?.source ? [spec.source] : [],
    deleting: metadata.deletionTimestamp !== undefined,
    sync: { status: status?.sync?.status, revisions: revisionsOf(status?.sync) },
    health: { status: status?.health?.status, message: status?.health?.message },
    operationPending: operation !== undefined && operation !== null,
    operation: operationOf(status?.operationState),
    conditions: (status?.conditions ?? []).map((each) => ({ ...each, message: each.message ?? '' })),
    resources: (status?.resources ?? []).map(({ health: own, group, ...rest }) => ({
      ...rest,
      group: group ?? '',
      health: own?.status,
      healthMessage: own?.message,
    })),
    images: status?.summary?.images ?? [],
    reconciledAt: status?.reconciledAt,
    resourceVersion: metadata.resourceVersion,
  };
}

function operationOf(state: z.infer<typeof operationState> | null | undefined): OperationStatus | undefined {
  if (state === null || state === undefined) return undefined;
  // While it runs there is no syncResult yet, and what it was started for is all there is (recordings of `Running`).
  const asked = revisionsOf(state.operation?.sync);
  const done = revisionsOf(state.syncResult);
  return {
    phase: state.phase,
    message: state.message,
    revisions: done.length > 0 ? done : asked,
    retryCount: state.retryCount ?? 0,
    startedAt: state.startedAt,
    finishedAt: state.finishedAt,
    resources: (state.syncResult?.resources ?? []).map((each) => ({ ...each, group: each.group ?? '' })),
  };
}

/** `revisions` of an application with several sources, else `revision`. */
const revisionsOf = (
  from: { readonly revision: string | undefined; readonly revisions: readonly string[] } | null | undefined,
): readonly string[] => {
  const several = (from?.revisions ?? []).filter((each) => each !== '');
  if (several.length > 0) return several;
  return from?.revision === undefined || from.revision === '' ? [] : [from.revision];
};
