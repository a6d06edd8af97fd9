import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot, Failure } from '../report/failure.ts';
import { directoryGlob } from './directory-glob.ts';
import { lookInside } from './inside.ts';
import type { DirectoryStep } from './plan.ts';
import { MAX_INPUT_BYTES } from './value-files.ts';
import type { RenderWorld } from './world.ts';

/** A manifest's object, and its file relative to the repository's root. */
export interface ManifestObject {
  readonly object: KubernetesObject;
  readonly file: string;
}

/** The files that Argo CD reads in a directory source (its `manifestFile` pattern). */
const MANIFEST = /\.(?:ya?ml|json|jsonnet)$/;
/** Only at the top: further down a text may look like it. */
const DIRECTIVE = /^(?:[^\S\n]*(?:#[^\n]*)?\n)*(?=%)/;
const SKIP_MARK = '+argocd:skip-file-rendering';
const MOST_ENTRIES = 100_000;

/**
 * The plain manifests of a folder (reposerver/repository `findManifests`): in the order of their names, subfolders only with
 * `recurse`. A YAML file that does not look like a manifest is passed over, as Argo CD does.
 *
 * @throws Failure (exit 2): `bad-manifest`, `not-rendered` for Jsonnet, `outside-repository` for links, `file-too-large` above
 * 10 MB in all (Argo CD's default), `bad-pattern`
 */
export async function renderDirectory(
  step: Pick<DirectoryStep, 'folder' | 'options' | 'at'>,
  world: Pick<RenderWorld, 'root' | 'signal'>,
): Promise<ManifestObject[]> {
  const { recurse = false, include, exclude } = step.options ?? {};
  const isIncluded = include ? directoryGlob(include, step.at) : () => true;
  const isExcluded = exclude ? directoryGlob(exclude, step.at) : () => false;
  const objects: ManifestObject[] = [];
  let bytes = 0;
  for await (const file of filesIn(world.root, step.folder, recurse)) {
    world.signal?.throwIfAborted();
    const relative = path.posix.relative(step.folder, file);
    if (!MANIFEST.test(file) || isExcluded(relative) || !isIncluded(relative)) {
      continue;
    }
    const found = await lookInside(world.root, file);
    if (found?.kind !== 'file') {
      continue;
    }
    bytes += found.size;
    if (bytes > MAX_INPUT_BYTES) {
      throw couldNot(
        `With this file the manifests of ${step.folder} are larger than ${MAX_INPUT_BYTES} bytes in all.`,
        {
          at: { file },
          todo: 'Argo CD renders no such folder by default: split it, or move large data out of it.',
          reason: 'file-too-large',
        },
      );
    }
    const text = decode(await readFile(found.absolute));
    if (!text.includes(SKIP_MARK)) {
      objects.push(...manifestsOf(text, file).map((object) => ({ object, file })));
    }
  }
  return objects;
}

/** Files and links in a folder, in Go's order (`filepath.Walk`). */
async function* filesIn(root: string, folder: string, recurse: boolean): AsyncGenerator<string> {
  const waiting = [{ name: folder, isFolder: true }];
  let entries = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (!next.isFolder) {
      yield next.name;
      continue;
    }
    const inside = await readdir(path.join(root, next.name), { withFileTypes: true });
    entries += inside.length;
    if (entries > MOST_ENTRIES) {
      throw couldNot(`There are more than ${MOST_ENTRIES} files below it.`, {
        at: { file: folder },
        todo: 'Name a smaller folder.',
        reason: 'render-limit',
      });
    }
    const children = inside
      .filter((entry) => entry.name !== '.git' && (recurse || !entry.isDirectory()))
      .map((entry) => ({ name: path.posix.join(next.name, entry.name), isFolder: entry.isDirectory() }));
    // The next is taken from the end.
    waiting.push(...children.toSorted((a, b) => (a.name < b.name ? 1 : -1)));
  }
}

/** Go's utfutil reads UTF-16 by its byte order mark too. */
function decode(bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

function manifestsOf(text: string, file: string): KubernetesObject[] {
  if (file.endsWith('.jsonnet')) {
    throw couldNot('Jsonnet is not rendered.', {
      at: { file },
      todo: 'Write plain YAML, or leave the file out by `directory.exclude`; what is not rendered is not checked.',
      reason: 'not-rendered',
    });
  }
  try {
    const directive = DIRECTIVE.exec(text);
    if (directive !== null) {
      throw couldNot('Argo CD cannot read a YAML directive: it parts documents before it reads them.', {
        at: { file, line: directive[0].split('\n').length },
        todo: 'Take the line away.',
        reason: 'bad-manifest',
      });
    }
    return parseManifests(text, file);
  } catch (error) {
    const looksLikeManifest = ['apiVersion:', 'kind:', 'metadata:'].every((word) => text.includes(word));
    if (error instanceof Failure && !file.endsWith('.json') && !looksLikeManifest) {
      return [];
    }
    throw error;
  }
}
