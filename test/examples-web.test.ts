import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../examples/web', import.meta.url));

it("the sample app's own tests pass", async () => {
  const { stdout, stderr, exitCode } = await execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=tap'],
    { cwd: FOLDER, reject: false, timeout: 50_000 },
  );
  expect(`${stdout}\n${stderr}`).toMatch(/^# fail 0$/m);
  expect(stdout).toMatch(/^# pass [1-9]\d*$/m);
  expect(exitCode).toBe(0);
});
