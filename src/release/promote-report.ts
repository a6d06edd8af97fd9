import { code, link, plain, table } from '../report/markdown.ts';
import { changeDiff, changeSection } from './change-diff.ts';
import type { PromotedImage } from './compute-promotion.ts';
import { appsOf, nameOf } from './deploy-message.ts';
import { formatImage, shortImage } from './image-reference.ts';
import type { DueOutcome, PromoteOutputs } from './promote.ts';
import type { Gate } from './promotion-gates.ts';

const OUTCOMES: Readonly<Record<PromotedImage['outcome'], string>> = {
  bumped: 'new',
  'already-there': 'was there already',
  older: 'left alone: a newer build runs',
};

const SIGNS: Readonly<Record<Gate['state'], string>> = {
  passed: '✅',
  waiting: '⏳',
  failed: '❌',
  unknown: '❔',
};

/** One sentence: what happened. */
function headline({ result, edits, dryRun, pullRequest, commit }: PromoteOutputs): string {
  const bumped = result.images.filter(({ outcome }) => outcome === 'bumped');
  const apps = appsOf(bumped.length > 0 ? bumped : result.images).join(', ');
  const way = `from ${result.from} to ${result.environment}`;
  if (edits.size === 0) {
    return `Nothing to do: ${result.environment} runs ${apps} of ${result.from} already, or something newer`;
  }
  if (dryRun) {
    return `Would promote ${apps} ${way} (dry run, nothing written)`;
  }
  if (pullRequest !== undefined) {
    return `Proposed to promote ${apps} ${way} as pull request #${pullRequest.number}`;
  }
  return commit === undefined
    ? `Edited this folder to promote ${apps} ${way}: commit it and push it`
    : `Promoted ${apps} ${way}`;
}

/** For a terminal or a log. */
export const promoteText = (outputs: PromoteOutputs): string =>
  [
    headline(outputs),
    ...outputs.result.images.map((image) =>
      image.outcome === 'bumped'
        ? `  ${nameOf(image)}: ${image.before === undefined ? 'nothing' : shortImage(image.before)} → ${formatImage(image.after)}`
        : `  ${nameOf(image)}: ${OUTCOMES[image.outcome]}`,
    ),
    ...outputs.candidates.flatMap(({ app, gates }) =>
      gates.map(({ state, words }) => `  ${SIGNS[state]} ${app}: ${words}`),
    ),
    ...(outputs.edits.size > 0
      ? [`  clusters: ${outputs.result.clusters.join(', ')} (always together)`]
      : []),
    ...(outputs.result.overridden.length > 0
      ? [`  set aside: ${outputs.result.overridden.join(', ')} (recorded)`]
      : []),
    ...outputs.result.checks.map((check) => `  ${check}`),
    ...(outputs.commit === undefined ? [] : [`  commit: ${outputs.commit.url}`]),
    ...(outputs.pullRequest === undefined ? [] : [`  pull request: ${outputs.pullRequest.url}`]),
    ...(outputs.dryRun && outputs.edits.size > 0
      ? ['', changeDiff(outputs.edits, outputs.result.originals)]
      : []),
  ].join('\n');

/** The job summary. */
export const promoteSummary = (outputs: PromoteOutputs): string =>
  [
    `### ${plain(headline(outputs))}`,
    table(
      ['app', 'before', 'after', 'gates'],
      outputs.result.images.map((image) => [
        code(nameOf(image)),
        image.before === undefined ? '–' : code(formatImage(image.before)),
        image.outcome === 'bumped' ? code(formatImage(image.after)) : OUTCOMES[image.outcome],
        (outputs.candidates.find(({ app }) => app === image.app)?.gates ?? [])
          .map(({ state, words }) => `${SIGNS[state]} ${plain(words)}`)
          .join('<br>'),
      ]),
    ),
    ...(outputs.commit === undefined
      ? []
      : [
          `Commit ${link(code(outputs.commit.oid.slice(0, 8)), outputs.commit.url)}: all apps and clusters get it from this one commit.`,
        ]),
    ...(outputs.pullRequest === undefined
      ? []
      : [link(`Pull request #${outputs.pullRequest.number}`, outputs.pullRequest.url)]),
    ...(outputs.result.overridden.length === 0
      ? []
      : [
          `**Set aside by a person:** ${outputs.result.overridden.join(', ')}. The reason is recorded in the commit.`,
        ]),
    ...outputs.result.checks.map(plain),
    ...changeSection(outputs.edits, outputs.result.originals),
  ].join('\n\n');

/** For machines (`--json`). */
export const promoteJson = (outputs: PromoteOutputs): object => ({
  changed: outputs.changed,
  dryRun: outputs.dryRun,
  from: outputs.result.from,
  environment: outputs.result.environment,
  clusters: outputs.result.clusters,
  images: outputs.result.images.map(({ app, name, before, after, outcome }) => ({
    app,
    name: name === '' ? undefined : name,
    before: before === undefined ? undefined : formatImage(before),
    after: formatImage(after),
    outcome,
  })),
  gates: Object.fromEntries(outputs.candidates.map(({ app, gates }) => [app, gates])),
  overridden: outputs.result.overridden,
  checks: outputs.result.checks,
  commit: outputs.commit?.oid,
  commitUrl: outputs.commit?.url,
  pullRequest: outputs.pullRequest?.url,
  files: [...outputs.edits.keys()],
});

const STATES: Readonly<Record<DueOutcome['state'], string>> = {
  promoted: 'promoted',
  'would-promote': 'would be promoted',
  waiting: 'waits',
  refused: 'refused',
  unknown: 'could not find out',
};

/** What was due, for a terminal or a log. */
export const dueText = (outcomes: readonly DueOutcome[]): string =>
  outcomes.length === 0
    ? 'Nothing to promote: every app runs the same in both environments, or no environment has promote.automatic'
    : outcomes.map(({ app, to, state, words }) => `${app} to ${to}: ${STATES[state]}: ${words}`).join('\n');

/** What was due, for a job summary. */
export const dueSummary = (outcomes: readonly DueOutcome[]): string =>
  outcomes.length === 0
    ? '### Nothing to promote'
    : [
        '### Promotions',
        table(
          ['app', 'to', '', 'because'],
          outcomes.map(({ app, to, state, words }) => [code(app), plain(to), STATES[state], plain(words)]),
        ),
      ].join('\n\n');
