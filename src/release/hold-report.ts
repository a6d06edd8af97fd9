import { formatDuration } from '../config/duration.ts';
import { code, link, plain, table } from '../report/markdown.ts';
import type { Brought } from '../repository/bring.ts';
import { changeDiff, changeSection } from './change-diff.ts';
import type { HeldApp, HoldResult } from './compute-hold.ts';
import type { StandingHold } from './hold.ts';
import type { Hold } from './release-state.ts';

const until = (hold: Hold): string =>
  hold.until === undefined ? 'until somebody ends it' : `until ${hold.until.toISOString()}`;

function sentence({ app, outcome, before, after }: HeldApp, environment: string): string {
  switch (outcome) {
    case 'held':
      return `${app} is on hold in ${environment}, ${until(after as Hold)}: ${after?.reason}`;
    case 'ended':
      return `${app} is not on hold in ${environment} any more (it was: ${before?.reason})`;
    case 'already-there':
      return after === undefined
        ? `Nothing to do: ${app} is not on hold in ${environment}`
        : `Nothing to do: ${app} is on hold in ${environment} already, ${until(after)}: ${after.reason}`;
  }
}

const way = ({ dryRun, edits, pullRequest, commit }: Brought<HoldResult>): readonly string[] => {
  if (edits.size === 0) {
    return [];
  }
  if (dryRun) {
    return ['Dry run: nothing is written'];
  }
  if (pullRequest !== undefined) {
    return [`When pull request #${pullRequest.number} is merged: ${pullRequest.url}`];
  }
  return [commit === undefined ? 'This folder was edited: commit it and push it' : `Commit: ${commit.url}`];
};

/** For a terminal or a log. */
export const holdText = (outputs: Brought<HoldResult>): string =>
  [
    ...outputs.result.apps.map((app) => sentence(app, outputs.result.environment)),
    ...way(outputs).map((line) => `  ${line}`),
    ...outputs.result.checks.map((line) => `  ${line}`),
    ...(outputs.dryRun && outputs.edits.size > 0
      ? ['', changeDiff(outputs.edits, outputs.result.originals)]
      : []),
  ].join('\n');

/** The job summary. */
export const holdSummary = (outputs: Brought<HoldResult>): string =>
  [
    ...outputs.result.apps.map((app) => `### ${plain(sentence(app, outputs.result.environment))}`),
    ...(outputs.commit === undefined
      ? way(outputs).map(plain)
      : [`Commit ${link(code(outputs.commit.oid.slice(0, 8)), outputs.commit.url)}.`]),
    ...outputs.result.checks.map(plain),
    ...changeSection(outputs.edits, outputs.result.originals),
  ].join('\n\n');

/** For machines (`--json`). */
export const holdJson = (outputs: Brought<HoldResult>): object => ({
  changed: outputs.changed,
  dryRun: outputs.dryRun,
  environment: outputs.result.environment,
  apps: outputs.result.apps,
  checks: outputs.result.checks,
  commit: outputs.commit?.oid,
  pullRequest: outputs.pullRequest?.url,
  files: [...outputs.edits.keys()],
});

const since = (hold: Hold, now: Date): string =>
  hold.at === undefined ? '?' : formatDuration(now.getTime() - hold.at.getTime());

/** All holds, for a terminal. */
export const holdsText = (holds: readonly StandingHold[], now: Date): string =>
  holds.length === 0
    ? 'Nothing is on hold'
    : holds
        .map(
          ({ app, team, environment, hold, inForce }) =>
            `${app} (${team}) in ${environment}: ${hold.reason}\n  ${inForce ? until(hold) : 'over: the next deploy goes through'}; by ${hold.by ?? '?'}, for ${since(hold, now)}`,
        )
        .join('\n');

/** All holds, for a job summary. */
export const holdsSummary = (holds: readonly StandingHold[], now: Date): string =>
  holds.length === 0
    ? '### Nothing is on hold'
    : [
        '### Holds',
        table(
          ['app', 'team', 'environment', 'reason', 'by', 'for', 'until'],
          holds.map(({ app, team, environment, hold, inForce }) => [
            code(app),
            plain(team),
            plain(environment),
            plain(hold.reason),
            plain(hold.by ?? '?'),
            since(hold, now),
            inForce ? (hold.until?.toISOString() ?? 'somebody ends it') : 'over',
          ]),
        ),
      ].join('\n\n');
