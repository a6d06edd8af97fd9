import { z } from 'zod';
import type { ApplicationStatus } from './application-status.ts';
import type { Cause, CauseKind } from './cause.ts';
import type { ArgoCdClient, ClusterEvent } from './client.ts';
import { ArgoCdError } from './fault.ts';
import { podsOf, podsOwnedBy, podTrouble } from './pods.ts';
import type { ResourceNode, ResourceTree } from './resource-tree.ts';

/** What can be found out about a trouble besides the application's own words. What could not be asked is undefined. */
export interface Evidence {
  readonly tree: ResourceTree | undefined;
  /** The pod that shows it best. */
  readonly pod: ResourceNode | undefined;
  /** Of that pod's container that ended last, or is not ready. */
  readonly container: ContainerState | undefined;
  /** The last lines that container wrote, cleaned. */
  readonly logs: readonly string[] | undefined;
  /** Of that pod, or of the object that the cause names; oldest first. */
  readonly events: readonly ClusterEvent[] | undefined;
}

export interface ContainerState {
  readonly name: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** How it ended last; undefined when it never did. */
  readonly exitCode: number | undefined;
  /** `Error`, `OOMKilled`, `CrashLoopBackOff`. */
  readonly reason: string | undefined;
  /** Why it waits, in the kubelet's words. */
  readonly message: string | undefined;
}

/** Enough to see why, and not so much that it buries the cause. */
const LOG_LINES = 15;

/** Causes that pods show; those of another trouble would only mislead (the pods of the deploy before). */
const OF_PODS = new Set<CauseKind>([
  'hook-failed',
  'image-missing',
  'crash',
  'degraded',
  'terminated',
  'blocked',
]);

/**
 * Asks Argo CD for what explains a cause: at most five requests, and none that fails matters (a role without `logs, get`, a pod
 * that is gone).
 *
 * @param images as in `Expectation`: the pods of which are looked at first
 */
export async function gatherEvidence(
  client: ArgoCdClient,
  status: ApplicationStatus,
  cause: Cause | undefined,
  images: readonly string[],
): Promise<Evidence> {
  const tree = await orUndefined(client.resourceTree(status.name));
  const isOfPods = cause === undefined || OF_PODS.has(cause.kind);
  const pod = tree === undefined || !isOfPods ? undefined : podFor(tree, cause, images);
  if (pod === undefined) {
    return {
      tree,
      pod,
      container: undefined,
      logs: undefined,
      events: await objectEvents(client, status, tree, cause),
    };
  }
  const { namespace = '', name, uid = '' } = pod;
  const [live, events] = await Promise.all([
    orUndefined(client.liveObject(status.name, { group: '', version: 'v1', kind: 'Pod', namespace, name })),
    orUndefined(client.events(status.name, { uid, name, namespace })),
  ]);
  const container = containerOf(live);
  const logs = await lastLines(client, status.name, pod, container);
  return { tree, pod, container, logs, events };
}

async function lastLines(
  client: ArgoCdClient,
  application: string,
  { namespace = '', name }: ResourceNode,
  container: ContainerState | undefined,
): Promise<readonly string[] | undefined> {
  const query = { namespace, pod: name, container: container?.name, lines: LOG_LINES };
  // After a restart the cause stands in the log of the container before.
  const previous =
    container !== undefined && container.restarts > 0
      ? await orUndefined(client.logs(application, { ...query, previous: true }))
      : undefined;
  return previous === undefined || previous.length === 0
    ? orUndefined(client.logs(application, query))
    : previous;
}

async function objectEvents(
  client: ArgoCdClient,
  status: ApplicationStatus,
  tree: ResourceTree | undefined,
  cause: Cause | undefined,
): Promise<readonly ClusterEvent[] | undefined> {
  const of = tree?.nodes.find(
    ({ kind, name }) => kind === cause?.resource?.kind && name === cause.resource.name,
  );
  if (of?.uid === undefined) return undefined;
  return orUndefined(
    client.events(status.name, { uid: of.uid, name: of.name, namespace: of.namespace ?? '' }),
  );
}

/** The pod of the object that the cause names, else of our images; the one that is worst, of several the newest. */
function podFor(
  tree: ResourceTree,
  cause: Cause | undefined,
  images: readonly string[],
): ResourceNode | undefined {
  const owner = tree.nodes.find(
    ({ kind, name }) => kind === cause?.resource?.kind && name === cause.resource.name,
  );
  const owned = owner === undefined ? [] : podsOwnedBy(tree, owner);
  const trouble =
    podTrouble({ nodes: owned }, images) ?? podTrouble({ nodes: owned }, []) ?? podTrouble(tree, images);
  if (trouble !== undefined) return trouble.pod;
  const candidates = owned.length > 0 ? owned : podsOf(tree);
  return candidates
    .filter(({ health }) => health !== 'Healthy')
    .toSorted((one, other) => (other.createdAt ?? 0) - (one.createdAt ?? 0))[0];
}

const state = z
  .object({
    waiting: z.object({ reason: z.string().nullish(), message: z.string().nullish() }).nullish(),
    terminated: z.object({ exitCode: z.number().nullish(), reason: z.string().nullish() }).nullish(),
  })
  .nullish();

const containers = z
  .array(
    z.object({
      name: z.string(),
      ready: z.boolean().nullish(),
      restartCount: z.number().nullish(),
      state,
      lastState: state,
    }),
  )
  .nullish();

const podSchema = z.object({
  status: z.object({ initContainerStatuses: containers, containerStatuses: containers }).nullish(),
});

/** Of a live pod only this is read: its environment may hold secrets. */
function containerOf(live: unknown): ContainerState | undefined {
  const { data } = podSchema.safeParse(live);
  const all = [
    ...(data?.status?.initContainerStatuses ?? []),
    ...(data?.status?.containerStatuses ?? []),
  ].map((each): ContainerState => {
    const ended = each.state?.terminated ?? each.lastState?.terminated;
    return {
      name: each.name,
      ready: each.ready === true,
      restarts: each.restartCount ?? 0,
      exitCode: ended?.exitCode ?? undefined,
      reason: ended?.reason ?? each.state?.waiting?.reason ?? undefined,
      message: each.state?.waiting?.message ?? undefined,
    };
  });
  return (
    all.find(({ exitCode }) => exitCode !== undefined && exitCode !== 0) ??
    all.find(({ ready, exitCode }) => !ready && exitCode !== 0) ??
    all[0]
  );
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ArgoCdError) return undefined;
    throw error;
  }
}
