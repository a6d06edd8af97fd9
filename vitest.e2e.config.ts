import { defineConfig } from 'vitest/config';
import { pathWithTools } from './scripts/tools.ts';

/** `npm run e2e`: tests that need what `scripts/setup e2e` brings. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    // A file takes many minutes: each test is told of as it ends.
    reporters: ['verbose'],
    pool: 'forks',
    // Each file starts a rig of its own, of 2 GB and a dozen processes.
    fileParallelism: false,
    // What waits side by side costs little.
    maxConcurrency: 12,
    env: { PATH: pathWithTools(process.env) },
    // What is waited for has a shorter deadline of its own, with a better message (test/e2e/rig/wait-for.ts).
    testTimeout: 600_000,
    hookTimeout: 300_000,
    slowTestThreshold: 60_000,
  },
});
