import type { LoggedRequest } from './standin.ts';

/**
 * How many requests had to wait for each other: the longest chain in which each began when the one before had ended.
 * Requests side by side count once. Only right for the requests of one writer.
 */
export function roundTrips(requests: readonly LoggedRequest[]): number {
  const depths: { ended: number; depth: number }[] = [];
  for (const { started, ended } of requests.toSorted((a, b) => a.started - b.started)) {
    const before = depths.filter((other) => other.ended <= started).map(({ depth }) => depth);
    depths.push({ ended, depth: 1 + Math.max(0, ...before) });
  }
  return Math.max(0, ...depths.map(({ depth }) => depth));
}
