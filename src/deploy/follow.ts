import type { Timing } from '../github/timing.ts';
import type { Awaited, Lookout, Sight } from './lookout.ts';

/** How waiting for one application ended. */
export type Outcome =
  | { readonly kind: 'healthy' }
  | {
      readonly kind: 'failed';
      readonly cause: string;
      readonly todo: string | undefined;
      readonly details: readonly string[];
    }
  /** Somebody deployed the app again: that deploy's own wait decides. `by` completes "by …". */
  | { readonly kind: 'superseded'; readonly by: string }
  | { readonly kind: 'unknown'; readonly cause: string; readonly todo: string | undefined };

/** How long is waited. Milliseconds. */
export interface Limits {
  /** From the moment that Argo CD knows the commit. */
  readonly deadlineMs: number;
  /** Until Argo CD knows it. */
  readonly unseenMs: number;
}

/** However old a deploy is, it is looked at for so long before it is called failed (milliseconds). */
const SHORTEST_LOOK_MS = 2 * 60_000;

/**
 * How long one is waited for: as its app.yaml says, else as the run says.
 *
 * @param spentMs how long it was waited for by runs before; a look is left in any case
 */
export const limitsFor =
  ({ deadlineMs, unseenMs }: Limits, spentMs = 0) =>
  (awaited: Awaited): Limits => {
    const own = awaited.deadlineMs ?? deadlineMs;
    const left = (milliseconds: number) =>
      spentMs === 0 ? milliseconds : Math.max(SHORTEST_LOOK_MS, milliseconds - spentMs);
    return { deadlineMs: left(own), unseenMs: left(own + unseenMs - deadlineMs) };
  };

/** One application while it is waited for. */
export interface Following {
  readonly awaited: Awaited;
  readonly sight: Sight | undefined;
  /** When Argo CD was first seen to know the commit (milliseconds since the epoch). */
  readonly seenAt: number | undefined;
  /** Undefined as long as it is not decided. */
  readonly outcome: Outcome | undefined;
}

/**
 * What a look says about one application.
 *
 * A deadline that passes while Argo CD answers is a failed deploy; while it does not, nothing is known.
 *
 * @param superseded who deployed the app again, undefined when nobody did
 * @param startedAt when the waiting began, `now`: milliseconds since the epoch
 */
export function judged(
  before: Following,
  sight: Sight,
  superseded: string | undefined,
  { startedAt, now, limits }: { readonly startedAt: number; readonly now: number; readonly limits: Limits },
): Following {
  if (before.outcome !== undefined) {
    return before;
  }
  const seenAt = before.seenAt ?? (sight.seen ? now : undefined);
  const after = { awaited: before.awaited, sight, seenAt };
  const late = seenAt === undefined ? now - startedAt >= limits.unseenMs : now - seenAt >= limits.deadlineMs;
  return { ...after, outcome: outcomeOf(sight, superseded, late, seenAt !== undefined, limits) };
}

function outcomeOf(
  sight: Sight,
  superseded: string | undefined,
  late: boolean,
  seen: boolean,
  limits: Limits,
): Outcome | undefined {
  if (sight.state === 'done') {
    return { kind: 'healthy' };
  }
  if (superseded !== undefined) {
    return { kind: 'superseded', by: superseded };
  }
  const details = sight.details ?? [];
  if (sight.state === 'failed') {
    return { kind: 'failed', cause: sight.words, todo: sight.todo, details };
  }
  if (!late) {
    return undefined;
  }
  if (sight.state === 'unknown') {
    return { kind: 'unknown', cause: sight.words, todo: sight.todo };
  }
  return seen
    ? {
        kind: 'failed',
        cause: lateCause(sight.words, limits),
        todo: sight.todo,
        details,
      }
    : {
        kind: 'unknown',
        cause: `Argo CD did not see the commit within ${minutes(limits.unseenMs)}: ${sight.words}`,
        todo:
          sight.todo ??
          'Look whether Argo CD can read the GitOps repository, and whether its ApplicationSet has this application.',
      };
}

const lateCause = (words: string, { deadlineMs }: Limits): string =>
  `not healthy within ${minutes(deadlineMs)}: ${words}`;

const minutes = (milliseconds: number): string => {
  const whole = Math.round(milliseconds / 60_000);
  return whole === 1 ? '1 minute' : `${whole} minutes`;
};

export interface FollowDeps {
  readonly lookout: Lookout;
  readonly timing: Timing;
  readonly limitsOf: (awaited: Awaited) => Limits;
  /** Who deployed an app again since our commit, by app. Asked now and then, and before anything is called failed. */
  readonly superseded: () => Promise<ReadonlyMap<string, string>>;
  /** Told of every look that said something new about an application. */
  readonly onChange: (following: Following) => void;
  /** Called after every look, for what must be done meanwhile. */
  readonly meanwhile: (all: readonly Following[]) => Promise<void>;
  /** Also after one of them failed. Default: then there is nothing to wait for, since all go back together. */
  readonly untilAllAreDecided?: boolean;
}

/** How often it is asked whether somebody deployed again: one request to GitHub. */
const SUPERSEDED_EVERY_MS = 30_000;

/** The longest time without a look: deadlines are noticed at most so much too late. A look is no request of its own. */
const LOOK_EVERY_MS = 1_000;

/** Waits until it is decided of every application, or of one of them that it failed. */
export async function follow(awaited: readonly Awaited[], deps: FollowDeps): Promise<readonly Following[]> {
  const { lookout, timing, limitsOf } = deps;
  const startedAt = timing.now();
  let all: readonly Following[] = awaited.map((each) => ({
    awaited: each,
    sight: undefined,
    seenAt: undefined,
    outcome: undefined,
  }));
  let superseded: ReadonlyMap<string, string> = new Map();
  let askedAt = startedAt;
  for (;;) {
    const open = all.filter(({ outcome }) => outcome === undefined);
    const looked = await lookout.look(open.map((each) => each.awaited));
    const sights = new Map(open.map((each, index) => [each.awaited, looked[index]]));
    const judge = () =>
      all.map((each) => {
        const sight = sights.get(each.awaited);
        return sight === undefined
          ? each
          : judged(each, sight, superseded.get(each.awaited.app), {
              startedAt,
              now: timing.now(),
              limits: limitsOf(each.awaited),
            });
      });
    const isOver = (some: readonly Following[]) =>
      some.every(({ outcome }) => outcome !== undefined) ||
      (deps.untilAllAreDecided !== true && some.some(({ outcome }) => outcome?.kind === 'failed'));
    let after = judge();
    const decides = after.some(({ outcome }) => outcome?.kind === 'failed' || outcome?.kind === 'unknown');
    if (decides || timing.now() - askedAt >= SUPERSEDED_EVERY_MS) {
      superseded = await deps.superseded();
      askedAt = timing.now();
      after = judge();
    }
    after = await Promise.all(
      after.map((each, index) => explainedIfLate(all[index], each, lookout, limitsOf(each.awaited))),
    );
    for (const [index, each] of after.entries()) {
      const before = all[index];
      if (before?.outcome !== each.outcome || before?.sight?.words !== each.sight?.words) {
        deps.onChange(each);
      }
    }
    all = after;
    if (isOver(all)) {
      return all;
    }
    await deps.meanwhile(all);
    await lookout.pause(LOOK_EVERY_MS);
  }
}

/** A deadline says only that it took too long; people need to know what did. */
async function explainedIfLate(
  before: Following | undefined,
  following: Following,
  lookout: Lookout,
  limits: Limits,
): Promise<Following> {
  const { awaited, sight, outcome } = following;
  if (before?.outcome !== undefined || outcome?.kind !== 'failed' || sight?.state === 'failed') {
    return following;
  }
  const { words, todo, details } = await lookout.explain(awaited);
  return {
    ...following,
    outcome: {
      ...outcome,
      // What was seen last may be of a moment in which nothing was to be seen.
      cause: words === undefined ? outcome.cause : lateCause(words, limits),
      todo: outcome.todo ?? todo,
      details: details ?? outcome.details,
    },
  };
}
