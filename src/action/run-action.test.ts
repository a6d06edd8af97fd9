import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const RUN_ACTION = new URL('./run-action.ts', import.meta.url);
const FAILURE = new URL('../report/failure.ts', import.meta.url);

/** An action whose body is this, run as the runner does. */
async function action(body: string) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'kajitori-action-'));
  const [main, summary, output] = ['main.mts', 'summary', 'output'].map((name) =>
    join(folder.path, name),
  ) as [string, string, string];
  await Promise.all([
    writeFile(summary, ''),
    writeFile(output, ''),
    writeFile(
      main,
      `import { runAction } from ${JSON.stringify(RUN_ACTION)};
       import { couldNot, refused } from ${JSON.stringify(FAILURE)};
       await runAction(async () => { ${body} });`,
    ),
  ]);
  const { exitCode, stdout } = await execa(process.execPath, [pathToFileURL(main).pathname], {
    extendEnv: false,
    reject: false,
    env: { GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: output },
  });
  return {
    exitCode,
    stdout,
    summary: await readFile(summary, 'utf8'),
    output: await readFile(output, 'utf8'),
  };
}

test('who is refused reads why, and what to do, in the first line of the summary', async () => {
  const refused = await action(
    `throw refused('web is on hold in production: <b>orders</b> fail @acme/shop', { todo: 'End the hold.', reason: 'hold' });`,
  );
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain('::error title=Refused::web is on hold');
  expect(refused.output).toContain('hold');
  const [first] = refused.summary.split('\n');
  expect(first).toMatch(/^### Refused: web is on hold in production: .*orders.* → End the hold\.$/);
  // People wrote the reason.
  expect(first).not.toMatch(/<b>|@acme/);
});

test('what could not be done says so, with the place and every mistake', async () => {
  const failed = await action(
    `throw couldNot('kajitori.yaml has 2 mistakes:\\nno clusters\\nno registries', { at: { file: 'kajitori.yaml', line: 3 }, todo: 'Correct them.' });`,
  );
  expect(failed.exitCode).toBe(2);
  expect(failed.summary).toBe(
    '### Could not do it: kajitori.yaml has 2 mistakes: → Correct them.\n\n- no clusters\n- no registries\n\nAt `kajitori.yaml:3`\n',
  );
});

test('a defect of ours is called one, in the summary too, with no stack there', async () => {
  const broken = await action(`throw new TypeError('x is not a function');`);
  expect(broken.exitCode).toBe(2);
  expect(broken.summary).toMatch(
    /^### This is a defect of Kajitori, please report it: x is not a function\n$/,
  );
});
