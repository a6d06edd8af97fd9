import { expect, it } from 'vitest';
import { nearestName } from './nearest.ts';

const NAMES = ['staging', 'production', 'registries', 'key'];

it.each([
  ['prodution', 'production'],
  ['Production', 'production'],
  ['registry', 'registries'],
  ['kye', 'key'],
  ['dev', undefined],
  ['', undefined],
])('%j probably means %j', (word, meant) => {
  expect(nearestName(word, NAMES)).toBe(meant);
});
