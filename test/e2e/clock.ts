import { systemTiming, type Timing } from '../../src/github/timing.ts';

/** The real clock, which can be put forward: what lasts ten minutes need not be waited for. */
interface Clock extends Timing {
  /** @param ms milliseconds */
  readonly skip: (ms: number) => void;
}

export function startClock(): Clock {
  let skipped = 0;
  return {
    ...systemTiming,
    now: () => systemTiming.now() + skipped,
    skip: (ms) => {
      skipped += ms;
    },
  };
}
