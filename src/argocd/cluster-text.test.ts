import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanLine, cleanLines } from './cluster-text.ts';

test('colours, cursor movements and titles of terminals are gone', () => {
  expect(cleanLine('\u001b[31mred\u001b[0m \u001b]0;title\u0007text\u001b[2J')).toBe('red text');
});

test('a line is no command to the runner', () => {
  const lines = cleanLines('::set-output name=x::y\n  ::error::no\n##[group]x\nfine :: here');
  expect(lines.filter((line) => /^\s*::|##\[/.test(line))).toEqual([]);
  expect(lines.at(-1)).toBe('fine :: here');
});

test.each([
  ['postgres://app:hunter22@db:5432/shop', 'hunter22'],
  ['Authorization: Bearer abcdef123456', 'abcdef123456'],
  ['DB_PASSWORD=correct-horse', 'correct-horse'],
  ['{"api_key":"k-123456"}', 'k-123456'],
  [`token ghs_${'a'.repeat(36)} used`, 'ghs_'],
  [`key AKIA${'A'.repeat(16)}`, 'AKIAAAAA'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'eyJzdWIi'],
])('what looks like a secret is hidden: %s', (text, secret) => {
  expect(cleanLine(text)).not.toContain(secret);
});

test('words that only speak of secrets stay readable', () => {
  expect(cleanLine('secret "web" not found')).toBe('secret "web" not found');
  expect(cleanLine('image registry.example/web:v1@sha256:abc cannot be pulled')).toContain('@sha256:abc');
});

test('any text becomes one short line without control characters, and quickly', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
      const line = cleanLine(text, 200);
      expect(line.length).toBeLessThanOrEqual(200);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none
      expect(line).not.toMatch(/[\u0000-\u001f\u007f\u202e]/);
    }),
  );
  expect(cleanLine('password'.repeat(100_000)).length).toBeLessThanOrEqual(500);
});
