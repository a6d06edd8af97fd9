import { expect, test } from 'vitest';
import { couldNot } from '../../src/report/failure.ts';
import { runChecks } from './run-checks.ts';

test('every check runs, also after one failed, and each has a line', async () => {
  const lines: string[] = [];
  const counts = await runChecks(
    [
      { name: 'spelling', run: async () => 'README.md:1: helmm' },
      { name: 'crash', run: () => Promise.reject(couldNot('no spelling book', { todo: 'buy one' })) },
      { name: 'types', run: async () => undefined },
    ],
    '.',
    (line) => lines.push(line.replace(/\d+\.\d s/, 'T')),
  );
  expect(counts).toEqual({ passed: 1, failed: 2 });
  expect(lines.toSorted()).toEqual(
    [
      '✗ spelling, T',
      '    README.md:1: helmm',
      '✗ crash, T',
      '    no spelling book\n      → buy one',
      '✓ types, T',
    ].toSorted(),
  );
});
