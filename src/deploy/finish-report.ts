import { plain } from '../report/markdown.ts';
import { type Finished, finishExitCode } from './finish.ts';
import { type WaitResult, waitJson, waitResult } from './wait-report.ts';

const subject = ({ deploy }: Finished): string =>
  `${deploy.apps.join(', ')} in ${deploy.environment} (commit ${deploy.commit.oid.slice(0, 8)})`;

/** What is handed on of one deploy. */
function resultOf(finished: Finished): WaitResult {
  if ('outputs' in finished) {
    return waitResult(finished.outputs);
  }
  const { message, todo, exitCode } = finished.failure;
  const headline = `Could not finish ${subject(finished)}: ${message}`;
  const error = todo === undefined ? headline : `${headline}\n→ ${todo}`;
  return {
    exitCode,
    verdict: 'unknown',
    headline,
    error,
    text: error,
    summary: `### ${plain(error)}`,
    clusters: '[]',
    rolledBackCommit: '',
    pullRequest: '',
    waitedFor: [],
  };
}

/** The outputs of all, as the action hands them on: the verdict and the words of the worst. */
export function finishResult(all: readonly Finished[]): WaitResult {
  const results = all.map(resultOf);
  const exitCode = finishExitCode(all);
  const worst = results.find((each) => each.exitCode === exitCode);
  const joined = (of: 'text' | 'rolledBackCommit' | 'pullRequest') =>
    results
      .map((each) => each[of])
      .filter((text) => text !== '')
      .join('\n');
  const none = 'No deploy is unfinished';
  const headline =
    worst === undefined ? none : exitCode === 0 ? `Finished ${all.map(subject).join('; ')}` : worst.headline;
  return {
    exitCode,
    verdict: worst?.verdict ?? 'healthy',
    headline,
    error: results
      .filter((each) => each.exitCode !== 0)
      .map(({ error }) => error)
      .join('\n'),
    text: joined('text') || none,
    summary: results.map(({ summary }) => summary).join('\n\n') || `### ${none}`,
    clusters: JSON.stringify(results.flatMap(({ clusters }) => JSON.parse(clusters) as unknown[])),
    rolledBackCommit: joined('rolledBackCommit'),
    pullRequest: joined('pullRequest'),
    waitedFor: results.flatMap(({ waitedFor }) => waitedFor),
  };
}

/** For machines (`--json`). */
export const finishJson = (all: readonly Finished[]): object => ({
  headline: finishResult(all).headline,
  deploys: all.map((each) => ({
    why: each.deploy.why,
    ...('outputs' in each
      ? waitJson(each.outputs)
      : {
          verdict: 'unknown',
          environment: each.deploy.environment,
          commit: each.deploy.commit.oid,
          headline: each.failure.message,
          todo: each.failure.todo,
        }),
  })),
});
