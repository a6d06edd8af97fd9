import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle, suiteEntries } from '../scripts/bundle.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  version: string;
  files: string[];
};
const actions = readdirSync(join(repository, 'actions')).filter((name) =>
  existsSync(join(repository, 'actions', name, 'main.ts')),
);

/** The suite as npm and the tags have it: dist/ beside what package.json's `files` names; no node_modules anywhere near. */
let installed: string;

beforeAll(async () => {
  installed = mkdtempSync(join(tmpdir(), 'kajitori-dist-'));
  await bundle(
    suiteEntries(actions.map((name) => `actions/${name}/main.ts`)),
    repository,
    join(installed, 'dist'),
  );
  for (const file of ['package.json', ...manifest.files]) {
    const source = join(repository, file);
    if (file !== 'dist' && existsSync(source)) cpSync(source, join(installed, file), { recursive: true });
  }
});
afterAll(() => rmSync(installed, { recursive: true, force: true }));

/** Runs a program of dist/ in another folder, with nothing in its environment but where git and helm are. */
const run = (file: string, args: readonly string[] = []) =>
  execa(process.execPath, [join(installed, 'dist', file), ...args], {
    cwd: tmpdir(),
    env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
    extendEnv: false,
    reject: false,
  });

test('the command runs from its bundle and says its version', async () => {
  expect(await run('kajitori.js', ['--version'])).toMatchObject({ stdout: manifest.version, exitCode: 0 });
});

test.each(actions)(
  'the action %s runs from its bundle, and says what is missing when it has no inputs',
  async (action) => {
    const { stdout, exitCode } = await run(`${action}.js`);
    expect(stdout).toMatch(/^::error .*missing/);
    expect(exitCode).toBe(2);
  },
);

test.each(actions)("the action %s starts without Node's fetch, which is slow to load", async (action) => {
  const program = join(installed, 'dist', `${action}.js`);
  const script = `process.exitCode = 0; await import(${JSON.stringify(program)}); console.log(process.moduleLoadList.join('\\n'))`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: tmpdir(),
    env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
    extendEnv: false,
    reject: false,
  });
  const loaded = stdout.split('\n');
  expect(loaded).toContain('NativeModule https');
  expect(loaded).not.toContain('NativeModule internal/deps/undici/undici');
});
