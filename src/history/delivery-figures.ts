import { sameReleased } from '../release/release-record.ts';
import { formatSource, type Source } from '../release/source.ts';
import type { PastRelease } from './past-releases.ts';

/** When the source commits of releases were made, by `formatSource`. What GitHub does not show is not in it. */
export type SourceTimes = ReadonlyMap<string, Date>;

/** One stretch in which an app was broken by a deploy. */
export interface Incident {
  readonly from: Date;
  /** Undefined: not restored yet, as far as verdicts say. */
  readonly to: Date | undefined;
  /** The deploy that began it. */
  readonly commit: string;
}

/**
 * How an app, or several, are delivered in an environment: the four measures of DORA ("Accelerate"), from git and
 * verdicts. All times in milliseconds.
 */
export interface DeliveryFigures {
  /** Bumps and promotions; rollbacks are none. */
  readonly deploys: readonly PastRelease[];
  readonly rollbacks: readonly PastRelease[];
  /** From the source commit until every cluster was healthy; one for each deploy of which both are known. */
  readonly leadTimes: readonly number[];
  /** Of them, how many are counted from the release only, because the source commit could not be read. */
  readonly leadTimesFromRelease: number;
  /** Deploys that failed in a cluster, or were rolled back. */
  readonly failed: readonly PastRelease[];
  /** Deploys that neither failed nor are known to be healthy: they are in no rate. */
  readonly unjudged: readonly PastRelease[];
  readonly incidents: readonly Incident[];
}

/**
 * The figures of one app in one environment.
 *
 * @param releases newest first, as `pastReleases` gives them
 */
export function deliveryFigures(releases: readonly PastRelease[], sourceTimes: SourceTimes): DeliveryFigures {
  const oldestFirst = releases.toReversed();
  const deploys = oldestFirst.filter(({ action }) => action !== 'rollback');
  const outcomes = new Map(
    oldestFirst.map((release, index) => [release, outcomeOf(release, oldestFirst[index + 1])] as const),
  );
  const times = deploys.flatMap((release) => {
    const time = leadTime(release, oldestFirst[oldestFirst.indexOf(release) - 1], sourceTimes);
    return time === undefined ? [] : [time];
  });
  return {
    deploys,
    rollbacks: oldestFirst.filter(({ action }) => action === 'rollback'),
    leadTimes: times.map(({ milliseconds }) => milliseconds),
    leadTimesFromRelease: times.filter(({ fromRelease }) => fromRelease).length,
    failed: deploys.filter((release) => outcomes.get(release) === 'failed'),
    unjudged: deploys.filter((release) => outcomes.get(release) === 'unjudged'),
    incidents: incidentsIn(oldestFirst, outcomes),
  };
}

/** Those of several apps together. */
export const together = (figures: readonly DeliveryFigures[]): DeliveryFigures => ({
  deploys: figures.flatMap((each) => each.deploys),
  rollbacks: figures.flatMap((each) => each.rollbacks),
  leadTimes: figures.flatMap((each) => each.leadTimes),
  leadTimesFromRelease: figures.reduce((sum, each) => sum + each.leadTimesFromRelease, 0),
  failed: figures.flatMap((each) => each.failed),
  unjudged: figures.flatMap((each) => each.unjudged),
  incidents: figures.flatMap((each) => each.incidents),
});

type Outcome = 'healthy' | 'failed' | 'unjudged';

/** A deploy that was healthy and taken back nevertheless had something that no probe sees. */
function outcomeOf(release: PastRelease, next: PastRelease | undefined): Outcome {
  if (release.verdict === 'failed' || (release.action !== 'rollback' && next?.action === 'rollback')) {
    return 'failed';
  }
  return release.verdict === 'healthy' ? 'healthy' : 'unjudged';
}

/** When the last cluster became healthy. */
const healthyAt = ({ verdict, verdicts }: PastRelease): number | undefined =>
  verdict === 'healthy' ? Math.max(...verdicts.map(({ at }) => at.getTime())) : undefined;

/** From the oldest source commit among the images that it changed. */
function leadTime(
  release: PastRelease,
  before: PastRelease | undefined,
  sourceTimes: SourceTimes,
): { readonly milliseconds: number; readonly fromRelease: boolean } | undefined {
  const end = healthyAt(release);
  if (end === undefined) {
    return undefined;
  }
  const sources = changedSources(release, before);
  const known = sources.flatMap((source) => sourceTimes.get(formatSource(source))?.getTime() ?? []);
  const fromRelease = known.length === 0 || known.length < sources.length;
  const begin = fromRelease ? release.at.getTime() : Math.min(...known);
  // Clocks of committers are their own: a commit from the future took no time.
  return { milliseconds: Math.max(0, end - begin), fromRelease };
}

/** The source commits that a release brought. */
export const changedSources = (
  { release }: PastRelease,
  before: PastRelease | undefined,
): readonly Source[] =>
  [...release.images]
    .filter(([name, image]) => !sameReleased(image, before?.release.images.get(name)))
    .flatMap(([, { build }]) => (build === undefined ? [] : [build.source]));

/**
 * From the first failed deploy until something is healthy again: the next healthy release, or a rollback that nobody
 * judged. Several failed deploys in a row are one incident.
 */
function incidentsIn(
  oldestFirst: readonly PastRelease[],
  outcomes: ReadonlyMap<PastRelease, Outcome>,
): readonly Incident[] {
  const incidents: Incident[] = [];
  let open: { readonly from: Date; readonly commit: string } | undefined;
  for (const release of oldestFirst) {
    const outcome = outcomes.get(release);
    if (
      open !== undefined &&
      outcome !== 'failed' &&
      (outcome === 'healthy' || release.action === 'rollback')
    ) {
      incidents.push({ ...open, to: new Date(healthyAt(release) ?? release.at.getTime()) });
      open = undefined;
    } else if (open === undefined && outcome === 'failed') {
      open = { from: brokenSince(release), commit: release.commit };
    }
  }
  return open === undefined ? incidents : [...incidents, { ...open, to: undefined }];
}

/** The first verdict that says so; without one, what was rolled back was broken from its start. */
function brokenSince({ at, verdicts }: PastRelease): Date {
  const failures = verdicts.filter(({ state }) => state === 'failure').map((verdict) => verdict.at.getTime());
  return failures.length === 0 ? at : new Date(Math.min(...failures));
}

/**
 * The failed among those that waiting judged, 0 to 1; undefined for none. That one without a verdict was rolled back is known, that
 * others were well is not: counted, it would make the rate look worse than it is, up to all.
 */
export function failureRate({ deploys, failed }: DeliveryFigures): number | undefined {
  const judged = deploys.filter(({ verdict }) => verdict === 'healthy' || verdict === 'failed');
  return judged.length === 0
    ? undefined
    : judged.filter((release) => failed.includes(release)).length / judged.length;
}

/** How long the restored incidents took. */
export const restoreTimes = ({ incidents }: DeliveryFigures): readonly number[] =>
  incidents.flatMap(({ from, to }) => (to === undefined ? [] : [Math.max(0, to.getTime() - from.getTime())]));

/** The middle one; of an even number, the mean of the two in the middle. Undefined for none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

const WEEK_MS = 7 * 86_400_000;

/** Deploys and failed ones in each seven days, the last ending now. Oldest first. */
export function weekly(
  figures: DeliveryFigures,
  since: Date,
  now: Date,
): readonly { readonly from: Date; readonly deploys: number; readonly failed: number }[] {
  const weeks = Math.max(1, Math.ceil((now.getTime() - since.getTime()) / WEEK_MS));
  return Array.from({ length: weeks }, (_, index) => {
    const end = now.getTime() - (weeks - 1 - index) * WEEK_MS;
    const inside = ({ at }: PastRelease) => at.getTime() > end - WEEK_MS && at.getTime() <= end;
    return {
      from: new Date(end - WEEK_MS),
      deploys: figures.deploys.filter(inside).length,
      failed: figures.failed.filter(inside).length,
    };
  });
}
