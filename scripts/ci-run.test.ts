import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kajitori-ci-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs .ci/run with an npm whose `npm ci` and `npm test` are these scripts. */
async function ciRun(
  ci: string,
  npmTest: string,
): Promise<{ last: string | undefined; exitCode: number | undefined }> {
  const npm = join(folder, 'npm');
  writeFileSync(npm, `#!/bin/sh\ncase "$1" in\nci) ${ci} ;;\ntest) ${npmTest} ;;\nesac\n`);
  chmodSync(npm, 0o755);
  const script = fileURLToPath(new URL('../.ci/run', import.meta.url));
  const env = { PATH: `${folder}:/usr/local/bin:/usr/bin:/bin`, CI: 'false' };
  const { stdout, exitCode } = await execa(script, { env, extendEnv: false, reject: false });
  return { last: stdout.split('\n').at(-1), exitCode };
}

test.each([
  ['all passed', 'true', 'echo 3 passed, 0 failed', '3 passed, 0 failed', 0],
  ['some were skipped', 'true', 'echo 3 passed, 0 failed, 1 skipped', '3 passed, 0 failed, 1 skipped', 0],
  [
    'npm adds to a failure',
    'true',
    'echo 2 passed, 1 failed; echo npm error code 1; exit 1',
    '2 passed, 1 failed',
    1,
  ],
  ['npm ci fails', 'exit 7', 'echo 9 passed, 0 failed', '0 passed, 1 failed', 7],
  ['a set-up fails', 'true', 'echo helm: failed; exit 2', '0 passed, 1 failed', 2],
  [
    'the tests die after their counts',
    'true',
    'echo 3 passed, 0 failed; exit 139',
    '0 passed, 1 failed',
    139,
  ],
  ['nothing was counted', 'true', 'true', '0 passed, 1 failed', 1],
  [
    'CI is not set',
    'true',
    'test "$CI" = true && test ! -t 0 && echo 1 passed, 0 failed',
    '1 passed, 0 failed',
    0,
  ],
])('when %s, the last line and the exit code say so', async (_, ci, npmTest, last, exitCode) => {
  expect(await ciRun(ci, npmTest)).toEqual({ last, exitCode });
});
