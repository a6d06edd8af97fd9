import type { Timing } from '../github/timing.ts';

/** The time of the story: that of a given clock, but for stretches that are hurried through. It never goes back. */
export interface StoryClock extends Timing {
  /**
   * While `body` runs, time passes so many times as fast, and sleeps are so much shorter. With 0 it stands still, and nobody
   * may sleep.
   */
  hurry<Result>(factor: number, body: () => Promise<Result>): Promise<Result>;
}

export function storyClock({ now: realNow, sleep, random }: Timing): StoryClock {
  let factor = 1;
  let since = { real: realNow(), story: realNow() };
  const now = () => since.story + (realNow() - since.real) * factor;
  const goOn = (next: number): void => {
    since = { story: now(), real: realNow() };
    factor = next;
  };
  return {
    // Whole milliseconds, as of any clock.
    now: () => Math.floor(now()),
    sleep: (milliseconds) => sleep(milliseconds / factor),
    random,
    hurry: async (next, body) => {
      const before = factor;
      goOn(next);
      try {
        return await body();
      } finally {
        goOn(before);
      }
    },
  };
}
