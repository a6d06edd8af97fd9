import { LineCounter, parseAllDocuments } from 'yaml';
import { couldNot, type Place } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import { asGoReads, readPlainDocument } from './go-yaml.ts';
import type { KubernetesObject } from './object.ts';

/** More aliases than this are a bomb, not a manifest. */
const MAX_ALIASES = 100;

/** Stands for the five characters that the API server makes up behind `generateName`. */
export const GENERATED_NAME = '00000';

/**
 * Reads a stream of YAML documents as Kubernetes objects. Empty documents are left out, a `List` is its items. An object with
 * `generateName` only, as hooks have it, gets a name that ends in `GENERATED_NAME`.
 *
 * @param file for messages: where the text comes from
 * @throws Failure (exit 2, `bad-manifest`) for what is not YAML, or not a Kubernetes object
 */
export function parseManifests(text: string, file: string): KubernetesObject[] {
  return parsePlainManifests(text, file) ?? parseManifestsWithPlaces(text, file);
}

/** A line that begins with these begins a document, wherever it stands (YAML 1.2, 9.1.2). */
const DOCUMENT_START = /^(?=---(?:\s|$))/m;

/** The fast way; undefined where something is rare, or wrong. */
function parsePlainManifests(text: string, file: string): KubernetesObject[] | undefined {
  const objects: KubernetesObject[] = [];
  // Most texts are one document, and looking at each line costs a tenth of reading it.
  for (const part of text.includes('\n---') ? text.split(DOCUMENT_START) : [text]) {
    const document = readPlainDocument(part);
    try {
      if (document === undefined) {
        objects.push(...parseManifestsWithPlaces(part, file));
      } else if (document.value !== null) {
        objects.push(...objectsOf(document.value, { file }));
      }
    } catch {
      // Its place is told by reading the whole.
      return undefined;
    }
  }
  return objects;
}

/**
 * The same, read with `yaml` alone: the judge of what the fast way reads.
 *
 * @throws Failure as `parseManifests`, with line and column
 */
export function parseManifestsWithPlaces(text: string, file: string): KubernetesObject[] {
  const lineCounter = new LineCounter();
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      version: '1.1',
      customTags: asGoReads,
      // Argo CD takes the last one (sigs.k8s.io/yaml, not strict), and charts with a label twice are not rare.
      uniqueKeys: false,
      lineCounter,
      // Warnings would go to the process's own stderr, past our messages.
      logLevel: 'error',
    });
  } catch (error) {
    // Nested so deep that the reader runs out of stack.
    throw badManifest(error instanceof Error ? error.message : String(error), { file });
  }
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
    return value === null || value === undefined ? [] : objectsOf(value, { file, line });
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

/**
 * What one document, as data, is as objects: itself, or the items of a list.
 *
 * @throws Failure (exit 2, `bad-manifest`) for what is not a Kubernetes object
 */
export function objectsOf(value: unknown, at: Place): KubernetesObject[] {
  if (!isMap(value)) {
    throw badManifest('it is not a map', at);
  }
  const { apiVersion, kind, metadata, items, spec, status } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw badManifest('apiVersion or kind is missing', at);
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item: unknown) => objectsOf(item, at));
  }
  // As Argo CD knows an empty list of objects (reposerver/repository `isNullList`).
  if (kind.endsWith('List') && items === null && spec === undefined && status === undefined) {
    return [];
  }
  if (
    isMap(metadata) &&
    !metadata.name &&
    typeof metadata.generateName === 'string' &&
    metadata.generateName !== ''
  ) {
    const name = `${metadata.generateName}${GENERATED_NAME}`;
    return [{ ...value, metadata: { ...metadata, name } } as KubernetesObject];
  }
  if (!isMap(metadata) || typeof metadata.name !== 'string' || metadata.name === '') {
    throw badManifest(`${kind} without metadata.name`, at);
  }
  return [value as KubernetesObject];
}
