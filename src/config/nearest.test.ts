import { expect, it } from 'vitest';
import { nearestName } from './nearest.ts';

const NAMES = ['staging', 'production', 'registries'];

it.each([
  ['prodution', 'production'],
  ['Production', 'production'],
  ['registry', 'registries'],
  ['dev', undefined],
  ['', undefined],
])('%j probably means %j', (word, meant) => {
  expect(nearestName(word, NAMES)).toBe(meant);
});
