/**
 * `npm run build [-- FOLDER]`: bundles every action and the command into dist/ (or FOLDER), as a release carries them.
 * dist/ is never on main: `scripts/release.ts` commits it for the tag alone.
 */
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, suiteEntries } from './bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, 'dist'));
const start = performance.now();
const { files, bytes } = await bundle(
  suiteEntries(globSync('actions/*/main.ts', { cwd: root })),
  root,
  folder,
);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`${folder}: ${files.length} files, ${(bytes / 1024).toFixed(0)} KiB, ${seconds} s`);
