import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundle, suiteEntries } from './bundle.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kajitori-bundle-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A small suite: two programs that share code of their own and of two packages, one of them with a data file. */
function project(root: string): void {
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  write('package.json', '{ "name": "kajitori", "type": "module" }');
  write(
    'src/greet.ts',
    `import { stringify } from 'yaml';\nexport const greet = (name: string): string => stringify({ hello: name });`,
  );
  write(
    'actions/greet/main.ts',
    `import * as core from '@actions/core';\nimport { greet } from '../../src/greet.ts';\ncore.info(greet('action'));`,
  );
  write(
    'src/cli/main.ts',
    `#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { greet } from '../greet.ts';
console.log(greet('command') + readFileSync(new URL('./motto.txt', import.meta.url), 'utf8'));`,
  );
  write('src/cli/motto.txt', 'at the helm\n');
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
}

const entries = suiteEntries(['actions/greet/main.ts', 'actions/greet/main.test.ts']);

function contents(dist: string, files: readonly string[]): Record<string, string> {
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(dist, file), 'utf8')]));
}

describe('a bundle', () => {
  test('runs from any folder, without node_modules, with its data files', async () => {
    project(join(folder, 'a'));
    await bundle(entries, join(folder, 'a'), join(folder, 'built'));
    cpSync(join(folder, 'built'), join(folder, 'else where/dist'), { recursive: true });
    rmSync(join(folder, 'a'), { recursive: true });
    rmSync(join(folder, 'built'), { recursive: true });
    writeFileSync(join(folder, 'else where/package.json'), '{ "type": "module" }');
    const run = (file: string): Promise<{ stdout: string }> =>
      execa(process.execPath, [join(folder, 'else where/dist', file)], { cwd: tmpdir() });
    expect((await run('greet.js')).stdout).toBe('hello: action\n');
    expect((await run('kajitori.js')).stdout).toBe('hello: command\nat the helm\n');
  });

  test('is the same from another path, and when built again', async () => {
    project(join(folder, 'a'));
    project(join(folder, 'other/place'));
    const first = await bundle(entries, join(folder, 'a'), join(folder, 'dist1'));
    const second = await bundle(entries, join(folder, 'other/place'), join(folder, 'dist2'));
    expect(contents(join(folder, 'dist2'), second.files)).toEqual(
      contents(join(folder, 'dist1'), first.files),
    );
  });

  test('holds shared code once, imports nothing but itself and Node, and has a size', async () => {
    project(folder);
    const { files, bytes } = await bundle(entries, folder, join(folder, 'dist'));
    const texts = contents(join(folder, 'dist'), files);
    const code = Object.entries(texts).filter(([file]) => file.endsWith('.js'));
    expect(code.filter(([, text]) => text.includes('hello:'))).toHaveLength(1);
    for (const [file, text] of code) {
      const imports = [...text.matchAll(/(?:\bfrom|\bimport|\brequire\()\s*[`"']([\w@./:-]+)[`"']/g)].map(
        ([, name = '']) => name,
      );
      const foreign = imports.filter(
        (name) => !/^(node:|\.\.?\/)/.test(name) && !builtinModules.includes(name),
      );
      expect([file, foreign]).toEqual([file, []]);
    }
    expect(bytes).toBe(files.reduce((sum, file) => sum + statSync(join(folder, 'dist', file)).size, 0));
  });

  test('passes on the licences of what it holds, and of nothing else', async () => {
    project(folder);
    await bundle(entries, folder, join(folder, 'dist'));
    const licences = readFileSync(join(folder, 'dist/LICENSES.txt'), 'utf8');
    expect(licences).toMatch(/^yaml 2\.\S+ \(ISC\)$/m);
    expect(licences).toMatch(/^@actions\/core \S+ \(MIT\)$/m);
    expect(licences).not.toMatch(/^rolldown /m);
  });

  test('the command can be started by its name', async () => {
    project(folder);
    await bundle(entries, folder, join(folder, 'dist'));
    expect(readFileSync(join(folder, 'dist/kajitori.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(join(folder, 'dist/kajitori.js')).mode & 0o111).toBe(0o111);
  });

  test('is not made when an import does not resolve', async () => {
    project(folder);
    writeFileSync(
      join(folder, 'src/greet.ts'),
      `import 'no-such-package';\nexport const greet = (name: string) => name;`,
    );
    await expect(bundle(entries, folder, join(folder, 'dist'))).rejects.toThrow(/no-such-package/);
  });
});
