import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import type { Counts } from './checks/run-checks.ts';
import { summarize } from './test-summary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs the tests of a configuration of vitest, all or those whose file's path holds one of the filters, and prints the
 * summary: the ten slowest tests, what was skipped and why, and as the last line `N passed, N failed`.
 *
 * @param checked what has passed and failed before, and counts too
 * @returns whether everything passed
 */
export async function runTests(
  config: string,
  filters: readonly string[],
  checked: Counts = { passed: 0, failed: 0 },
): Promise<boolean> {
  const vitest = await startVitest('test', [...filters], { root, config, watch: false });
  const modules = vitest.state.getTestModules();
  const summary = summarize({
    checks: checked,
    tests: modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => {
        const result = test.result();
        const note = result.state === 'skipped' ? result.note : undefined;
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        return { name, state: result.state, milliseconds: test.diagnostic()?.duration ?? 0, note };
      }),
    ),
    // What failed outside of any test: a file that does not load, a hook, a promise nobody awaited.
    otherErrors:
      modules.reduce((sum, module) => sum + module.errors().length, 0) +
      modules
        .flatMap((module) => [...module.children.allSuites()])
        .reduce((sum, suite) => sum + suite.errors().length, 0) +
      vitest.state.getUnhandledErrors().length,
  });
  // Before the summary: closing prints, and the counts must stand on the last line.
  await vitest.close();
  for (const line of summary.lines) console.log(line);
  return summary.failed === 0;
}
