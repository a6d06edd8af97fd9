import type { ApplicationStatus, OperationResource, OperationStatus } from './application-status.ts';
import { cleanLine } from './cluster-text.ts';

/** Why a deploy is not done, as a word for machines. */
export type CauseKind =
  | 'hook-failed'
  | 'sync-failed'
  | 'admission-denied'
  | 'namespace-missing'
  | 'cluster-unreachable'
  | 'git-unreachable'
  | 'manifests'
  | 'invalid-application'
  | 'image-missing'
  | 'crash'
  | 'degraded'
  | 'terminated'
  | 'blocked'
  | 'deleted';

export interface Cause {
  readonly kind: CauseKind;
  /** One line, from Argo CD's own words, cleaned (cluster-text.ts). */
  readonly words: string;
  /** The object it is about. */
  readonly resource?: { readonly kind: string; readonly name: string } | undefined;
}

/**
 * What a message of Argo CD is about; the first that matches. The words are Argo CD's and client-go's, as recorded
 * (cluster-down, comparison-error.*, admission-denied, sync-failed.no-namespace).
 */
const WORDS: readonly (readonly [CauseKind, RegExp])[] = [
  [
    'cluster-unreachable',
    /failed to discover server resources|failed to get (?:cluster|server) (?:info|version)|failed to load live state|error synchronizing cache state|the server is currently unable to handle the request|Get "https?:\/\/[^"]*\/apis?[/?"]/i,
  ],
  ['admission-denied', /denied (?:the )?request|ValidatingAdmissionPolicy|admission webhook "/],
  ['namespace-missing', /namespaces "[^"]*" not found/],
  // Before `manifests`: Argo CD reports a git server that is down as manifests that could not be generated.
  [
    'git-unreachable',
    /failed to list refs|failed to (?:clone|fetch|initialize|checkout)|ls-remote|git-upload-pack|authentication required|repository not found/i,
  ],
  [
    'manifests',
    /failed to generate manifest|unable to generate manifests|helm template|kustomize build|to a commit SHA|app path does not exist|failed to unmarshal/i,
  ],
];

export const causeKindOf = (message: string, otherwise: CauseKind): CauseKind =>
  WORDS.find(([, words]) => words.test(message))?.[0] ?? otherwise;

/** Says nothing but that something failed (trap 7): the objects must be asked. */
const EMPTY_WORDS =
  /^one or more (?:synchronization tasks (?:completed unsuccessfully|are not valid)|objects failed to apply)\.?(?: \(retried \d+ times\)\.?)?$/;

/** Argo CD's beginnings that say nothing, in front of the reason. */
const OPENING =
  /^(?:one or more (?:synchronization tasks (?:completed unsuccessfully|are not valid)|objects failed to apply)(?:, reason)?|Failed to load target state|failed to generate manifest for source \d+ of \d+|rpc error: code = \w+ desc =|failed to execute helm template command|failed running helm|`helm template [^`]*` failed exit status \d+|Error(?=:)):? */i;

/** Argo CD's words without its long openings, on one line. */
export function reasonIn(message: string): string {
  let rest = message.trim();
  for (;;) {
    const shorter = rest.replace(OPENING, '');
    if (shorter === rest || shorter === '') break;
    rest = shorter;
  }
  return cleanLine(rest.replace(/ ?\(retried \d+ times\)\.?$/, '').replace(/\. Retrying attempt #.*$/s, ''));
}

/** Why an operation failed, or is being tried again; undefined when nothing in it failed. */
export function causeOfOperation(operation: OperationStatus): Cause | undefined {
  const message = operation.message ?? '';
  if (/^operation terminated/i.test(message)) {
    return { kind: 'terminated', words: 'The operation was ended by somebody.' };
  }
  const hook = operation.resources.find(
    // One that could not even be applied (`SyncFailed`) has not failed itself.
    (each) =>
      each.hookType !== undefined &&
      each.status !== 'SyncFailed' &&
      /^(?:Failed|Error)$/.test(each.hookPhase ?? ''),
  );
  if (hook !== undefined) {
    return { kind: 'hook-failed', words: hookWords(hook), resource: { kind: hook.kind, name: hook.name } };
  }
  const failed = operation.resources.find((each) => each.status === 'SyncFailed');
  // While the others of its wave go on, the message is about them (sync-failed-retries.sequence, 311 ms).
  const isEmpty = EMPTY_WORDS.test(message) || message.startsWith('waiting for');
  const words = isEmpty ? (failed?.message ?? message) : message;
  const isOver = operation.phase === 'Failed' || operation.phase === 'Error';
  if (failed === undefined && !isOver && !/Retrying/.test(message)) return undefined;
  if (failed === undefined && message.startsWith('Retrying operation')) return undefined;
  return {
    kind: causeKindOf(words, 'sync-failed'),
    words: reasonIn(words),
    ...(failed === undefined ? {} : { resource: { kind: failed.kind, name: failed.name } }),
  };
}

const hookWords = (hook: OperationResource): string =>
  cleanLine(
    `${hook.hookType} hook ${hook.kind}/${hook.name} failed${hook.message ? `: ${hook.message}` : ''}`,
  );

/** Conditions by which Argo CD says that it could not compare (types.go, `ApplicationConditionType`). */
const COMPARISON = new Set(['ComparisonError', 'InvalidSpecError', 'UnknownError']);

/** Why Argo CD could not compare the application with git; undefined when it could. */
export function causeOfComparison(status: ApplicationStatus): (Cause & { message: string }) | undefined {
  const condition = status.conditions.find(({ type }) => COMPARISON.has(type));
  if (condition === undefined) {
    return status.sync.status === 'Unknown'
      ? { kind: 'manifests', words: 'Argo CD could not compare the application with git.', message: '' }
      : undefined;
  }
  const otherwise = condition.type === 'InvalidSpecError' ? 'invalid-application' : 'manifests';
  return {
    kind: causeKindOf(condition.message, otherwise),
    words: reasonIn(condition.message),
    message: condition.message,
  };
}
