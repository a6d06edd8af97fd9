import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { pathWithTools } from './scripts/tools.ts';

export default defineConfig({
  test: {
    include: ['{src,actions,scripts,test,bench}/**/*.test.ts'],
    reporters: ['default'],
    setupFiles: ['test/property-seed.ts'],
    // Processes, not threads: tests change the working directory and start git and helm.
    pool: 'forks',
    // One more than by default: many tests wait for processes, and on 2 processors one worker would leave half of them idle.
    maxWorkers: availableParallelism(),
    // So that `npx vitest run FILE` finds the tools of `scripts/setup test` too.
    env: { PATH: pathWithTools(process.env) },
    // Generous: a slow or busy machine must not make a test fail. Tests assert no timing.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The list of the slowest tests (scripts/test.ts) says this better.
    slowTestThreshold: 10_000,
  },
});
