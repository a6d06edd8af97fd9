import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';

/**
 * Looks again and again until it is so. What cannot be looked at (a server that does not answer yet) is not so yet.
 *
 * @param what completes "waited for …"
 * @throws an Error with what was seen last, after `seconds`
 */
export async function waitFor<T, So extends T = T>(
  what: string,
  look: () => Promise<T>,
  isSo: ((seen: T) => seen is So) | ((seen: T) => boolean),
  seconds = 120,
): Promise<So> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    let last: unknown;
    try {
      const seen = await look();
      if (isSo(seen)) return seen as So;
      last = seen;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      const seen = last instanceof Error ? last.message : inspect(last, { depth: 8, maxArrayLength: 40 });
      throw new Error(`waited ${seconds} s for ${what}; seen last: ${seen}`);
    }
    await pause(200);
  }
}
