import { expect, it } from 'vitest';
import { nearestName } from './nearest.ts';

const NAMES = ['staging', 'production', 'registries', 'key'];

it.each([
  ['prodution', 'production'],
  ['Production', 'production'],
  ['registry', 'registries'],
  ['kye', 'key'],
  ['prod', 'production'],
  ['Prod', 'production'],
  ['st', undefined],
  ['dev', undefined],
  ['', undefined],
])('%j probably means %j', (word, meant) => {
  expect(nearestName(word, NAMES)).toBe(meant);
});

it('the beginning of two names means neither', () => {
  expect(nearestName('prod', ['production-tokyo', 'production-osaka'])).toBeUndefined();
});
