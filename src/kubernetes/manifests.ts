import { LineCounter, parseAllDocuments, Scalar, type ScalarTag, type Tags } from 'yaml';
import { couldNot, type Place } from '../report/failure.ts';
import type { KubernetesObject } from './object.ts';

/** More aliases than this are a bomb, not a manifest. */
const MAX_ALIASES = 100;

/**
 * Helm and Argo CD read YAML 1.1 with Go's reader, where a date or a base-60 number (`1:30`) that stands without
 * quotes is text, and so is what only looks like a number (`0x_`, `-.`) or is too large for one (`1e999`).
 */
const asGoReads = (tags: Tags): Tags =>
  tags
    .filter(
      (tag) =>
        typeof tag === 'string' ||
        (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
    )
    .map((tag) => (isNumberTag(tag) ? { ...tag, resolve: numberOrText(tag) } : tag));

const isNumberTag = (tag: Tags[number]): tag is ScalarTag =>
  typeof tag !== 'string' && /:(?:int|float)$/.test(tag.tag) && !('collection' in tag && tag.collection);

const numberOrText =
  (tag: ScalarTag): ScalarTag['resolve'] =>
  (text, onError, options) => {
    const read: unknown = tag.resolve(text, onError, options);
    const value: unknown = read instanceof Scalar ? read.value : read;
    const isNone = typeof value === 'number' && !Number.isFinite(value) && !/(?:inf|nan)$/i.test(text);
    return isNone ? text : read;
  };

/**
 * Reads a stream of YAML documents as Kubernetes objects. Empty documents are left out, a `List` is its items.
 *
 * @param file for messages: where the text comes from
 * @throws Failure (exit 2, `bad-manifest`) for what is not YAML, or not a Kubernetes object
 */
export function parseManifests(text: string, file: string): KubernetesObject[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    customTags: asGoReads,
    lineCounter,
    // Warnings would go to the process's own stderr, past our messages.
    logLevel: 'error',
  });
  return documents.flatMap((document) => {
    const { line } = lineCounter.linePos(document.contents?.range?.[0] ?? 0);
    const [mistake] = document.errors;
    if (mistake !== undefined) {
      const [from] = mistake.linePos ?? [{ line, col: 1 }];
      throw badManifest(firstLine(mistake.message), { file, line: from.line, column: from.col });
    }
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      throw badManifest(error instanceof Error ? error.message : String(error), { file, line });
    }
    return value === null || value === undefined ? [] : toObjects(value, { file, line });
  });
}

/** `yaml` repeats the source below its message; a place is enough. */
const firstLine = (text: string): string => text.split(/ at line \d+|\n/, 1)[0] ?? text;

const badManifest = (why: string, at: Place) =>
  couldNot(`This is not a Kubernetes object: ${why}.`, {
    at,
    todo: 'Correct it there, or in the template that it was rendered from.',
    reason: 'bad-manifest',
  });

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function toObjects(value: unknown, at: Place): KubernetesObject[] {
  if (!isMap(value)) {
    throw badManifest('it is not a map', at);
  }
  const { apiVersion, kind, metadata, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw badManifest('apiVersion or kind is missing', at);
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item: unknown) => toObjects(item, at));
  }
  if (!isMap(metadata) || typeof metadata.name !== 'string' || metadata.name === '') {
    throw badManifest(`${kind} without metadata.name`, at);
  }
  return [value as KubernetesObject];
}
