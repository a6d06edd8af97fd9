import { mkdir, mkdtempDisposable, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { anApplication, aSource } from '../render/application-fixture.ts';
import { openRenderer } from './render-side.ts';

it('the store of charts is made small again at the end', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-render-side-'));
  const root = path.join(folder.path, 'repository');
  const archives = path.join(folder.path, 'cache/charts/archives');
  const old = path.join(archives, 'old.tgz');
  const files = {
    [old]: '',
    [path.join(root, 'web/Chart.yaml')]:
      'apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{ name: common, version: 0.1.0, repository: "file://../common" }]\n',
    [path.join(root, 'common/Chart.yaml')]: 'apiVersion: v2\nname: common\nversion: 0.1.0\n',
    [path.join(root, 'common/templates/c.yaml')]:
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: common }\n',
  };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  await truncate(old, 300 * 1024 * 1024);
  await utimes(old, 0, 0);
  const renderer = openRenderer(
    { ...process.env, KAJITORI_CACHE: path.join(folder.path, 'cache') },
    Date.now,
  );
  const application = anApplication({ sources: [aSource({ path: 'web' })] });
  const [rendered] = await renderer.render([application], { root, revision: '0'.repeat(40) });
  expect(rendered).toMatchObject({ notRendered: [], objects: [{ object: { kind: 'ConfigMap' } }] });
  expect(await readdir(archives)).toEqual(['old.tgz']);
  await renderer.close();
  expect(await readdir(archives)).toEqual([]);
});
