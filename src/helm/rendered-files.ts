import { readPlainDocument } from '../kubernetes/go-yaml.ts';
import { objectsOf } from '../kubernetes/manifests.ts';
import { Failure } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import type { HelmObject } from './documents.ts';

/** What one template of a release came to, as helm has it before it reads any of it. */
export interface RenderedFile {
  /** Relative to the chart's folder. */
  readonly template: string;
  readonly text: string;
}

/** A document, with what helm looks at. */
interface Document {
  readonly kind: string;
  readonly part: 'object' | 'hook' | 'test';
  readonly objects: readonly HelmObject[];
}

/** What files were read as. Releases of one app in several clusters have most of them in common, and objects are never changed. */
export type KnownFiles = Map<string, readonly Document[] | undefined>;

/**
 * The objects that `helm template` prints for a release, in its order: file by file, then by kind, hooks last (helm's pkg/releaseutil
 * `SortManifests`, pkg/release/v1/util in Helm 4).
 *
 * @param files in the order of their paths' bytes
 * @returns undefined where it is not certain that helm takes and orders all of it in the same way. Rendered alone, helm judges.
 */
export function readRenderedFiles(
  files: readonly RenderedFile[],
  skipTests: boolean,
  known: KnownFiles,
): readonly HelmObject[] | undefined {
  const documents: Document[] = [];
  for (const { template, text } of files) {
    const key = `${template}\n${text}`;
    let read = known.get(key);
    if (read === undefined && !known.has(key)) {
      read = documentsOf(template, text);
      known.set(key, read);
    }
    if (read === undefined) {
      return undefined;
    }
    documents.push(...read);
  }
  const objects = documents.filter(({ part }) => part === 'object');
  const hooks = documents.filter(({ part }) => part === 'hook' || (part === 'test' && !skipTests));
  return isOrderedByVersion(documents)
    ? undefined
    : [objects, hooks].flatMap((part) => part.toSorted(byKind).flatMap((document) => document.objects));
}

function documentsOf(template: string, text: string): Document[] | undefined {
  if (RARE.test(text) || OTHER_SEPARATOR.test(text) || isRareFlow(text)) {
    return undefined;
  }
  const documents: Document[] = [];
  for (const part of text.split(SEPARATOR)) {
    const document = part.trim();
    const from = part.indexOf(document);
    const [before, after] = [part.slice(0, from), part.slice(from + document.length)];
    if (/[^ \n]/.test(before + after) || (after.includes(' ') && BLOCK_TEXT.test(document))) {
      return undefined;
    }
    const value = readPlainDocument(document)?.value;
    if (value === undefined) {
      return undefined;
    }
    if (value !== null) {
      const read = documentOf(value, template);
      if (read === undefined) {
        return undefined;
      }
      documents.push(read);
    }
  }
  return documents;
}

/** What stands behind it on its line is for Helm 3 part of the document only where another one is above. */
const SEPARATOR = /^---(?= *(?:#|$))/m;
const OTHER_SEPARATOR = /^---(?! *(?:#|$))/m;

/**
 * What Go's reader refuses or takes for something else, and ours may not: bytes that are no text, halves of characters, numbers
 * that JSON does not have, keys of more than 1,024 characters, anchors and tags. And text that keeps the blank lines at its end, of
 * which versions of helm leave different ones.
 */
const RARE =
  /[\ufffd-\uffff]|\\u[dD][89a-fA-F]|\.(?:inf|nan)\b|[|>]\d?\+|^[^\n]{1000,}?:(?: |$)|(?:^|[:?-]) *(?:&[^&\s]|!\S)|[[{,] *(?:&[^&\s]|!\S)/im;

/**
 * Text with `[a, b]` or `{a: b}`, where the readers may disagree: they part `a?b` and `a:]` in different ways, and take keys of
 * several lines, or not.
 */
const isRareFlow = (text: string): boolean =>
  FLOW.test(text) &&
  (/\?|[[{,] *:|:[,\]}]|^ *[,:\]}]/m.test(text) ||
    text.split('\n').some((line) => FLOW.test(line) && !/[\]}]$/.test(line)));

const FLOW = /(?:^|[:-] ) *(?:\[(?! *\])|\{(?! *\}))/m;

/** Its last line may end with space, that some versions of helm take away. */
const BLOCK_TEXT = /[|>][-\d]{0,2} *(?:#.*)?$/m;

function documentOf(value: unknown, template: string): Document | undefined {
  try {
    const objects = objectsOf(value, { file: template }).map((object) => ({
      object,
      template,
    }));
    const part = partOf(value as Readonly<Record<string, unknown>>);
    const { kind } = value as { readonly kind: string };
    return part === undefined ? undefined : { kind, part, objects };
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error;
    }
    return undefined;
  }
}

/** Undefined for what does not fit into helm's `SimpleHead`, or is a hook that it leaves out. */
function partOf(document: Readonly<Record<string, unknown>>): Document['part'] | undefined {
  const metadata = document.metadata ?? {};
  const annotations = (isMap(metadata) ? metadata.annotations : undefined) ?? {};
  if (
    !isMap(metadata) ||
    !isMap(annotations) ||
    ![metadata.name, ...Object.values(annotations)].every(isScalar) ||
    Object.keys(document).some((key) => FIELD_IN_ANY_CASE.test(key) && !FIELD.test(key)) ||
    Object.keys(metadata).some((key) => FIELD_IN_ANY_CASE.test(key) && !FIELD.test(key))
  ) {
    return undefined;
  }
  const hook = annotations['helm.sh/hook'];
  if (hook === undefined) {
    return 'object';
  }
  if (typeof hook !== 'string') {
    return undefined;
  }
  const events = hook.split(',').map((event) => event.trim().toLowerCase());
  if (!events.every((event) => EVENTS.has(event))) {
    return undefined;
  }
  return events.some((event) => event.startsWith('test')) ? 'test' : 'hook';
}

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;

const FIELD = /^(?:apiVersion|kind|metadata|name|annotations)$/;

/** Go finds the fields of its types in any case. */
const FIELD_IN_ANY_CASE = new RegExp(FIELD, 'iu');

const EVENTS = new Set(
  (
    'pre-install post-install pre-delete post-delete pre-upgrade post-upgrade pre-rollback post-rollback ' +
    'test test-success'
  ).split(' '),
);

/** Helm's `InstallOrder`, which is this since 3.9. */
const KINDS = new Map(
  (
    'PriorityClass Namespace NetworkPolicy ResourceQuota LimitRange PodSecurityPolicy PodDisruptionBudget ServiceAccount Secret ' +
    'SecretList ConfigMap StorageClass PersistentVolume PersistentVolumeClaim CustomResourceDefinition ClusterRole ClusterRoleList ' +
    'ClusterRoleBinding ClusterRoleBindingList Role RoleList RoleBinding RoleBindingList Service DaemonSet Pod ReplicationController ' +
    'ReplicaSet Deployment HorizontalPodAutoscaler StatefulSet Job CronJob IngressClass Ingress APIService'
  )
    .split(' ')
    .map((kind, at) => [kind, at]),
);

/** Kinds that are not in the list are last, by name. */
function byKind({ kind: a }: Document, { kind: b }: Document): number {
  const first = KINDS.get(a) ?? KINDS.size;
  const second = KINDS.get(b) ?? KINDS.size;
  if (first !== second) {
    return first - second;
  }
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Helm 4 has these in its list, behind all others; for Helm 3 they are among those that it does not know. */
const WEBHOOKS = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

function isOrderedByVersion(documents: readonly Document[]): boolean {
  const last = documents.map(({ kind }) => kind).filter((kind) => !KINDS.has(kind));
  return last.some((kind) => WEBHOOKS.has(kind)) && last.some((kind) => !WEBHOOKS.has(kind));
}
