import { globSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, suiteEntries } from '../../scripts/bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a tag of the suite carries besides dist/, as far as a run can reach it. */
const CARRIED = ['.github/workflows', 'actions', 'charts', 'schemas', 'templates', 'package.json'];

/**
 * What act 0.2.89 can read: it does not know `$/path` (the repository and commit of the running workflow), so the copy
 * says the same as `kajitori/kajitori/path@v1`; nor `queue: max` of `concurrency`, which it would not act on anyway.
 */
const readableByAct = (text: string): string =>
  text
    .replaceAll(/^(\s*(?:- )?uses: )\$\/(\S+)$/gm, '$1kajitori/kajitori/$2@v1')
    .replaceAll(/^ +queue: max\n/gm, '');

/** Where `releaseSuite` puts what stands for a third party's action: act has no internet, and GitHub's artifacts are not here. */
export const uploadArtifact = (suite: string): string => join(suite, '.act/upload-artifact');

/** Says what it was given. */
const UPLOAD_ARTIFACT = `name: upload-artifact
description: Stands for actions/upload-artifact.
inputs:
  name: { description: name, required: true }
  path: { description: path, required: true }
  retention-days: { description: days, default: "0" }
runs:
  using: composite
  steps:
    - shell: bash
      env: { NAME: "\${{ inputs.name }}", FILE: "\${{ inputs.path }}" }
      run: echo "artifact $NAME, $(head -c 15 "$FILE")"
`;

/** Puts the suite as a tag carries it, dist/ included, into a new folder: what act is told that `v1` is. */
export async function releaseSuite(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const path of CARRIED) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  await mkdir(uploadArtifact(folder), { recursive: true });
  await writeFile(join(uploadArtifact(folder), 'action.yml'), UPLOAD_ARTIFACT);
  await bundle(suiteEntries(globSync('actions/*/main.ts', { cwd: root })), root, join(folder, 'dist'));
  const actions = (await readdir(join(folder, 'actions'))).map((name) => `actions/${name}/action.yml`);
  const workflows = (await readdir(join(folder, '.github/workflows'))).map(
    (name) => `.github/workflows/${name}`,
  );
  for (const file of [...actions, ...workflows]) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), readableByAct(text));
  }
}
