import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tree } from './tree.ts';
import { openWorkingCopy } from './working-copy.ts';

/**
 * The files that the npm package carries beside its code: charts/, templates/, schemas/.
 *
 * The code runs unbuilt (src/repository/) or bundled (dist/), at another depth below the package's root.
 */
export async function openSuite(): Promise<Tree> {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!isPackageRoot(folder)) {
    const parent = path.dirname(folder);
    if (parent === folder) {
      throw new Error('The package kajitori is not complete: its package.json is missing.');
    }
    folder = parent;
  }
  return openWorkingCopy(folder);
}

function isPackageRoot(folder: string): boolean {
  const file = path.join(folder, 'package.json');
  return (
    existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name === 'kajitori'
  );
}

/** A file of the package that must be there. */
export async function suiteFile(suite: Tree, file: string): Promise<string> {
  const text = await suite.read(file);
  if (text === undefined) {
    throw new Error(`The package kajitori is not complete: ${file} is missing.`);
  }
  return text;
}

/** All files below a folder of a tree, as paths from its root, sorted. Links are left out. */
export async function filesBelow(tree: Tree, folder: string): Promise<string[]> {
  const entries = await tree.list(folder);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.kind === 'folder') {
        return filesBelow(tree, path);
      }
      return entry.kind === 'file' ? [path] : [];
    }),
  );
  return found.flat();
}
