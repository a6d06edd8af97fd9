import { code, link, plain, table } from '../report/markdown.ts';
import { oneLine } from '../repository/commit-message.ts';
import type { Following, Outcome } from './follow.ts';
import type { WaitedApplication, WaitOutputs, WaitVerdict } from './wait.ts';

const list = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

const duration = (outputs: Pick<WaitOutputs, 'startedAt' | 'endedAt'>): string => {
  const seconds = Math.round((outputs.endedAt.getTime() - outputs.startedAt.getTime()) / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

type OutcomeOf<Kind extends Outcome['kind']> = Extract<Outcome, { kind: Kind }>;

function first<Kind extends Outcome['kind']>(
  applications: readonly WaitedApplication[],
  kind: Kind,
): (WaitedApplication & { readonly outcome: OutcomeOf<Kind> }) | undefined {
  return applications.find(
    (each): each is WaitedApplication & { readonly outcome: OutcomeOf<Kind> } => each.outcome?.kind === kind,
  );
}

/** One sentence: what happened and why. The first line of everything. */
export function waitHeadline(outputs: WaitOutputs): string {
  const { applications, environment } = outputs;
  const apps = list(unique(applications.map(({ app }) => app)));
  const clusters = list(unique(applications.map(({ cluster }) => cluster)));
  if (applications.length === 0) {
    return `Commit ${outputs.commit.oid.slice(0, 8)} changes no app in ${environment}: there is nothing to wait for`;
  }
  switch (outputs.verdict) {
    case 'healthy':
      return outputs.knownBefore
        ? `${apps} was found healthy in ${environment} before: ${clusters}`
        : `${apps} is healthy in ${environment}: ${clusters}, after ${duration(outputs)}`;
    case 'failed': {
      const failed = first(applications, 'failed');
      return `${failed?.app ?? apps} failed in ${failed?.cluster ?? environment}: ${oneLine(failed?.outcome.cause ?? '')}`;
    }
    case 'superseded':
      return `${apps} was deployed to ${environment} again, by ${first(applications, 'superseded')?.outcome.by ?? 'somebody else'}, before this deploy was judged: that deploy's own wait decides`;
    case 'unknown': {
      const unknown = first(applications, 'unknown');
      return `Could not find out whether ${unknown?.app ?? apps} is healthy in ${unknown?.cluster ?? environment}: ${oneLine(unknown?.outcome.cause ?? '')}`;
    }
  }
}

/** What was done about it; undefined where nothing was to be done. */
export function waitRemedy(outputs: WaitOutputs): string | undefined {
  const { remedy, back, environment } = outputs;
  const notBack = back.filter(({ outcome }) => outcome?.kind !== 'healthy');
  switch (remedy?.kind) {
    case 'written':
    case 'done-before': {
      const by = `by commit ${remedy.commit.slice(0, 8)}`;
      if (back.some(({ outcome }) => outcome?.kind === 'superseded')) {
        return `All clusters of ${environment} were sent back to the release before ${by}, and then somebody deployed again.`;
      }
      if (notBack.length === 0) {
        return `All clusters of ${environment} are back at the release before, ${by}, and healthy: ${list(unique(back.map(({ cluster }) => cluster)))}.`;
      }
      return `All clusters of ${environment} were sent back to the release before ${by}, but not all of them are healthy: ${notBack
        .map((each) => `${each.application} (${oneLine(stateWords(each))})`)
        .join(', ')}.`;
    }
    case 'proposed':
      return `${environment} takes deploys by pull request, so pull request #${remedy.pullRequest.number} puts all clusters back when it is merged. Until then they stay as they are.`;
    case 'superseded':
      return 'Somebody deployed since: that deploy stays, and nothing was put back.';
    case 'nothing-earlier':
      return `Nothing ran in ${environment} before, so there is nothing to go back to: all clusters stay at this commit.`;
    case 'never':
      return `Nothing was put back (rollback: never): all clusters of ${environment} stay at this commit.`;
    case 'not-a-deploy':
      return 'Nothing was put back: only a deploy of Kajitori is undone, not what a person changed.';
    case undefined:
      return undefined;
  }
}

/** What to do next, one sentence; undefined when all is well. */
export function waitTodo(outputs: WaitOutputs): string | undefined {
  const { applications, remedy, back, environment } = outputs;
  const app = applications[0]?.app ?? '';
  const failedBack = first(back, 'failed') ?? first(back, 'unknown');
  if (failedBack !== undefined) {
    return (
      failedBack.outcome.todo ??
      `Look at ${failedBack.application} in Argo CD now: the earlier release does not become healthy either.`
    );
  }
  if (outputs.verdict === 'healthy' || outputs.verdict === 'superseded') {
    return undefined;
  }
  const cause = (first(applications, 'failed') ?? first(applications, 'unknown'))?.outcome;
  const mend = cause?.todo;
  switch (remedy?.kind) {
    case 'written':
    case 'done-before':
      return `${sentence(mend ?? 'Mend the cause')} ${app} is on hold in ${environment} until somebody ends the hold: then deploy again (kajitori hold --end, or override hold with a reason).`;
    case 'proposed':
      return `Merge ${remedy.pullRequest.url} now.${mend === undefined ? '' : ` Then: ${mend}`}`;
    case 'not-a-deploy':
      return `${sentence(mend ?? 'Mend it')} Or revert commit ${outputs.commit.oid.slice(0, 8)}.`;
    default:
      return (
        mend ??
        (outputs.verdict === 'unknown'
          ? 'Run this job again, or `kajitori wait --unfinished`: the deploy itself is written.'
          : 'Mend the cause and deploy again.')
      );
  }
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function stateWords({ outcome, words }: WaitedApplication): string {
  switch (outcome?.kind) {
    case 'healthy':
      return 'healthy';
    case 'failed':
      return outcome.cause;
    case 'superseded':
      return `deployed again by ${outcome.by}`;
    case 'unknown':
      return `could not find out: ${outcome.cause}`;
    case undefined:
      return words === '' ? 'not judged' : `not judged: ${words}`;
  }
}

/** One line of progress. */
export const progressLine = ({ awaited, sight, outcome }: Following): string =>
  oneLine(
    `${awaited.application}: ${stateWords({ ...awaited, outcome, words: sight?.words ?? '' }).replace(/^not judged(?:: )?/, '')}`,
  );

/** For a terminal or a log. */
export function waitText(outputs: WaitOutputs): string {
  const todo = waitTodo(outputs);
  const remedy = waitRemedy(outputs);
  return [
    waitHeadline(outputs),
    ...outputs.applications.map((each) => `  ${each.application}: ${oneLine(stateWords(each))}`),
    ...(remedy === undefined ? [] : [`  ${remedy}`]),
    ...outputs.back.map((each) => `  ${each.application}, back: ${oneLine(stateWords(each))}`),
    `  commit: ${outputs.commit.url}`,
    ...outputs.untold.map((problem) => `  not told: ${oneLine(problem)}`),
    ...(todo === undefined ? [] : [`  → ${todo}`]),
  ].join('\n');
}

const SIGNS: Readonly<Record<Outcome['kind'], string>> = {
  healthy: '✅',
  failed: '❌',
  superseded: '⏭️',
  unknown: '❔',
};

/** The job summary: the first line names the cause and what to do. */
export function waitSummary(outputs: WaitOutputs): string {
  const { commit, remedy } = outputs;
  const todo = waitTodo(outputs);
  const remedyWords = waitRemedy(outputs);
  const backOf = ({ application }: WaitedApplication) =>
    outputs.back.find((each) => each.application === application);
  const cell = (each: WaitedApplication | undefined): string =>
    each === undefined
      ? '–'
      : `${each.outcome === undefined ? '➖' : SIGNS[each.outcome.kind]} ${plain(stateWords(each))}`;
  const withBack = outputs.back.length > 0;
  const details = outputs.applications.flatMap(({ application, outcome }) =>
    outcome?.kind === 'failed' && outcome.details.length > 0
      ? [
          `<details><summary>${plain(application)}: what was seen</summary>\n\n${outcome.details
            .map((line) => `- ${plain(line)}`)
            .join('\n')}\n\n</details>`,
        ]
      : [],
  );
  return [
    `### ${plain(waitHeadline(outputs))}${todo === undefined ? '' : ` → ${plain(todo)}`}`,
    ...(remedyWords === undefined ? [] : [plain(remedyWords)]),
    ...(outputs.applications.length === 0
      ? []
      : [
          table(
            ['application', 'cluster', 'this commit', ...(withBack ? ['the release before'] : [])],
            outputs.applications.map((each) => [
              code(each.application),
              code(each.cluster),
              cell(each),
              ...(withBack ? [cell(backOf(each))] : []),
            ]),
          ),
        ]),
    ...details,
    [
      `Commit ${link(code(commit.oid.slice(0, 8)), commit.url)}`,
      ...(remedy?.kind === 'written' || remedy?.kind === 'done-before'
        ? [`undone by ${link(code(remedy.commit.slice(0, 8)), remedy.url)}`]
        : []),
      `waited ${duration(outputs)}`,
    ].join(', '),
    ...outputs.untold.map((problem) => `Not told: ${plain(problem)}`),
  ].join('\n\n');
}

/** Each application, for machines. */
const applications = (all: readonly WaitedApplication[]) =>
  all.map((each) => ({
    app: each.app,
    cluster: each.cluster,
    application: each.application,
    verdict: each.outcome?.kind ?? 'not-judged',
    words: stateWords(each),
  }));

/** For machines (`--json`). */
export function waitJson(outputs: WaitOutputs): object {
  const { remedy } = outputs;
  return {
    verdict: outputs.verdict,
    headline: waitHeadline(outputs),
    todo: waitTodo(outputs),
    environment: outputs.environment,
    commit: outputs.commit.oid,
    knownBefore: outputs.knownBefore,
    applications: applications(outputs.applications),
    remedy: remedy?.kind,
    remedyWords: waitRemedy(outputs),
    rolledBackCommit: rolledBackCommit(outputs),
    pullRequest: remedy?.kind === 'proposed' ? remedy.pullRequest.url : undefined,
    back: applications(outputs.back),
    untold: outputs.untold,
    seconds: Math.round((outputs.endedAt.getTime() - outputs.startedAt.getTime()) / 1000),
  };
}

/** Healthy, or somebody else decides: 0. Failed: 1. Not found out: 2. */
export const waitExitCode = ({ verdict }: Pick<WaitOutputs, 'verdict'>): 0 | 1 | 2 =>
  verdict === 'failed' ? 1 : verdict === 'unknown' ? 2 : 0;

/** What an action hands on. */
export interface WaitResult {
  readonly exitCode: 0 | 1 | 2;
  readonly verdict: WaitVerdict;
  readonly headline: string;
  /** What the annotation of a red run says: cause, what was done, what to do. */
  readonly error: string;
  readonly text: string;
  readonly summary: string;
  /** Each application, as JSON. */
  readonly clusters: string;
  /** The commits that put environments back, one a line. */
  readonly rolledBackCommit: string;
  readonly pullRequest: string;
  /** What was waited for: what runs there may be another image now. */
  readonly waitedFor: readonly { readonly apps: readonly string[]; readonly environment: string }[];
}

/** The outputs as the action hands them on. */
export const waitResult = (outputs: WaitOutputs): WaitResult => ({
  exitCode: waitExitCode(outputs),
  verdict: outputs.verdict,
  headline: waitHeadline(outputs),
  error: [waitHeadline(outputs), waitRemedy(outputs), waitTodo(outputs)?.replace(/^/, '→ ')]
    .filter((line) => line !== undefined)
    .join('\n'),
  text: waitText(outputs),
  summary: waitSummary(outputs),
  clusters: JSON.stringify(applications(outputs.applications)),
  rolledBackCommit: rolledBackCommit(outputs) ?? '',
  pullRequest: outputs.remedy?.kind === 'proposed' ? outputs.remedy.pullRequest.url : '',
  waitedFor:
    outputs.applications.length === 0
      ? []
      : [{ apps: unique(outputs.applications.map(({ app }) => app)), environment: outputs.environment }],
});

/** The commit that put the environment back. */
const rolledBackCommit = ({ remedy }: WaitOutputs): string | undefined =>
  remedy?.kind === 'written' || remedy?.kind === 'done-before' ? remedy.commit : undefined;
