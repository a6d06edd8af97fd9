import { couldNot, Failure, type Place } from '../report/failure.ts';
import { isMap, newMap } from '../yaml/data.ts';
import { parseYaml } from '../yaml/parse.ts';
import type { YamlPath } from '../yaml/path.ts';
import { isContent } from './application-set.ts';
import { readGoYaml, splitDocuments } from './go-yaml.ts';

/** An object of Argo CD in a file. */
export interface ManifestInFile {
  readonly kind: 'Application' | 'ApplicationSet';
  readonly value: Readonly<Record<string, unknown>>;
  /** Where its document begins. */
  readonly at: Place;
  /** The text of its document. */
  readonly text: string;
  readonly placeOf: (path: YamlPath) => Place;
}

/** Files that Argo CD reads as manifests (reposerver/repository, `manifestFile`), except Jsonnet. */
export const isManifestFile = (file: string): boolean => /\.(?:yaml|yml|json)$/.test(file);

/** Whether a text can hold an Application at all: most files of a repository do not, and are not parsed. */
const mayHold = (text: string): boolean =>
  // With an escape, a string need not be spelled as it reads.
  saysApplication(text) || /\\(?:[xuU]|\r?\n)/.test(text);

const saysApplication = (text: string): boolean =>
  text.includes('Application') && text.includes('argoproj.io');

/**
 * The Applications and ApplicationSets of a file, also those in a `List`.
 *
 * @returns failures (exit 2, `bad-yaml`) for documents that cannot be read, beside what can
 */
export function manifestsIn(
  text: string,
  file: string,
): { manifests: ManifestInFile[]; failures: Failure[] } {
  const manifests: ManifestInFile[] = [];
  const failures: Failure[] = [];
  for (const document of mayHold(text) ? splitDocuments(text) : []) {
    if (!mayHold(document.text)) continue;
    try {
      const value = readGoYaml(document.text, file, document.firstLine);
      const offset = document.text.split('\n').findIndex(isContent);
      const at = { file, line: document.firstLine + Math.max(0, offset) };
      for (const { object, path } of objectsIn(value, [])) {
        manifests.push({
          kind: object.kind as ManifestInFile['kind'],
          value: withoutNulls(object) as ManifestInFile['value'],
          at: path.length === 0 ? at : placeIn(document.text, at, document.firstLine, path),
          text: document.text,
          placeOf: (inside) => placeIn(document.text, at, document.firstLine, [...path, ...inside]),
        });
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // What is no YAML to Argo CD either makes no Application; a file that tries to is worth a word.
      if (saysApplication(document.text)) failures.push(error);
    }
  }
  return { manifests, failures };
}

/**
 * What Kubernetes keeps of an object of Argo CD: a key whose value is null is not there, in `valuesObject` and in the elements of lists
 * too (seen with Argo CD 3.5 on Kubernetes 1.36). A null in a list stays.
 */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  const map = newMap();
  for (const [key, item] of Object.entries(value)) if (item !== null) map[key] = withoutNulls(item);
  return map;
}

function* objectsIn(
  value: unknown,
  path: YamlPath,
): Generator<{ object: Readonly<Record<string, unknown>>; path: YamlPath }> {
  if (!isMap(value)) return;
  const { apiVersion, kind, items } = value;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    if (path.length > 8) return;
    for (const [index, item] of items.entries()) yield* objectsIn(item, [...path, 'items', index]);
  } else if (
    typeof apiVersion === 'string' &&
    apiVersion.startsWith('argoproj.io/') &&
    (kind === 'Application' || kind === 'ApplicationSet')
  ) {
    yield { object: value, path };
  }
}

/** Parsed again, with places: only for what is wrong. */
function placeIn(text: string, at: Place, firstLine: number, path: YamlPath): Place {
  try {
    const { line = 1, column } = parseYaml(text, { file: at.file }).placeOf(path);
    return { file: at.file, line: firstLine + line - 1, ...(column === undefined ? {} : { column }) };
  } catch {
    // The stricter reader may refuse what Argo CD reads; the document's own place is still right.
    return at;
  }
}

/** A file that was not looked into, though it could hold an Application. */
export const notLookedInto = (file: string, why: string): Failure =>
  couldNot(`This file was not looked into: ${why.replace(/\.$/, '')}.`, {
    at: { file },
    todo: 'Keep Applications in small files of their own.',
    reason: 'not-looked-into',
  });
