import { couldNot, type Place } from '../report/failure.ts';
import { dataOf, mergedEntry } from './data.ts';
import { withDefaultLimits, type YamlLimits } from './limits.ts';
import type { YamlPath } from './path.ts';
import {
  type Entry,
  readSource,
  resolved,
  type SyntaxDocument,
  type SyntaxNode,
  type YamlSource,
} from './syntax.ts';

export type { YamlLimits } from './limits.ts';

/** Which file, and which of its documents, is meant. */
export interface YamlOptions {
  /** The name of the file, for messages. */
  readonly file: string;
  /** Counted from 0. Not needed where there is only one document. */
  readonly document?: number;
  readonly limits?: Partial<YamlLimits>;
}

/** One document of a YAML file, with its places. */
export interface YamlFile {
  readonly source: string;
  /**
   * The document as plain data, as a YAML 1.2 reader sees it with aliases followed and merge keys applied.
   * Undefined for an empty document. Maps have no prototype, so that `__proto__` is a key like others.
   */
  readonly value: unknown;
  /**
   * Where the value at a path stands, or else the nearest ancestor that exists. What comes by an alias or a merge
   * key stands where it is written.
   */
  placeOf(path: YamlPath): Place;
  /** Where the key at a path stands (the dash, for an item of a list), or else the nearest ancestor's. */
  placeOfKey(path: YamlPath): Place;
  /** The value at a path; undefined where there is none. */
  get(path: YamlPath): unknown;
}

/**
 * Reads one document of a YAML file.
 *
 * @throws {Failure} (exit 2, with file:line:column) for a syntax error, a duplicate key, an alias without an
 * anchor, an alias bomb, a file that is too large or too deep, and for several documents when none was chosen.
 */
export function parseYaml(source: string, options: YamlOptions): YamlFile {
  const read = readSource(source, options.file, withDefaultLimits(options.limits));
  const { root } = chooseDocument(read, options.document);
  const value = dataOf(root);
  const place = (path: YamlPath, of: (entry: Entry) => SyntaxNode | number): Place => {
    const entry = nearestEntry(root, path);
    const at = entry === undefined ? (root ?? 0) : of(entry);
    return read.placeAt(typeof at === 'number' ? at : at.start);
  };
  return {
    source,
    value,
    placeOf: (path) => place(path, (entry) => entry.value),
    placeOfKey: (path) => place(path, (entry) => entry.keyNode ?? entry.start),
    get: (path) => valueAt(value, path),
  };
}

/** The document that is meant: the one with this index, or the only one. */
export function chooseDocument(source: YamlSource, index: number | undefined): SyntaxDocument {
  const { documents, file } = source;
  if (index === undefined && documents.length > 1) {
    throw couldNot(`the file holds ${documents.length} documents, and it is not said which one is meant`, {
      at: { file },
      todo: 'Say which document (0 is the first), or remove the other ones and their "---".',
      reason: 'several-documents',
    });
  }
  const chosen = documents[index ?? 0];
  if (chosen === undefined) {
    throw couldNot(`the file has no document ${index}; it holds ${documents.length}, counted from 0`, {
      at: { file },
      todo: 'Choose a document that is there.',
      reason: 'no-such-document',
    });
  }
  return chosen;
}

function nearestEntry(root: SyntaxNode | undefined, path: YamlPath): Entry | undefined {
  let node = root;
  let nearest: Entry | undefined;
  for (const step of path) {
    const map = node === undefined ? undefined : resolved(node);
    const next: Entry | undefined =
      map === undefined ? undefined : typeof step === 'number' ? itemAt(map, step) : entryOf(map, step);
    if (next === undefined) break;
    nearest = next;
    node = next.value;
  }
  return nearest;
}

const itemAt = (node: SyntaxNode, index: number): Entry | undefined =>
  node.kind === 'list' ? node.entries[index] : undefined;

const entryOf = (node: SyntaxNode, key: string): Entry | undefined =>
  node.byKey.get(key) ?? mergedEntry(node, key);

/** The value at a path of plain data; undefined where there is none. */
function valueAt(value: unknown, path: YamlPath): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    if (Array.isArray(at) !== (typeof step === 'number')) return undefined;
    at = Object.hasOwn(at, step) ? (at as Record<string | number, unknown>)[step] : undefined;
  }
  return at;
}
