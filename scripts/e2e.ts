/**
 * `npm run e2e [-- FILTER...]`: the tests against a real Argo CD on two real API servers (test/e2e). Not part of
 * `npm test`: its set-up takes minutes the first time, and a run needs 2 GB of memory. Ends as `npm test` does.
 */
import { runTests } from './run-tests.ts';

process.exit((await runTests('vitest.e2e.config.ts', process.argv.slice(2))) ? 0 : 1);
