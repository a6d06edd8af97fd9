import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => execa(process.execPath, [main, ...args], { reject: false });

test.each([[[]], [['no-such-benchmark']]])('%j: the benchmarks that exist are named', async (args) => {
  const { exitCode, stderr } = await bench(...args);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/npm run bench -- .*\bstart\b/);
});

test('a benchmark ends with one line of JSON, after a table for people', async () => {
  const { stdout, exitCode } = await bench('start', '--runs', '1');
  expect(exitCode).toBe(0);
  const lines = stdout.split('\n');
  expect(lines.filter((line) => line.startsWith('{'))).toHaveLength(1);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
    bench: 'start',
    ratioToActionsCore: expect.any(Number),
    distKiB: expect.any(Number),
  });
  expect(stdout).toContain('only @actions/core');
});

test('a wrong option is refused', async () => {
  expect(await bench('start', '--runs', 'many')).toMatchObject({ exitCode: 2 });
});
