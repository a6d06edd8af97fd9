import { changeHeadline, changeJson, changeSummary, changeText } from './change-report.ts';
import type { NewAppOutputs } from './run-new-app.ts';

const whatOf = ({ result }: NewAppOutputs): string => `the app ${result.app}`;

function mergeWords({ merge }: NewAppOutputs): readonly string[] {
  if (merge === undefined) {
    return [];
  }
  return [merge.merged ? `Merged: ${merge.commit.url}` : `Not merged: ${merge.why}.`];
}

/** For a terminal or a log. */
export const newAppText = (outputs: NewAppOutputs): string =>
  changeText(outputs, whatOf(outputs), [
    ...[...outputs.result.checks.words, ...mergeWords(outputs)].map((sentence) => `  ${sentence}`),
    '  Next:',
    ...outputs.result.next.map((step, index) => `  ${index + 1}. ${step}`),
  ]);

/** The job summary. */
export const newAppSummary = (outputs: NewAppOutputs): string =>
  changeSummary(outputs, whatOf(outputs), [
    [...outputs.result.checks.words, ...mergeWords(outputs)].map((sentence) => `- ${sentence}`).join('\n'),
    '**What the owner does next**',
    outputs.result.next.map((step, index) => `${index + 1}. ${step}`).join('\n'),
  ]);

/** The answer to whoever opened the issue. */
export const newAppAnswer = (outputs: NewAppOutputs): string =>
  [
    outputs.pullRequest === undefined
      ? `${changeHeadline(outputs, whatOf(outputs))}.`
      : `${changeHeadline(outputs, whatOf(outputs))}: ${outputs.pullRequest.url}`,
    ...mergeWords(outputs),
  ].join('\n\n');

/** For machines (`--json`). */
export const newAppJson = (outputs: NewAppOutputs): object => ({
  ...changeJson(outputs),
  app: outputs.result.app,
  owner: outputs.result.owner,
  verified: outputs.result.checks.verified,
  merged: outputs.merge?.merged,
  commit: outputs.merge?.merged === true ? outputs.merge.commit.oid : undefined,
});
