import type { Timing } from '../src/github/timing.ts';

/** Time that passes only when somebody sleeps, and then at once; dice that always fall in the middle. */
export function virtualTiming(start = Date.UTC(2026, 10, 21, 9)): Timing & { readonly slept: number[] } {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: (milliseconds) => {
      slept.push(milliseconds);
      now += milliseconds;
      return Promise.resolve();
    },
    random: () => 0.5,
  };
}
