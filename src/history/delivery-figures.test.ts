import { describe, expect, test } from 'vitest';
import type { DeployVerdict, RecordedVerdict } from '../release/verdict.ts';
import { deliveryFigures, failureRate, median, restoreTimes, together, weekly } from './delivery-figures.ts';
import type { PastRelease, ReleaseAction } from './past-releases.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 2);
/** Hours after the start. */
const at = (hours: number): Date => new Date(START + hours * HOUR);
const source = (nth: number) => ({ repository: 'acme/web', commit: String(nth).repeat(40) });

interface Given {
  readonly hours: number;
  /** The build of the image. */
  readonly build: number;
  readonly action?: ReleaseAction;
  readonly verdict?: DeployVerdict;
  /** Hours after the start at which the two clusters were judged. */
  readonly judged?: readonly [number, number];
}

function release({ hours, build, action = 'bump', verdict = 'healthy', judged }: Given): PastRelease {
  const state = verdict === 'failed' ? 'failure' : 'success';
  const verdicts = (judged ?? []).map(
    (hour, index): RecordedVerdict => ({
      app: 'web',
      cluster: `prod-${index + 1}`,
      // In a failed one, the second cluster fails.
      state: index === 0 ? 'success' : state,
      description: '',
      url: undefined,
      at: at(hour),
    }),
  );
  const image = { repository: 'r', tag: `v${build}`, digest: undefined };
  return {
    app: 'web',
    environment: 'production',
    commit: `${hours}`,
    url: undefined,
    at: at(hours),
    by: 'alice',
    action,
    reason: undefined,
    run: undefined,
    release: {
      images: new Map([
        [
          '',
          { name: '', image, build: { source: source(build), build, workflow: undefined }, at: at(hours) },
        ],
      ]),
      rollback: action === 'rollback',
      hold: undefined,
    },
    verdict,
    verdicts,
  };
}

const figures = (given: readonly Given[], times: readonly (readonly [number, number])[] = []) =>
  deliveryFigures(
    given.map(release).toReversed(),
    new Map(times.map(([nth, hours]) => [`acme/web@${String(nth).repeat(40)}`, at(hours)])),
  );

/**
 * Hand-computed. Build 1: committed at 8, released at 10, healthy in both clusters at 11 → 3 h. Build 2: committed at 12,
 * released at 20, healthy at 22 → 10 h. Build 3: released at 30, fails in prod-2 at 31. Rolled back at 32 to build 2, healthy
 * at 33 → restored after 2 h. Build 4: committed at 34, promoted at 40, healthy at 44 → 10 h, and rolled back by a person at
 * 50, whom nobody judged → broken from 40 to 50. Build 5: released at 60, nobody judged.
 */
const STORY: readonly Given[] = [
  { hours: 10, build: 1, judged: [10.5, 11] },
  { hours: 20, build: 2, judged: [22, 21] },
  { hours: 30, build: 3, verdict: 'failed', judged: [30.5, 31] },
  { hours: 32, build: 2, action: 'rollback', judged: [32.5, 33] },
  { hours: 40, build: 4, action: 'promote', judged: [41, 44] },
  { hours: 50, build: 2, action: 'rollback', verdict: 'none' },
  { hours: 60, build: 5, verdict: 'none' },
];
const TIMES = [
  [1, 8],
  [2, 12],
  [3, 25],
  [4, 34],
] as const;

describe('the figures of an app', () => {
  const story = figures(STORY, TIMES);

  test('rollbacks are no deploys', () => {
    expect(story.deploys.map(({ commit }) => commit)).toEqual(['10', '20', '30', '40', '60']);
    expect(story.rollbacks).toHaveLength(2);
  });

  test('lead time: from the source commit until the last cluster is healthy', () => {
    expect(story.leadTimes.map((time) => time / HOUR)).toEqual([3, 10, 10]);
    expect(median(story.leadTimes)).toBe(10 * HOUR);
    expect(story.leadTimesFromRelease).toBe(0);
  });

  test('failed: a cluster failed, or somebody took it back; who was not judged is in no rate', () => {
    expect(story.failed.map(({ commit }) => commit)).toEqual(['30', '40']);
    expect(story.unjudged.map(({ commit }) => commit)).toEqual(['60']);
    expect(failureRate(story)).toBe(2 / 4);
  });

  test('time to restore: from the failing verdict until every cluster is healthy again', () => {
    expect(story.incidents).toEqual([
      { from: at(31), to: at(33), commit: '30' },
      { from: at(40), to: at(50), commit: '40' },
    ]);
    expect(restoreTimes(story).map((time) => time / HOUR)).toEqual([2, 10]);
    expect(median(restoreTimes(story))).toBe(6 * HOUR);
  });

  test('without the source commit, lead time is counted from the release, and that is said', () => {
    const { leadTimes, leadTimesFromRelease } = figures(STORY.slice(0, 2), [[1, 8]]);
    expect(leadTimes.map((time) => time / HOUR)).toEqual([3, 2]);
    expect(leadTimesFromRelease).toBe(1);
  });

  test('failures in a row are one incident; a fix forward ends it; one that nobody ended is open', () => {
    const { incidents } = figures([
      { hours: 1, build: 1, verdict: 'failed', judged: [1, 2] },
      { hours: 3, build: 2, verdict: 'failed', judged: [3, 4] },
      { hours: 5, build: 3, judged: [6, 7] },
      { hours: 8, build: 4, verdict: 'failed', judged: [8, 9] },
    ]);
    expect(incidents).toEqual([
      { from: at(2), to: at(7), commit: '1' },
      { from: at(9), to: undefined, commit: '8' },
    ]);
  });

  test('a commit from the future took no time', () => {
    expect(figures([{ hours: 1, build: 1, judged: [2, 2] }], [[1, 99]]).leadTimes).toEqual([0]);
  });

  test('nothing is nothing, not zero', () => {
    const none = figures([]);
    expect(failureRate(none)).toBeUndefined();
    expect(median(none.leadTimes)).toBeUndefined();
  });

  test('several apps together', () => {
    const both = together([story, figures(STORY.slice(0, 2), TIMES)]);
    expect(both.deploys).toHaveLength(7);
    expect(failureRate(both)).toBe(2 / 6);
    expect(both.leadTimes.map((time) => time / HOUR)).toEqual([3, 10, 10, 3, 10]);
  });

  test('by weeks, the last ending now', () => {
    const day = 24;
    const weeks = weekly(
      figures([
        { hours: 1 * day, build: 1 },
        { hours: 8 * day, build: 2 },
        { hours: 9 * day, build: 3, verdict: 'failed' },
      ]),
      at(0),
      at(14 * day),
    );
    expect(weeks).toEqual([
      { from: at(0), deploys: 1, failed: 0 },
      { from: at(7 * day), deploys: 2, failed: 1 },
    ]);
  });
});

test.each([
  [[], undefined],
  [[5], 5],
  [[9, 1], 5],
  [[9, 1, 2], 2],
])('the median of %j is %s', (values, middle) => {
  expect(median(values)).toBe(middle);
});
