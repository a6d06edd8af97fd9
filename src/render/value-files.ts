import path from 'node:path';
import { couldNot, type Failure, type Place } from '../report/failure.ts';
import { type BuildEnvironment, fillVariables } from './build-environment.ts';
import { lookInside } from './inside.ts';
import { globPaths } from './path-glob.ts';

/** Where the files of a source are. */
export interface SourceFolder {
  /** The repository, or an unpacked chart: nothing outside is read. Absolute. */
  readonly root: string;
  /** The source's path in it, `.` for the root itself. */
  readonly folder: string;
}

/** What names of files in a Helm source can mean. */
export interface FilePlaces {
  /** Undefined where the source itself has none that we know. */
  readonly own: SourceFolder;
  /** By `$name`: the root that it stands for, or why it cannot be read. */
  readonly references: ReadonlyMap<string, string | Failure>;
  /** With more than one source every `$name` is a reference, else it is a variable where no source has that `ref`. */
  readonly hasMultipleSources: boolean;
  readonly environment: BuildEnvironment;
  /** The Application, for messages. */
  readonly at: Place;
}

/** Larger values are a mistake or an attack; a chart with its CRDs has less. As Argo CD's limit for manifests. */
export const MAX_INPUT_BYTES = 10_000_000;

/**
 * Values files as Argo CD finds them (reposerver/repository `getResolvedValueFiles`, util/io/path `resolved.go`): relative
 * to the source's path, `/x` relative to the root, `$ref/x` in another source, with `*`, `**`, `?` and `[…]`. A file that is
 * named stands where it is named, also when a pattern before it would match it; none stands twice.
 *
 * @returns absolute paths, later ones win
 * @throws Failure (exit 2): `values-missing`, `outside-repository`, `file-too-large`, `not-rendered` for URLs and for
 * references to what is not here
 */
export async function resolveValueFiles(
  names: readonly string[],
  ignoreMissing: boolean,
  places: FilePlaces,
): Promise<string[]> {
  const wanted = names.map((name) => ({ name, ...placeOf(name, places) }));
  const isPattern = (file: string) => /[*?[]/.test(file);
  const named = new Set<string>();
  const explicit = new Map<string, string>();
  for (const { name, root, file } of wanted.filter((each) => !isPattern(each.file))) {
    const found = await existing(name, root, file, places.at);
    if (found !== undefined) {
      named.add(found);
      explicit.set(name, found);
    }
  }
  const files = new Set<string>();
  for (const { name, root, file } of wanted) {
    const found = isPattern(file)
      ? (await matching(name, root, file, places.at)).filter((match) => !named.has(match))
      : [explicit.get(name) ?? []].flat();
    const isMissing = isPattern(file)
      ? found.length === 0 && (await matching(name, root, file, places.at)).length === 0
      : found.length === 0;
    if (isMissing && !ignoreMissing) {
      throw missing(name, places.at);
    }
    for (const each of found) {
      files.add(each);
    }
  }
  return [...files];
}

/**
 * One file that must exist, as of `fileParameters`.
 *
 * @throws as `resolveValueFiles`
 */
export async function resolveFile(name: string, places: FilePlaces): Promise<string> {
  const { root, file } = placeOf(name, places);
  const found = await existing(name, root, file, places.at);
  if (found === undefined) {
    throw couldNot(`The file ${name} of \`fileParameters\` does not exist.`, {
      at: places.at,
      todo: 'Add the file, or correct its name.',
      reason: 'values-missing',
    });
  }
  return found;
}

/** A name's root, and the path in it. */
function placeOf(name: string, places: FilePlaces): { readonly root: string; readonly file: string } {
  const reference = /^\$[^/]*/.exec(name)?.[0];
  if (reference !== undefined && (places.hasMultipleSources || places.references.has(reference))) {
    const root = places.references.get(reference);
    if (root === undefined) {
      const known = [...places.references.keys()];
      throw couldNot(`${name} is in the source ${reference}, and there is none with that \`ref\`.`, {
        at: places.at,
        todo: known.length === 0 ? 'Give a source `ref`.' : `Use one of these: ${known.join(', ')}.`,
        reason: 'not-rendered',
      });
    }
    if (typeof root !== 'string') {
      throw root;
    }
    return {
      root,
      file: relativeTo('.', `/${fillVariables(name.slice(reference.length), places.environment)}`),
    };
  }
  const filled = fillVariables(name, places.environment);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(filled)) {
    throw couldNot(`${filled} is a URL, and values are read only from files.`, {
      at: places.at,
      todo: 'Put the values file into the repository; what is not rendered is not checked.',
      reason: 'not-rendered',
    });
  }
  return { root: places.own.root, file: relativeTo(places.own.folder, filled) };
}

const relativeTo = (folder: string, name: string): string =>
  name.startsWith('/') ? path.posix.normalize(`./${name}`) : path.posix.join(folder, name);

async function existing(name: string, root: string, file: string, at: Place): Promise<string | undefined> {
  const found = await lookInside(root, file, file.startsWith('..') ? at : undefined);
  if (found === undefined) {
    return undefined;
  }
  if (found.kind !== 'file') {
    throw couldNot(`${name} is not a file.`, { at, todo: 'Name a values file.', reason: 'not-a-file' });
  }
  if (found.size > MAX_INPUT_BYTES) {
    throw couldNot(`The file is too large (${found.size} bytes; the limit is ${MAX_INPUT_BYTES}).`, {
      at: { file: path.posix.normalize(file) },
      todo: 'Move generated or binary data out of the values.',
      reason: 'file-too-large',
    });
  }
  // As it is called, not where links lead: messages name it so.
  return path.resolve(root, file);
}

async function matching(name: string, root: string, pattern: string, at: Place): Promise<string[]> {
  const found: string[] = [];
  if (path.posix.normalize(pattern).startsWith('..')) {
    throw couldNot(`${name} leads out of the repository.`, { at, reason: 'outside-repository' });
  }
  for (const match of await globPaths(root, pattern, at)) {
    const file = await existing(match, root, match, at);
    if (file !== undefined) {
      found.push(file);
    }
  }
  return found;
}

const missing = (name: string, at: Place) =>
  couldNot(`The values file ${name} does not exist.`, {
    at,
    todo: 'Add the file, correct its name, or set `ignoreMissingValueFiles: true`.',
    reason: 'values-missing',
  });
