import { expect, test } from 'vitest';
import { roundTrips } from './round-trips.ts';

const request = (started: number, ended: number) => ({ operation: 'any', started, ended, status: 200 });

test('requests side by side are one round trip', () => {
  expect(roundTrips([request(0, 50), request(1, 52)])).toBe(1);
});

test('a request that waits for the slower of two is the second', () => {
  expect(roundTrips([request(0, 50), request(1, 60), request(61, 110)])).toBe(2);
});

test('no request is no round trip', () => {
  expect(roundTrips([])).toBe(0);
});
