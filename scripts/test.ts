/**
 * `npm test [-- FILTER...]`: all checks, then all tests. Ends with the ten slowest tests, what was skipped and why, and as its
 * last line `N passed, N failed` (each check counts as one). Fails when anything failed, or when no test ran.
 *
 * With a filter (part of a test file's path) only those test files run, and no checks.
 */
import { fileURLToPath } from 'node:url';
import { checks } from './checks/checks.ts';
import { runChecks } from './checks/run-checks.ts';
import { runTests } from './run-tests.ts';

const filters = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));

const checked = filters.length > 0 ? undefined : await runChecks(checks, root, console.log);
process.exit((await runTests('vitest.config.ts', filters, checked)) ? 0 : 1);
