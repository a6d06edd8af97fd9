import type { Timing } from '../src/github/timing.ts';

/** Real milliseconds between two steps: what is under way (requests of this process, git) has time to be answered. */
const STEP_MS = 4;

/**
 * A clock that goes from one sleeper's end to the next, a step at a time, for what waits while real requests are under way:
 * a busy machine makes it slower, not the answers later.
 */
export function steppedTiming(start = Date.UTC(2026, 10, 21, 9)): Timing {
  let now = start;
  let sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  const step = (): void => {
    const next = sleepers.toSorted((one, other) => one.until - other.until)[0];
    if (next === undefined) return;
    sleepers = sleepers.filter((each) => each !== next);
    now = Math.max(now, next.until);
    next.wake();
    if (sleepers.length > 0) setTimeout(step, STEP_MS);
  };
  return {
    now: () => now,
    sleep: (milliseconds) =>
      new Promise((wake) => {
        sleepers.push({ until: now + milliseconds, wake });
        if (sleepers.length === 1) setTimeout(step, STEP_MS);
      }),
    random: () => 0.5,
  };
}
