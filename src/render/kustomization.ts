import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { couldNot, type Place } from '../report/failure.ts';
import { lookInside } from './inside.ts';
import type { Kustomization } from './kustomize-edit.ts';
import { MAX_INPUT_BYTES } from './value-files.ts';

/** Names of the file that makes a folder a kustomization, in the order in which kustomize looks for them. */
export const KUSTOMIZATION_NAMES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** A kustomization file, and what it names in which line. */
export interface KustomizationFile {
  /** Relative to the repository's root. */
  readonly file: string;
  readonly value: Kustomization;
  /** Resources, bases, components and the like that are named, with their places. */
  readonly named: readonly { readonly name: string; readonly at: Place }[];
}

/** Fields whose items are files, folders or URLs that are loaded as objects. */
const LOADED = ['resources', 'bases', 'components', 'crds', 'generators', 'transformers', 'validators'];

/** Those that would start helm, which kustomize does not do unless it is told to. */
const HELM = ['helmCharts', 'helmChartInflationGenerator'];

/** More loaded folders than this, each time that one is named counted, are a bomb: each costs a run over all its objects. */
const MOST_LOADS = 1000;

/**
 * Reads the kustomization of a folder.
 *
 * @throws Failure (exit 2): `render-failed`, `not-rendered` for helm charts
 */
export async function readKustomization(root: string, folder: string, at: Place): Promise<KustomizationFile> {
  for (const name of KUSTOMIZATION_NAMES) {
    const file = path.posix.join(folder, name);
    const found = await lookInside(root, file);
    if (found?.kind === 'file') {
      if (found.size > MAX_INPUT_BYTES) {
        throw broken('it is too large', { file });
      }
      return parsed(await readFile(found.absolute, 'utf8'), file);
    }
  }
  throw couldNot(`There is no kustomization in ${folder}.`, {
    at,
    todo: `Add ${KUSTOMIZATION_NAMES[0]}, or correct the path.`,
    reason: 'path-missing',
  });
}

function parsed(text: string, file: string): KustomizationFile {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: '1.1', lineCounter, logLevel: 'error' });
  const placeOf = (offset: number | undefined): Place => {
    const { line, col } = lineCounter.linePos(offset ?? 0);
    return { file, line, column: col };
  };
  const [mistake] = document.errors;
  if (mistake !== undefined) {
    throw broken(mistake.message.split(/ at line \d+|\n/, 1)[0] ?? '', placeOf(mistake.pos[0]));
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw broken(error instanceof Error ? error.message : String(error), { file });
  }
  const top = document.contents ?? undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw broken('it is not a map', placeOf(top?.range?.[0]));
  }
  const named: { name: string; at: Place }[] = [];
  for (const { key, value: node } of isMap(top) ? top.items : []) {
    const field = isScalar(key) ? String(key.value) : '';
    if (HELM.includes(field)) {
      throw couldNot('Helm charts in a kustomization are not rendered.', {
        at: placeOf(isScalar(key) ? key.range?.[0] : undefined),
        todo: 'Make the chart a source of the Application; what is not rendered is not checked.',
        reason: 'not-rendered',
      });
    }
    for (const item of LOADED.includes(field) && isSeq(node) ? node.items : []) {
      // Transformers can also be written out in place.
      if (isScalar(item) && typeof item.value === 'string' && !item.value.includes('\n')) {
        named.push({ name: item.value, at: placeOf(item.range?.[0]) });
      }
    }
  }
  return { file, value: value as Kustomization, named };
}

const broken = (why: string, at: Place) =>
  couldNot(`kustomize cannot read this: ${why}.`, { at, todo: 'Correct the YAML.', reason: 'render-failed' });

/**
 * The folders that a kustomization is made of, itself first; each is one that kustomize loads.
 *
 * @param first the kustomization of `folder`, as it is built
 * @throws Failure (exit 2): `not-rendered` for what is not in the repository, `outside-repository`, `path-missing`,
 * `render-limit`
 */
export async function kustomizationFolders(
  root: string,
  folder: string,
  first: KustomizationFile,
): Promise<string[]> {
  const loads = new Map<string, number>();
  const visit = async (
    here: string,
    kustomization: KustomizationFile,
    above: readonly string[],
  ): Promise<number> => {
    let count = 1;
    for (const { name, at } of kustomization.named) {
      const target = path.posix.join(here, name);
      const found = await lookInside(root, target, at);
      if (found === undefined) {
        throw notHere(name, at);
      }
      if (found.kind === 'folder') {
        const next = path.posix.normalize(target).replace(/\/$/, '');
        if ([...above, here].includes(next)) {
          throw couldNot(`${name} leads back to a kustomization that names this one.`, {
            at,
            todo: 'Break the circle.',
            reason: 'render-failed',
          });
        }
        count +=
          loads.get(next) ?? (await visit(next, await readKustomization(root, next, at), [...above, here]));
      } else if (found.size > MAX_INPUT_BYTES) {
        throw couldNot(`${name} is too large (${found.size} bytes; the limit is ${MAX_INPUT_BYTES}).`, {
          at,
          todo: 'Move generated or binary data out of it.',
          reason: 'file-too-large',
        });
      }
      if (count > MOST_LOADS) {
        throw couldNot(`This loads more than ${MOST_LOADS} kustomizations.`, {
          at,
          todo: 'Look for bases that name each other many times.',
          reason: 'render-limit',
        });
      }
    }
    loads.set(here, count);
    return count;
  };
  await visit(folder, first, []);
  return [folder, ...[...loads.keys()].filter((each) => each !== folder)];
}

const notHere = (name: string, at: Place) =>
  /:\/\/|^git@|\?ref=|^(?:github|gitlab|bitbucket)\.\w+\//.test(name)
    ? couldNot(`${name} is somewhere else, and kustomize loads only what is in the repository here.`, {
        at,
        todo: 'Copy it into the repository; what is not rendered is not checked.',
        reason: 'not-rendered',
      })
    : couldNot(`${name} does not exist.`, {
        at,
        todo: 'Add it, or take the line away.',
        reason: 'path-missing',
      });
