import type { ApplicationStatus } from './application-status.ts';
import type { Cause } from './cause.ts';
import type { ClusterEvent } from './client.ts';
import { cleanLine } from './cluster-text.ts';
import type { Evidence } from './evidence.ts';
import type { Judgement } from './judge.ts';
import { podTrouble, pullWords, readyPods } from './pods.ts';
import type { ResourceTree } from './resource-tree.ts';
import { todoFor } from './todo.ts';

/** Why a deploy failed, for someone who is late. All texts are cleaned (cluster-text.ts), none is Markdown. */
export interface Explanation {
  /** One sentence that names the cause. */
  readonly headline: string;
  /** One sentence: what to do. */
  readonly todo: string;
  /** Under the headline: events, then the last lines of the log. */
  readonly details: readonly string[];
}

const NO_EVIDENCE: Evidence = {
  tree: undefined,
  pod: undefined,
  container: undefined,
  logs: undefined,
  events: undefined,
};

/**
 * Explains what `judge` found.
 *
 * @param images as in `Expectation`
 */
export function explain(
  status: ApplicationStatus,
  judgement: Pick<Judgement, 'cause' | 'phase'>,
  images: readonly string[],
  evidence: Evidence = NO_EVIDENCE,
): Explanation {
  const cause = refined(judgement.cause ?? { kind: 'degraded', words: judgement.phase }, evidence);
  return {
    headline: cleanLine(headlineOf(cause, status, images, evidence), 400),
    todo: todoFor[cause.kind],
    details: detailsOf(cause, evidence),
  };
}

/** A Deployment only knows that its pods are not there in time; the pods know why. */
function refined(cause: Cause, { pod, container }: Evidence): Cause {
  if (pod === undefined) return cause;
  if (cause.kind === 'image-missing') {
    // A Job's pod has no words in the tree; the container has.
    return container?.message === undefined ? cause : { ...cause, words: pullWords(pod, container.message) };
  }
  if (cause.kind !== 'degraded') return cause;
  const trouble = podTrouble({ nodes: [pod] }, []);
  if (trouble !== undefined) return trouble.cause;
  const hasEnded = container?.exitCode !== undefined && container.exitCode !== 0;
  if (hasEnded) return { kind: 'crash', words: cause.words, resource: { kind: 'Pod', name: pod.name } };
  return cause;
}

function headlineOf(
  cause: Cause,
  status: ApplicationStatus,
  images: readonly string[],
  evidence: Evidence,
): string {
  const cluster = status.destination.name ?? status.destination.server ?? 'the cluster';
  const what = cause.resource === undefined ? '' : `${cause.resource.kind} ${cause.resource.name}`;
  switch (cause.kind) {
    case 'hook-failed':
      return hookHeadline(cause, evidence);
    case 'image-missing':
      return `${cause.words.replace(/\.$/, '')}.`;
    case 'crash':
      return crashHeadline(cause, evidence);
    case 'degraded':
      return degradedHeadline(cause, images, evidence);
    case 'cluster-unreachable':
      return `Argo CD cannot reach the cluster ${cluster}: ${networkReason(cause.words)}.`;
    case 'git-unreachable':
      return `Argo CD cannot read the GitOps repository: ${networkReason(cause.words)}.`;
    case 'manifests':
      return `The manifests cannot be rendered: ${renderReason(cause.words)}`;
    case 'admission-denied':
      return `A rule of the cluster ${cluster} refuses ${what || 'an object'}: ${denialReason(cause.words)}`;
    case 'namespace-missing': {
      const [, namespace = status.destination.namespace ?? ''] =
        /namespaces "([^"]*)"/.exec(cause.words) ?? [];
      return `The namespace ${namespace} does not exist in the cluster ${cluster}.`;
    }
    case 'sync-failed':
      return what === '' ? `The sync failed: ${cause.words}` : `Kubernetes refuses ${what}: ${cause.words}`;
    default:
      return cause.words;
  }
}

const isMigration = (name: string): boolean => /migrat/.test(name);

function hookHeadline({ resource, words }: Cause, { pod, container }: Evidence): string {
  const name = resource?.name ?? 'a hook';
  const who = isMigration(name) ? `The migration ${name}` : `The job ${name}`;
  const exit = container?.exitCode ?? exitCodeIn(pod?.healthMessage ?? '');
  if (exit !== undefined) return `${who} failed (exit ${exit}).`;
  return `${who} failed${/: (.*)$/.exec(words)?.[0] ?? ''}.`;
}

function crashHeadline({ resource, words }: Cause, { container }: Evidence): string {
  const exit = container?.exitCode ?? exitCodeIn(words);
  const how =
    container?.reason === 'OOMKilled' ? 'out of memory' : exit === undefined ? undefined : `exit ${exit}`;
  const again = container === undefined || container.restarts === 0 ? '' : `, ${container.restarts} restarts`;
  return `The pod ${resource?.name ?? ''} crashes${how === undefined ? '' : ` (${how}${again})`}.`;
}

function degradedHeadline(cause: Cause, images: readonly string[], { tree, events }: Evidence): string {
  const probe = probeWords(events);
  const { ready, all } = tree === undefined ? { ready: 0, all: 0 } : readyPods(tree, images);
  const pods = all > 0 && ready < all ? `Pods do not become ready: ${ready} of ${all}` : cause.words;
  return probe === undefined ? `${pods.replace(/\.$/, '')}.` : `${pods.replace(/\.$/, '')}. ${probe}`;
}

/** The kubelet's event `Unhealthy`: `Readiness probe failed: HTTP probe failed with statuscode: 503`. */
const probeWords = (events: readonly ClusterEvent[] = []): string | undefined => {
  const probe = events.findLast(
    ({ reason, message }) => reason === 'Unhealthy' && /probe failed/.test(message),
  );
  return probe && cleanLine(probe.message, 200);
};

const exitCodeIn = (words: string): number | undefined => {
  const [, code] = /exit code (\d+)/.exec(words) ?? [];
  return code === undefined ? undefined : Number(code);
};

/** Go's `dial tcp 10.0.0.1:443: connect: connection refused` says it once and for all. */
const networkReason = (words: string): string =>
  /(connection refused|i\/o timeout|no such host|deadline exceeded|x509: [^;]*|authentication required|repository not found|TLS handshake timeout|status code: \d{3}|EOF)/i.exec(
    words,
  )?.[1] ?? words.replace(/\.$/, '');

/** helm's own error: `template: web/templates/deployment.yaml:14:26: executing … at <.Values.x>: …`. */
function renderReason(words: string): string {
  const error = words.replace(/ Use --debug flag.*$/, '');
  const [, place, at, why] =
    /template: (\S+?:\d+(?::\d+)?): executing ".*?" at <(.*?)>: (.*)/.exec(error) ?? [];
  return place === undefined ? error : `${place}: ${why} (at ${at})`;
}

/** `ValidatingAdmissionPolicy 'x' with binding 'x' denied request: …`, or a webhook's. */
function denialReason(words: string): string {
  const [, policy, why] =
    /ValidatingAdmissionPolicy '([^']+)'.*? denied request: (.*)/.exec(words) ??
    /admission webhook "([^"]+)" denied the request: (.*)/.exec(words) ??
    [];
  return policy === undefined ? words : `${why} (${policy})`;
}

/** Newest last; a few of them, and the log after them. */
function detailsOf({ kind }: Cause, { pod, container, logs, events }: Evidence): string[] {
  const warnings = (events ?? [])
    .filter(({ type }) => type === 'Warning')
    .slice(-5)
    .map(({ reason, message, count }) =>
      cleanLine(`${reason ?? 'Warning'}${count > 1 ? ` (${count} times)` : ''}: ${message}`, 300),
    );
  if (pod === undefined || kind === 'image-missing' || logs === undefined || logs.length === 0)
    return warnings;
  const whose = `Last lines of ${pod.name}${container === undefined ? '' : `, container ${container.name}`}:`;
  return [...warnings, whose, ...logs.map((line) => `  ${line}`)];
}

/**
 * What is going on, in a few words: `migration running (web-migrate, 20 s)`, `3 of 8 pods ready`.
 *
 * @param now milliseconds since the epoch
 */
export function progressWords(
  judgement: Pick<Judgement, 'phase' | 'cause' | 'state'>,
  images: readonly string[],
  tree: ResourceTree | undefined,
  now: number,
): string {
  const { phase, cause } = judgement;
  const [, hook] = /^migration running \((.*)\)$/.exec(phase) ?? [];
  const job =
    hook === undefined ? undefined : tree?.nodes.find(({ kind, name }) => kind === 'Job' && name === hook);
  const running =
    job?.createdAt === undefined
      ? phase
      : `migration running (${hook}, ${Math.max(0, Math.round((now - job.createdAt) / 1000))} s)`;
  if (!phase.startsWith('waiting for pods')) {
    return cause === undefined || judgement.state !== 'waiting' ? running : `${running}: ${cause.words}`;
  }
  const { ready, all } = tree === undefined ? { ready: 0, all: 0 } : readyPods(tree, images);
  const pods = all === 0 ? phase : `${ready} of ${all} pods ready`;
  return cause === undefined ? pods : `${pods}. ${cause.words}`;
}
