import { PEERS_POLICY } from './clone-edit-push.ts';

/** Of one attempt, in milliseconds from its start. */
export interface AttemptTimes {
  /** When the head on which it builds was answered. */
  readonly headKnown: number;
  /** When its push was answered. */
  readonly pushed: number;
}

/**
 * The peer's policy, computed: as if each writer had a machine of its own, where an attempt takes as long as a lone one
 * took here. Measured beside each other on one machine, a hundred clones are in each other's way, which they would not be
 * on a hundred runners; so this is the fairer of the two, and we are compared with the quicker one.
 *
 * @returns milliseconds until the last writer was through
 */
export function timeOnOwnMachines(writers: number, attempt: AttemptTimes, random: () => number): number {
  const started = Array.from({ length: writers }, () => 0);
  let headMovedAt = Number.NEGATIVE_INFINITY;
  let last = 0;
  while (started.length > 0) {
    // The next push is that of the attempt that began first: all attempts take equally long.
    const next = started.indexOf(Math.min(...started));
    const began = started[next] ?? 0;
    const pushed = began + attempt.pushed;
    if (headMovedAt <= began + attempt.headKnown) {
      headMovedAt = pushed;
      last = pushed;
      started.splice(next, 1);
    } else {
      started[next] = pushed + random() * PEERS_POLICY.pauseMs;
    }
  }
  return last;
}
