/** The checks of the sources that are no tests. Each one is a name and a function that says what is wrong. */
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { lintWorkflows } from './actionlint.ts';
import { privateFacts } from './private-facts.ts';
import { templateWorkflows } from './template-workflows.ts';

export interface Check {
  readonly name: string;
  /** What is wrong, for people; undefined when nothing is. */
  run(root: string): Promise<string | undefined>;
}

/** A checker that is a program: it passes when it exits with 0, else what it printed says why. */
const program = (name: string, command: readonly string[]): Check => ({
  name,
  run: async (root) => {
    const [file = '', ...args] = command;
    // Their output is indented under the check's line, and read in logs: no colours, not even in CI.
    const env = { NO_COLOR: '1', FORCE_COLOR: undefined };
    const options = { cwd: root, env, reject: false, all: true, stdin: 'ignore', preferLocal: true } as const;
    const result = await execa(file, args, options);
    return result.failed ? result.all || result.shortMessage : undefined;
  },
});

const sources = ['src', 'actions', 'scripts', 'test', 'bench', 'vitest.config.ts', 'vitest.e2e.config.ts'];

const zizmor: Check = {
  name: 'zizmor',
  run: async (root) => {
    const filled = await mkdtemp(join(tmpdir(), 'kajitori-zizmor-'));
    try {
      // zizmor looks at where a file lies to tell a workflow from an action.
      await mkdir(join(filled, '.github/workflows'), { recursive: true });
      for (const [file, text] of templateWorkflows(root)) await writeFile(join(filled, file), text);
      const patterns = [
        '.github/workflows/*.yml',
        'actions/*/action.yml',
        'examples/*/.github/workflows/*.yml',
      ];
      const files = [...globSync(patterns, { cwd: root }), filled];
      const options = ['--offline', '--quiet', '--no-progress', '--strict-collection', '--collect=all'];
      return await program('zizmor', ['zizmor', ...options, '--config', '.github/zizmor.yml', ...files]).run(
        root,
      );
    } finally {
      await rm(filled, { recursive: true, force: true });
    }
  },
};

/** In the order in which they start: the long ones first, so that two at a time end together. */
export const checks: readonly Check[] = [
  program('types', ['tsc', '-p', '.']),
  program('oxlint', ['oxlint', '--type-aware', '--deny-warnings', ...sources]),
  program('knip', ['knip', '--no-progress']),
  zizmor,
  { name: 'actionlint', run: lintWorkflows },
  program('biome', ['biome', 'check', '--error-on-warnings', '--colors=off', '.']),
  // A process of its own: it imports product code, and must not keep the other checks from running when that is broken.
  program('generated files', [process.execPath, 'scripts/generate.ts', '--check']),
  { name: 'private facts', run: privateFacts },
];
