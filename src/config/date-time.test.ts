import { expect, test } from 'vitest';
import { parseEnd } from './date-time.ts';

const now = new Date('2026-11-21T09:00:00Z');
const WEEK = 7 * 86_400_000;

test.each([
  ['4h', '2026-11-21T13:00:00.000Z'],
  [' 2026-11-22T18:00+09:00 ', '2026-11-22T09:00:00.000Z'],
  ['7d', '2026-11-28T09:00:00.000Z'],
])('%s is an end', (text, end) => {
  expect(parseEnd(text, now, WEEK).toISOString()).toBe(end);
});

test.each([
  ['8d', 'more than 7 d away'],
  ['2026-11-21T09:00Z', 'is over already'],
  ['2026-11-22T18:00', 'with its offset'],
  ['2026-02-30T18:00Z', 'not a date of the calendar'],
  ['tomorrow', 'with its offset'],
  ['', 'with its offset'],
])('%j is none: %s', (text, words) => {
  expect(() => parseEnd(text, now, WEEK)).toThrowError(
    expect.objectContaining({ exitCode: 2, reason: 'bad-date', message: expect.stringContaining(words) }),
  );
});
