import { describe, expect, test } from 'vitest';
import { summarize, type TestOutcome } from './test-summary.ts';

const outcome = (name: string, fields: Partial<TestOutcome> = {}): TestOutcome => ({
  name,
  state: 'passed',
  milliseconds: 1,
  note: undefined,
  ...fields,
});

const lastLine = (run: Parameters<typeof summarize>[0]): string | undefined => summarize(run).lines.at(-1);

describe('the last line', () => {
  test('counts checks and tests together', () => {
    const checks = { passed: 7, failed: 1 };
    const tests = [outcome('a'), outcome('b', { state: 'failed' }), outcome('c')];
    expect(lastLine({ checks, tests, otherErrors: 0 })).toBe('9 passed, 2 failed');
  });

  test('tells of skipped tests, and their reasons stand above it', () => {
    const tests = [
      outcome('a'),
      outcome('b', { state: 'skipped', note: 'no corpus here' }),
      outcome('c', { state: 'skipped' }),
    ];
    const { lines, failed } = summarize({ checks: { passed: 0, failed: 0 }, tests, otherErrors: 0 });
    expect(lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped');
    expect(lines).toContain('  b: no corpus here');
    expect(lines).toContain('  c: (no reason given)');
    expect(failed).toBe(0);
  });

  test.each([
    ['no test at all', [], 0],
    ['only skipped tests', [outcome('a', { state: 'skipped' })], 0],
    ['a test that never ended', [outcome('a', { state: 'pending' })], 0],
    ['a file that does not load', [outcome('a')], 1],
  ])('is not green for %s', (_, tests, otherErrors) => {
    expect(summarize({ checks: { passed: 8, failed: 0 }, tests, otherErrors }).failed).toBe(1);
  });
});

test('the ten slowest tests stand above, slowest first', () => {
  const tests = Array.from({ length: 12 }, (_, index) =>
    outcome(`t${index}`, { milliseconds: index * 1000 }),
  );
  const { lines } = summarize({ checks: { passed: 0, failed: 0 }, tests, otherErrors: 0 });
  const slowest = lines.filter((line) => / s {2}t\d+$/.test(line));
  expect(slowest).toHaveLength(10);
  expect(slowest[0]).toBe('   11.00 s  t11');
  expect(slowest[9]).toBe('    2.00 s  t2');
});
