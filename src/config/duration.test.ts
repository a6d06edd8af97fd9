import { expect, test } from 'vitest';
import { durationOf, formatDuration } from './duration.ts';

test.each([
  ['30m', 1_800_000],
  ['4h', 14_400_000],
  ['2d', 172_800_000],
  ['0m', undefined],
  ['4', undefined],
  ['4 h', undefined],
  ['-4h', undefined],
  ['999999h', undefined],
])('%s is %s ms', (text, milliseconds) => {
  expect(durationOf(text)).toBe(milliseconds);
});

test.each([
  [0, '0 s'],
  [59_400, '59 s'],
  [59_600, '1 min'],
  [45 * 60_000, '45 min'],
  [200 * 60_000, '3 h 20 min'],
  [3 * 3_600_000, '3 h'],
  [52 * 3_600_000, '2 d 4 h'],
  [-5, '0 s'],
])('%d ms reads %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
