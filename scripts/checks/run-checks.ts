import { availableParallelism } from 'node:os';
import { Failure, formatFailure } from '../../src/report/failure.ts';
import type { Check } from './checks.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

async function outcome(check: Check, root: string): Promise<string | undefined> {
  try {
    return await check.run(root);
  } catch (error) {
    return error instanceof Failure ? formatFailure(error) : String(error);
  }
}

/** The beginning is enough to see what is wrong when a whole folder is; a check that is named alone prints everything. */
const mostLines = 80;

function shortened(output: string, name: string): string {
  const lines = output.trim().split('\n');
  if (lines.length <= mostLines) return lines.join('\n');
  const rest = `… ${lines.length - mostLines} more lines: scripts/check "${name}" prints all of it`;
  return [...lines.slice(0, mostLines), rest].join('\n');
}

/**
 * Runs all checks, as many at a time as there are processors, and goes on after one has failed. Prints a line for each
 * as it ends, with its time; what a failed one found follows its line.
 */
export async function runChecks(
  checks: readonly Check[],
  root: string,
  say: (line: string) => void,
): Promise<Counts> {
  const waiting = [...checks];
  let failed = 0;
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const start = performance.now();
      const wrong = await outcome(check, root);
      const time = `${((performance.now() - start) / 1000).toFixed(1)} s`;
      say(`${wrong === undefined ? '✓' : '✗'} ${check.name}, ${time}`);
      if (wrong === undefined) continue;
      failed += 1;
      say((checks.length === 1 ? wrong.trim() : shortened(wrong, check.name)).replaceAll(/^(?=.)/gm, '    '));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return { passed: checks.length - failed, failed };
}
