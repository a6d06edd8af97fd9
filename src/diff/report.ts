import type { Place } from '../report/failure.ts';
import type { ClusterCapacity } from './application-diff.ts';
import type { Block } from './collapse.ts';
import { RISKS, type Risk, type RiskLevel } from './risk.ts';

/** An application of which nothing can be said. */
export interface NotRendered {
  readonly application: string;
  /** Of which version: the base, or the pull request. */
  readonly side: 'before' | 'after';
  readonly message: string;
  readonly at?: Place;
  readonly todo?: string;
}

/** Everything that a report says; each of its forms (comment, page, JSON) is a function of it. */
export interface DiffReport {
  /** Commit IDs or names of revisions. */
  readonly base: string;
  readonly head: string;
  /** How many applications there are, and how many the changed files reach. */
  readonly applications: { readonly total: number; readonly affected: number };
  readonly notRendered: readonly NotRendered[];
  /**
   * What nobody can read from a repository (generators that ask another service), the same before and after: it is named, and makes no
   * report fail.
   */
  readonly notLookedAt: readonly NotRendered[];
  readonly blocks: readonly Block[];
  readonly capacity: readonly ClusterCapacity[];
}

/** Whether there is nothing to say: everything was rendered, and nothing changes. */
export const isEmptyReport = ({ blocks, notRendered }: DiffReport): boolean =>
  blocks.length === 0 && notRendered.length === 0;

/** A risk, and all that has it. */
export interface RiskSummary {
  readonly code: Risk['code'];
  readonly level: RiskLevel;
  readonly where: readonly { readonly block: Block; readonly object: string; readonly what: string }[];
}

/** The risks of a report by kind, the worst first: what to look at before merging. */
export function riskSummaries({ blocks }: DiffReport): readonly RiskSummary[] {
  const found = new Map<Risk['code'], { block: Block; object: string; what: string }[]>();
  const add = (risk: Risk, block: Block, object: string) => {
    const known = found.get(risk.code) ?? [];
    known.push({ block, object, what: risk.what });
    found.set(risk.code, known);
  };
  for (const block of blocks) {
    for (const risk of block.risks) add(risk, block, '');
    for (const { change, risks } of block.changes) {
      const { kind, metadata } = change.after ?? change.before;
      for (const risk of risks) {
        // What is deleted with its whole application is said once, but for what takes more with it.
        if (block.how !== 'removed' || (!isLetGo(block) && WITH_MORE.has(risk.code)))
          add(risk, block, `${kind}/${metadata.name}`);
      }
    }
  }
  const order = Object.keys(RISKS);
  return [...found]
    .map(([code, where]) => ({ code, level: RISKS[code].level, where }))
    .sort((a, b) => order.indexOf(a.code) - order.indexOf(b.code));
}

/** Whether an application goes, and leaves all that it made. */
const isLetGo = ({ risks }: Block): boolean => risks.some(({ code }) => code === 'application-let-go');

/** Behind the name of a block: whether the application itself comes or goes. */
export function blockWords(block: Block): string {
  if (block.how === 'added') return 'new application';
  if (block.how === 'changed') return '';
  return isLetGo(block) ? 'application removed, what it made stays' : 'application deleted';
}

const WITH_MORE: ReadonlySet<Risk['code']> = new Set([
  'namespace-deleted',
  'storage-deleted',
  'definition-deleted',
  'left-behind',
  'handed-over',
]);

/** How many distinct risks of a level there are, for outputs and headlines. */
export const countRisks = (report: DiffReport, level: RiskLevel): number =>
  riskSummaries(report)
    .filter((risk) => risk.level === level)
    .reduce((sum, { where }) => sum + where.length, 0);

/** Apps and clusters of a block in words: `web in prod-1 and prod-2`, `40 apps (a, b, c and 37 more)`. */
export function placesText(block: Block): string {
  const { places, differsIn, unchangedIn } = block;
  const [first] = places;
  if (first === undefined) return '';
  if (places.length === 1) {
    const total = first.clusters.length + unchangedIn.length + clustersOf(differsIn);
    const same = first.clusters.length > 1 ? ` (same in ${ofAll(first.clusters.length, total)})` : '';
    const only = first.clusters.length === 1 && total > 1 ? ' only' : '';
    const inClusters = first.clusters.length === 0 ? '' : ` in ${listed(first.clusters, 6)}${only}`;
    const others = differs(differsIn.flatMap(({ clusters }) => clusters));
    return `${first.app}${inClusters}${same}${others}${unchanged(unchangedIn)}`;
  }
  const clusters = [...new Set(places.flatMap((place) => place.clusters))];
  const everywhere = places.every((place) => place.clusters.length === clusters.length);
  const where =
    clusters.length === 0
      ? ''
      : everywhere
        ? ` in ${listed(clusters, 6)}`
        : ` in some of ${listed(clusters, 6)}`;
  const all =
    places.length + differsIn.filter(({ app }) => !places.some((place) => place.app === app)).length;
  const apps = listed(
    places.map(({ app }) => app),
    5,
  );
  const count =
    all === places.length ? `same in ${places.length} apps` : `same in ${places.length} of ${all} apps`;
  return `${apps}${where} (${count})${differs(differsIn.map(({ app }) => app))}`;
}

const clustersOf = (places: Block['differsIn']): number =>
  places.reduce((sum, { clusters }) => sum + clusters.length, 0);

const ofAll = (count: number, total: number): string =>
  count === total ? (total === 2 ? 'both' : `all ${total}`) : `${count} of ${total}`;

const differs = (names: readonly string[]): string =>
  names.length === 0 ? '' : `; differs in ${listed([...new Set(names)], 4)}`;

const unchanged = (names: readonly string[]): string =>
  names.length === 0 ? '' : `; unchanged in ${listed(names, 4)}`;

/** `a, b and c`; `a, b, c and 37 more`. */
export function listed(names: readonly string[], most: number): string {
  if (names.length === 1) return names[0] ?? '';
  if (names.length > most) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

/** 1204 as `1,204`. */
export const countText = (count: number): string => count.toLocaleString('en-US');

/** `1 object`, `3 objects`. */
export const plural = (count: number, word: string): string =>
  `${countText(count)} ${word}${count === 1 ? '' : 's'}`;

/** `3 of 1,204 applications are affected`, and what of it could be found out. */
export function affectedText({ applications, notRendered, blocks }: DiffReport): string {
  const { total, affected } = applications;
  const changed = new Set(
    blocks.flatMap(({ places }) =>
      places.flatMap(({ app, clusters }) =>
        clusters.length === 0 ? [app] : clusters.map((cluster) => `${app} ${cluster}`),
      ),
    ),
  ).size;
  const failed = new Set(notRendered.map(({ application }) => application)).size;
  const untouched = total - affected;
  const changing =
    affected === 0 || (failed > 0 && changed === 0)
      ? ''
      : changed === 0
        ? ', and none changes'
        : changed >= affected
          ? affected === 1
            ? ', and changes'
            : ', and all change'
          : `, and ${countText(changed)} ${changed === 1 ? 'changes' : 'change'}`;
  return [
    `${countText(affected)} of ${plural(total, 'application')} ${affected === 1 || total === 1 ? 'is' : 'are'} affected by the changed files${changing}.`,
    ...(failed > 0 ? [`${countText(failed)} could not be rendered.`] : []),
    ...(untouched > 0
      ? [`The other ${untouched === 1 ? 'one was' : `${countText(untouched)} were`} not rendered.`]
      : []),
  ].join(' ');
}
