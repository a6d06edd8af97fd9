import { expect, test } from 'vitest';
import { timeOnOwnMachines } from './own-machines.ts';

const attempt = { headKnown: 100, pushed: 900 };

test('a lone writer is through after one attempt', () => {
  expect(timeOnOwnMachines(1, attempt, () => 0.5)).toBe(900);
});

test('who pushes second has seen an old head: after a pause it begins anew', () => {
  expect(timeOnOwnMachines(2, attempt, () => 0.5)).toBe(900 + 5_000 + 900);
});

test('an attempt that sees the head only after the other push is through at once', () => {
  // Three: one wins at 900. The others come back at 1,000 and 2,900; the latter sees the push of 1,900 and wins too.
  const pauses = [0.01, 0.2];
  expect(timeOnOwnMachines(3, attempt, () => pauses.shift() ?? 0)).toBe(3_800);
});
