/**
 * How pods go on that run an image. The tags that say it by themselves are those of the rig (test/e2e/rig/pod-stages.yaml), so
 * that a test runs against both.
 *
 * - `ok`: ready after a second; a Job completes. `slow`: runs and never becomes ready; a Job never ends.
 * - `crash`: ends again and again. `missing`: cannot be pulled. `fail`: a Job ends with an error.
 * - `invalid`: Kubernetes refuses the object. Only the stand-in has this one.
 */
export type Fate = 'ok' | 'slow' | 'crash' | 'missing' | 'fail' | 'invalid';

export interface ImageScript {
  readonly fate: Fate;
  /** What a pod of it writes. */
  readonly logs?: readonly string[];
}

const FATES = ['slow', 'crash', 'missing', 'fail', 'invalid'] as const;

const LOGS: Readonly<Record<Fate, readonly string[]>> = {
  ok: ['listening on :8080'],
  slow: ['starting', 'waiting for the database'],
  crash: ['starting', 'Error: DATABASE_URL is not set'],
  missing: [],
  fail: ['== migrating', 'ERROR: relation "orders" does not exist'],
  invalid: [],
};

export const tagOf = (image: string): string => /:([^:/@]*)(?:@|$)/.exec(image)?.[1] ?? 'latest';

/** What becomes of an image: as it was scripted by its tag, else as its tag says. */
export function scriptOf(image: string, scripted: ReadonlyMap<string, ImageScript>): Required<ImageScript> {
  const tag = tagOf(image);
  const script = scripted.get(tag) ?? { fate: FATES.find((fate) => tag.startsWith(fate)) ?? 'ok' };
  return { logs: LOGS[script.fate], ...script };
}

/** The kubelet's words for an image that is not there. */
export const pullWords = (image: string): string =>
  `Back-off pulling image "${image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
