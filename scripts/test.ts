/**
 * `npm test [-- FILTER...]`: all checks, then all tests. Ends with the ten slowest tests, what was skipped and why, and as its
 * last line `N passed, N failed` (each check counts as one). Fails when anything failed, or when no test ran.
 *
 * With a filter (part of a test file's path) only those test files run, and no checks.
 */
import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import { checks } from './checks/checks.ts';
import { runChecks } from './checks/run-checks.ts';
import { summarize } from './test-summary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const filters = process.argv.slice(2);

const checked = filters.length > 0 ? { passed: 0, failed: 0 } : await runChecks(checks, root, console.log);
const vitest = await startVitest('test', filters, { root, watch: false, reporters: ['default'] });
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
process.exit(summary.failed === 0 ? 0 : 1);
