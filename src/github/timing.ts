import { setTimeout as delay } from 'node:timers/promises';

/** Time and chance, passed in so that everything that decides can be tested without waiting. */
export interface Timing {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** At least 0, less than 1. */
  readonly random: () => number;
}

/** The real clock and the real dice: for the edge only. */
export const systemTiming: Timing = {
  now: () => Date.now(),
  sleep: async (milliseconds) => {
    await delay(milliseconds);
  },
  random: () => Math.random(),
};

/**
 * How long to wait before attempt `attempt` (counted from 1): "full jitter", any time up to a bound that doubles.
 *
 * Spreading over the whole interval ends a stampede of N writers sooner than equal or decorrelated waits
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 *
 * @returns milliseconds
 */
export function fullJitter(
  attempt: number,
  bounds: { readonly baseMs: number; readonly capMs: number },
  random: () => number,
): number {
  return random() * Math.min(bounds.capMs, bounds.baseMs * 2 ** Math.min(attempt - 1, 30));
}
