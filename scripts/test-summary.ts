import type { Counts } from './checks/run-checks.ts';

export interface TestOutcome {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
  readonly milliseconds: number;
  /** Why it was skipped, when the test says so (`context.skip(reason)`). */
  readonly note: string | undefined;
}

/**
 * What is printed at the end of all tests; its last line is `N passed, N failed` and, when some were, `, N skipped`.
 *
 * A test that was begun and never ended counts as failed, and so does a run without any test: silence is not green.
 */
export function summarize(run: {
  readonly checks: Counts;
  readonly tests: readonly TestOutcome[];
  readonly otherErrors: number;
}): { readonly lines: readonly string[]; readonly failed: number } {
  const passed = run.tests.filter((test) => test.state === 'passed');
  const skipped = run.tests.filter((test) => test.state === 'skipped');
  const unsuccessful = run.tests.length - passed.length - skipped.length;
  const ran = passed.length + unsuccessful;
  const failed = run.checks.failed + unsuccessful + run.otherErrors + (ran + run.otherErrors === 0 ? 1 : 0);
  const slowest = run.tests.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 10);
  const lines: string[] = [];
  if (slowest.length > 0) {
    const times = slowest.map(
      (test) => `${(test.milliseconds / 1000).toFixed(2).padStart(8)} s  ${test.name}`,
    );
    lines.push('', 'The slowest tests:', ...times);
  }
  if (skipped.length > 0) {
    lines.push(
      '',
      'Skipped:',
      ...skipped.map((test) => `  ${test.name}: ${test.note ?? '(no reason given)'}`),
    );
  }
  if (ran + run.otherErrors === 0) lines.push('', 'No test ran.');
  const counts = [`${run.checks.passed + passed.length} passed`, `${failed} failed`];
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  return { lines: [...lines, '', counts.join(', ')], failed };
}
