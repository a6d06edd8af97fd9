import {
  type ApplicationStatus,
  type OperationStatus,
  type ResourceStatus,
  resourceKey,
} from './application-status.ts';
import { type Cause, causeOfComparison, causeOfOperation } from './cause.ts';
import type { ObjectQuery } from './client.ts';
import { cleanLine } from './cluster-text.ts';
import { isOurImage, type PodTrouble, podTrouble, repositoryOf, workloadImages } from './pods.ts';
import type { ResourceTree } from './resource-tree.ts';
import { todoFor } from './todo.ts';

/** One look at an application. */
export interface Reading {
  readonly status: ApplicationStatus;
  /** When the answer came, by our clock (milliseconds since the epoch). */
  readonly at: number;
  /** The live objects, where they were asked for: only they show pods (trap 6). */
  readonly tree?: ResourceTree | undefined;
  /** Whether its cluster answers, where that was asked: nothing else shows that a cluster is dead (trap 8). */
  readonly cluster?: ClusterAnswer | undefined;
}

/** What came of reading one object of a cluster, live. */
export interface ClusterAnswer {
  /** Why there was no answer, in Argo CD's words; undefined when there was one. */
  readonly silence: string | undefined;
}

/** What must be true of an application for the deploy of a commit to be done there. */
export interface Expectation {
  /** The commit on the GitOps repository. */
  readonly commit: string;
  /** Whether a revision is the commit or comes after it; undefined when that is not known (yet). */
  readonly isDescendant: (revision: string) => boolean | undefined;
  /** `repository[:tag][@digest]` as the release file has it: what must run where that repository runs. */
  readonly images: readonly string[];
  /** How the application was before the commit, `baselineOf` an earlier reading; undefined where nobody looked. */
  readonly before?: Baseline | undefined;
  /**
   * Whether a source's repository is the GitOps repository; without it every source that is no chart is. The revisions of
   * other sources are not our commits.
   */
  readonly isOurs?: ((repoURL: string) => boolean) | undefined;
}

/** What was wrong before the commit and is not the commit's fault. */
export interface Baseline {
  /** `resourceKey`s of what was Degraded. */
  readonly degraded: readonly string[];
  /** Messages of the comparison errors there were. */
  readonly comparisonErrors: readonly string[];
}

/**
 * - `waiting`: on its way.
 * - `done`: it runs that commit (or a later one), and is healthy.
 * - `failed`: it will not get there without another commit.
 * - `unknown`: Argo CD itself cannot tell (git down, its cluster for a moment, an error from before the commit): nobody may
 *   call it done or failed.
 */
export interface Judgement {
  readonly state: 'waiting' | 'done' | 'failed' | 'unknown';
  /** What is going on, in a few words for people: `syncing`, `waiting for pods`. */
  readonly phase: string;
  /** Of `failed` and `unknown`; of `waiting` when something looks wrong already. */
  readonly cause?: Cause | undefined;
  readonly todo?: string | undefined;
  /** Argo CD has compared with the commit, or one after it. */
  readonly seen: boolean;
  /** What would help: a look at git by Argo CD, or a reading with the resource tree, or with the cluster's own answer. */
  readonly wants?: 'refresh' | 'tree' | 'cluster' | undefined;
  /** What the next judgement needs to know of this one. */
  readonly memory: Memory;
}

/** What was seen first when (milliseconds since the epoch, our clock), as long as it lasts. */
export type Memory = Readonly<Record<string, number>>;

/**
 * The end of an operation and the comparison after it are two writes of Argo CD, some 100 ms apart (trap 2: rollback.sequence,
 * 252 ms): what is read sooner than this after the end may be from before.
 */
const SETTLE_MS = 1_000;

/** A workload's Degraded is its progress deadline: final, but for one stale read after a new commit (degraded-recovered). */
const DEGRADED_MS = 3_000;

/** An autoscaler without metrics, a secret not fetched yet: other kinds are Degraded for a while in a healthy roll-out. */
const OTHER_DEGRADED_MS = 60_000;

/** Argo CD tries a comparison again by itself; a repo-server that restarts is no broken chart. */
const COMPARISON_MS = 10_000;

/** An error that was there at the first look may be of the commit before, until Argo CD has compared again. */
const OLD_COMPARISON_MS = 60_000;

/** An API server that restarts is back by then; one that is dead keeps the deploy from being the same in all clusters. */
const CLUSTER_MS = 120_000;

/** The kubelet pulls again after 10 s and 20 s; a replica of a registry may lag behind. */
const PULL_MS = 20_000;

/** The same without words that say why: credentials and networks may mend, and the tree has no words for a Job's pod. */
const PULL_UNSURE_MS = 60_000;

/** A roll-out that goes well needs no closer look, which costs a request for each application. */
const LOOK_CLOSER_MS = 8_000;

/** Kinds whose health says whether the app runs. */
const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout', 'ReplicaSet']);

/** Since Argo CD 3.2 a failed CronJob makes the application Degraded; one bad night is not this deploy's fault. */
const SCHEDULED = new Set(['CronJob', 'Job']);

/** What was wrong with an application before a commit. */
export const baselineOf = (status: ApplicationStatus): Baseline => ({
  degraded: status.resources.filter(({ health }) => health === 'Degraded').map(resourceKey),
  comparisonErrors: status.conditions
    .filter(({ type }) => type.endsWith('Error'))
    .map(({ message }) => message),
});

/**
 * Whether the deploy of a commit has arrived in one application.
 *
 * "Trap N" and names like `rollback.sequence` are those of the answers recorded from Argo CD 3.5.7; test/argocd-judge.test.ts
 * replays them.
 *
 * @param previous what was judged of the same application and commit before; undefined at first
 */
export function judge(reading: Reading, expectation: Expectation, previous?: Judgement): Judgement {
  const memory: Record<string, number> = {};
  /** How long something has been so, without a break between readings. */
  const lasting = (what: string): number => {
    const first = previous?.memory[what] ?? reading.at;
    memory[what] = first;
    return reading.at - first;
  };
  const verdict = decide(reading, expectation, lasting);
  const seen = positionOf(reading.status, reading.status.sync.revisions, expectation) === 'there';
  const todo = verdict.cause === undefined ? undefined : todoFor[verdict.cause.kind];
  return { ...verdict, seen, ...(todo === undefined ? {} : { todo }), memory };
}

type Verdict = Pick<Judgement, 'state' | 'phase' | 'cause' | 'wants'>;
type Lasting = (what: string) => number;

const waiting = (phase: string, cause?: Cause): Verdict => ({
  state: 'waiting',
  phase,
  ...(cause === undefined ? {} : { cause }),
});
const failed = (phase: string, cause: Cause): Verdict => ({ state: 'failed', phase, cause });

function decide(reading: Reading, expectation: Expectation, lasting: Lasting): Verdict {
  const { status } = reading;
  const sinceEnd = lasting(`ended ${status.operation?.finishedAt} ${status.operation?.revisions.join(' ')}`);
  if (status.deleting) {
    return failed('being deleted', { kind: 'deleted', words: `${status.name} is being deleted.` });
  }
  const watched = lasting('watched');
  const uncompared = judgeComparison(status, expectation, lasting, watched);
  if (uncompared !== undefined) return uncompared;
  if (status.sync.status === undefined) {
    // The first answers about a new application have nothing else (hook-ok.sequence, 8 ms).
    return waiting('new: Argo CD has not looked at it yet');
  }
  const compared = positionOf(status, status.sync.revisions, expectation);
  const operating = judgeOperation(reading, compared, expectation, lasting);
  if (operating !== undefined) return operating;
  if (compared === 'before') return { ...waiting('Argo CD has not seen the commit yet'), wants: 'refresh' };
  if (compared === 'unknown')
    return waiting('Argo CD is at a commit of which we do not know whether it comes after ours');
  if (status.sync.status !== 'Synced') return judgeUnsynced(status, expectation, lasting);
  const unhealthy = judgeHealth(reading, expectation, lasting);
  if (unhealthy !== undefined) return unhealthy;
  const stale = judgeImages(reading, expectation) ?? judgeFreshness(status, sinceEnd);
  return stale ?? judgeCluster(reading, expectation, lasting) ?? { state: 'done', phase: 'healthy' };
}

/**
 * Trap 8: of a cluster that is dead Argo CD shows what it saw last, for minutes and as Healthy. Where our commit was applied the
 * cluster has answered. Where nothing had to be applied (going back to what a dead cluster never left) only a live read tells.
 */
function judgeCluster(
  { status, cluster }: Reading,
  expectation: Expectation,
  lasting: Lasting,
): Verdict | undefined {
  const { operation } = status;
  const isApplied =
    operation?.phase === 'Succeeded' && positionOf(status, operation.revisions, expectation) === 'there';
  if (isApplied || liveWitness(status) === undefined) return undefined;
  if (cluster === undefined) return { ...waiting('asking the cluster'), wants: 'cluster' };
  if (cluster.silence === undefined) return undefined;
  const cause: Cause = { kind: 'cluster-unreachable', words: cleanLine(cluster.silence) };
  return unreachable('the cluster does not answer', cause, 'cluster', lasting);
}

/** A cluster that is away for a moment is no failure; one that stays away is. */
const unreachable = (phase: string, cause: Cause, wants: Judgement['wants'], lasting: Lasting): Verdict =>
  lasting('cluster-unreachable') >= CLUSTER_MS
    ? failed(phase, cause)
    : { state: 'unknown', phase, cause, wants };

/** An object of the application to read live, when only its cluster's answer matters; undefined where there is none. */
export const liveWitness = ({ resources }: ApplicationStatus): ObjectQuery | undefined => {
  const there = resources.filter(({ hook, health }) => !hook && health !== 'Missing');
  const found = there.find(({ kind }) => WORKLOADS.has(kind)) ?? there[0];
  if (found?.version === undefined) return undefined;
  const { group, version, kind, namespace = '', name } = found;
  return { group, version, kind, namespace, name };
};

/**
 * Trap 5: after an error of the comparison everything else is from before, and looks well: Unknown/Healthy/Succeeded, with
 * the branch's name for a revision. So this comes first.
 */
function judgeComparison(
  status: ApplicationStatus,
  { before }: Expectation,
  lasting: Lasting,
  watched: number,
): Verdict | undefined {
  const found = causeOfComparison(status);
  if (found === undefined) return undefined;
  const { message, ...cause } = found;
  const isOutside = cause.kind === 'git-unreachable' || cause.kind === 'cluster-unreachable';
  const wasThere = before?.comparisonErrors.includes(message) === true;
  const phase = isOutside ? 'Argo CD cannot look' : 'Argo CD cannot render it';
  if (cause.kind === 'cluster-unreachable') return unreachable(phase, cause, 'refresh', lasting);
  // Without words the condition is still to come; what was there before the commit says nothing about the commit.
  if (isOutside || wasThere || message === '') return { state: 'unknown', phase, cause, wants: 'refresh' };
  const since = lasting('comparison');
  const isNew = since < watched || lasting(`compared ${status.reconciledAt}`) < since;
  return since >= (isNew ? COMPARISON_MS : OLD_COMPARISON_MS)
    ? failed(phase, cause)
    : { ...waiting(phase, cause), wants: 'refresh' };
}

type Position = 'there' | 'before' | 'unknown';

/** Where revisions, one for each source, stand to our commit. Trap 1: `sync.revision` moves with unrelated commits, so later is as good. */
function positionOf(
  status: ApplicationStatus,
  revisions: readonly string[],
  { commit, isDescendant, isOurs }: Expectation,
): Position {
  const ours = revisions.filter((_, index) => {
    const source = status.sources[index];
    if (source === undefined) return true;
    if (source.chart !== undefined && source.chart !== '') return false;
    return isOurs === undefined || source.repoURL === undefined || isOurs(source.repoURL);
  });
  const known = ours.map((revision) => (revision === commit ? true : isDescendant(revision)));
  if (known.length === 0 || known.includes(undefined)) return known.includes(false) ? 'before' : 'unknown';
  return known.every((each) => each === true) ? 'there' : 'before';
}

/** What the operation says, as far as it decides. Undefined: it went well, or none was needed. */
function judgeOperation(
  { status, tree }: Reading,
  compared: Position,
  expectation: Expectation,
  lasting: Lasting,
): Verdict | undefined {
  const { operation } = status;
  if (operation?.phase === undefined) {
    // Trap 3: asked for and not begun; or nothing was ever needed.
    return status.operationPending || operation !== undefined ? waiting('starting to sync') : undefined;
  }
  const position = positionOf(status, operation.revisions, expectation);
  if (operation.phase === 'Running' || operation.phase === 'Terminating') {
    // Seen on the rig: Synced at our commit while the operation of an earlier one waits for a hook for ever.
    if (position === 'before') return waiting('blocked by an earlier sync', blockedBy(operation));
    const running = runningOperation(operation);
    // Argo CD itself waits for ever for a hook whose image does not exist (seen on the rig).
    const trouble = podTrouble(tree, expectation.images);
    const closer = lookCloser(`operation ${operation.startedAt}`, lasting);
    if (trouble === undefined || expectation.images.length === 0) return { ...running, ...closer };
    const isOver = isHopeless(trouble, lasting);
    return {
      ...(isOver
        ? failed('pods do not start', trouble.cause)
        : waiting(running.phase, running.cause ?? trouble.cause)),
      ...closer,
    };
  }
  if (operation.phase === 'Succeeded') return undefined;
  // A new one is asked for; the old one's end is still shown.
  if (status.operationPending) return waiting('starting to sync');
  // Seen on the rig: a commit that needs no sync leaves the earlier Failed where it is, beside Synced at our commit.
  // Of a cluster that is dead that is only what Argo CD saw last, and none of its answers tells: 40 s on, it still calls the
  // connection Successful (trap 8, clusters.b-down-later).
  if (position !== 'there') return undefined;
  // It failed at our commit; Argo CD has gone on to a later one, which it will sync, or which needs no sync. Whether it is later
  // may not be known yet.
  const wentOn = compared !== 'before' && !sameRevisions(operation.revisions, status.sync.revisions);
  if (wentOn) return undefined;
  // Traps 4 and 7, and 8: the application may say Healthy.
  return syncFailed(operation);
}

/** Argo CD syncs a difference at once, or within its next comparison. */
const UNSYNCED_MS = 15_000;

/**
 * Argo CD does not always sync a difference (controller, `alreadyAttemptedSync`; both seen on the rig): not when a sync of our
 * commit failed and the later commits it compared with since change nothing of the application, and not when it compared with
 * our commit while an earlier sync was still running, which then ended badly. In the second case somebody must ask for the sync.
 */
function judgeUnsynced(status: ApplicationStatus, expectation: Expectation, lasting: Lasting): Verdict {
  const { operation } = status;
  const isOver = operation?.phase === 'Failed' || operation?.phase === 'Error';
  if (!isOver || lasting('unsynced') < UNSYNCED_MS) return waiting('about to sync');
  return positionOf(status, operation.revisions, expectation) === 'there'
    ? syncFailed(operation)
    : waiting('Argo CD does not sync it by itself', {
        kind: 'blocked',
        words: cleanLine(
          `An earlier sync ended badly, and Argo CD does not try again${said(operation.message)}`,
        ),
      });
}

const syncFailed = (operation: OperationStatus): Verdict =>
  failed(
    'the sync failed',
    causeOfOperation(operation) ?? { kind: 'sync-failed', words: 'The sync failed.' },
  );

const sameRevisions = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((revision, index) => revision === others[index]);

const blockedBy = (operation: OperationStatus): Cause => ({
  kind: 'blocked',
  words: cleanLine(`An earlier sync still runs${operation.message ? `: ${operation.message}` : '.'}`),
});

/** `waiting for completion of hook batch/Job/web-migrate` (sync_context.go of gitops-engine). */
const HOOK =
  /^waiting for (?:completion|deletion) of hook (?:\S*\/)?(\w+)\/(\S+?)(?: and (\d+) more hooks?)?$/;
const OBJECT = /^waiting for healthy state of (?:\S*\/)?(\w+)\/(\S+?)(?: and (\d+) more \w+)?$/;

function runningOperation(operation: OperationStatus): Verdict {
  if (operation.phase === 'Terminating') return waiting('the sync is being ended');
  const cause = causeOfOperation(operation);
  if (operation.retryCount > 0) return waiting(`syncing, attempt ${operation.retryCount + 1}`, cause);
  const message = operation.message ?? '';
  const [, hookKind, hookName] = HOOK.exec(message) ?? [];
  if (hookName !== undefined) {
    const isMigration = hookKind === 'Job' && /migrat/.test(hookName);
    return waiting(
      cleanLine(isMigration ? `migration running (${hookName})` : `hook running (${hookKind}/${hookName})`),
      cause,
    );
  }
  const [, kind, name] = OBJECT.exec(message) ?? [];
  return waiting(name === undefined ? 'syncing' : cleanLine(`syncing, waiting for ${kind} ${name}`), cause);
}

/** Health that counts against the commit. Undefined: none. */
function judgeHealth(reading: Reading, expectation: Expectation, lasting: Lasting): Verdict | undefined {
  const { status, tree } = reading;
  const excused = status.resources.filter((each) => isExcused(each, status, expectation));
  const counted = status.resources.filter((each) => !excused.includes(each) && !each.hook);
  if (counted.length + excused.length === 0 && expectation.images.length > 0) {
    return waiting('Argo CD lists no objects yet');
  }
  const worst = (state: string): ResourceStatus | undefined =>
    counted.find(({ health, kind }) => health === state && WORKLOADS.has(kind)) ??
    counted.find(({ health }) => health === state);
  const isExplained = excused.some(({ health }) => health === status.health.status);
  /** The application's own word is older than its objects' (image-missing-degraded, 4441 ms), but may know more. */
  const own = isExplained ? 'Healthy' : status.health.status;
  const degraded = worst('Degraded');
  if (degraded !== undefined || own === 'Degraded') {
    const trouble = podTrouble(tree, expectation.images)?.cause;
    const cause = trouble ?? degradedCause(degraded, status);
    const patience = degraded === undefined || WORKLOADS.has(degraded.kind) ? DEGRADED_MS : OTHER_DEGRADED_MS;
    const verdict =
      lasting(`degraded ${degraded === undefined ? '' : resourceKey(degraded)}`) >= patience
        ? failed('degraded', cause)
        : waiting('degraded', cause);
    return { ...verdict, wants: 'tree' };
  }
  const progressing = worst('Progressing');
  if (progressing !== undefined || own === 'Progressing')
    return judgePods(reading, expectation, lasting, progressing);
  const missing = worst('Missing') ?? worst('Unknown');
  if (missing !== undefined || own === 'Missing' || own === 'Unknown') {
    const what = missing === undefined ? 'an object' : `${missing.kind} ${missing.name}`;
    return waiting(cleanLine(`waiting for ${what} (${missing?.health ?? own})`));
  }
  const paused = counted.find(({ health, kind }) => health === 'Suspended' && WORKLOADS.has(kind));
  if (
    paused !== undefined ||
    (own === 'Suspended' && !counted.some(({ health }) => health === 'Suspended'))
  ) {
    return waiting(
      cleanLine(`paused by somebody${paused === undefined ? '' : ` (${paused.kind} ${paused.name})`}`),
    );
  }
  // Undefined: Argo CD has not worked it out; Suspended of what is no workload (a suspended CronJob) is intended.
  return own === 'Healthy' || own === 'Suspended' ? undefined : waiting('Argo CD has no health of it yet');
}

/** Trap 6: an image that cannot be pulled is Progressing until the progress deadline; the pods know at once. */
function judgePods(
  { tree }: Reading,
  { images }: Expectation,
  lasting: Lasting,
  progressing: ResourceStatus | undefined,
): Verdict {
  const trouble = podTrouble(tree, images);
  const phase =
    progressing?.healthMessage === undefined
      ? 'waiting for pods'
      : cleanLine(`waiting for pods of ${progressing.name}: ${progressing.healthMessage}`, 200);
  const closer = lookCloser('progressing', lasting);
  if (trouble === undefined) return { ...waiting(phase), ...closer };
  const isOver = isHopeless(trouble, lasting);
  return {
    ...(isOver ? failed('pods do not start', trouble.cause) : waiting(phase, trouble.cause)),
    ...closer,
  };
}

/** Whether pods that do not start will not start. */
const isHopeless = ({ cause, isFinal }: PodTrouble, lasting: Lasting): boolean =>
  cause.kind === 'image-missing' ? lasting('image-missing') >= (isFinal ? PULL_MS : PULL_UNSURE_MS) : isFinal;

/** What takes longer than usual is worth its resource tree. */
const lookCloser = (what: string, lasting: Lasting): Pick<Verdict, 'wants'> =>
  lasting(what) >= LOOK_CLOSER_MS ? { wants: 'tree' } : {};

function degradedCause(resource: ResourceStatus | undefined, status: ApplicationStatus): Cause {
  if (resource === undefined) {
    return {
      kind: 'degraded',
      words: cleanLine(`The application is Degraded${said(status.health.message)}`),
    };
  }
  const { kind, name } = resource;
  return {
    kind: 'degraded',
    words: cleanLine(`${kind} ${name} is Degraded${said(resource.healthMessage)}`),
    resource: { kind, name },
  };
}

const said = (message: string | undefined): string =>
  message === undefined || message === '' ? '' : `: ${message}`;

/**
 * Not this commit's fault: what runs by a schedule, and what was Degraded before and the commit's sync did not touch. What the
 * sync applied with our image must become healthy, however it was before.
 */
function isExcused(
  resource: ResourceStatus,
  { operation }: ApplicationStatus,
  { before, images }: Expectation,
): boolean {
  if (resource.hook) return false;
  if (SCHEDULED.has(resource.kind)) return true;
  const key = resourceKey(resource);
  if (before?.degraded.includes(key) !== true) return false;
  const applied = operation?.resources.find((each) => resourceKey(each) === key);
  const repositories = images.map(repositoryOf);
  return !(applied?.images.some((image) => repositories.includes(repositoryOf(image))) === true);
}

/** Where an image's repository runs, our digest must: Synced and Healthy are Argo CD's word, the pods are the proof. */
function judgeImages({ status, tree }: Reading, { images }: Expectation): Verdict | undefined {
  const hasWorkload = status.resources.some(({ kind }) => WORKLOADS.has(kind));
  if (!hasWorkload) return undefined;
  // Without the tree, pods of yesterday's cron jobs count too; so a doubt asks for the tree.
  const running = tree === undefined ? status.images : workloadImages(tree);
  for (const image of images) {
    const same = running.filter((each) => repositoryOf(each) === repositoryOf(image));
    // None at all: scaled to zero, or the registry is rewritten by the cluster; then Synced is all there is.
    if (same.length > 0 && !same.some((each) => isOurImage(each, image))) {
      return { ...waiting('pods still run another image'), wants: 'tree' };
    }
  }
  return undefined;
}

/** Trap 2: right after an operation ends, the rest of the answer may be from before it. */
function judgeFreshness(
  { operation, reconciledAt }: ApplicationStatus,
  sinceEnd: number,
): Verdict | undefined {
  if (operation?.finishedAt === undefined) return undefined;
  if (reconciledAt === undefined || reconciledAt < operation.finishedAt) {
    return waiting('synced; Argo CD looks again');
  }
  // Times have whole seconds: in the same second nobody knows which was first.
  return reconciledAt - operation.finishedAt > SETTLE_MS || sinceEnd >= SETTLE_MS
    ? undefined
    : waiting('synced; making sure');
}
