import { codeBlock, link, plain } from '../report/markdown.ts';
import { textDiff } from '../report/text-diff.ts';
import type { CarriedOut } from './carry-out.ts';

/** The edits as a unified diff. */
export const changeDiff = ({ edits, originals }: CarriedOut<unknown>): string =>
  [...edits].map(([file, text]) => textDiff(file, originals.get(file), text ?? undefined)).join('');

/** One sentence: what happened to `what`, for example `the app web`. */
export function changeHeadline({ reason, pullRequest }: CarriedOut<unknown>, what: string): string {
  switch (reason) {
    case 'proposed':
      return `Proposed ${what} as pull request #${pullRequest?.number}`;
    case 'already-proposed':
      return `Nothing to do: ${what} is proposed already, as pull request #${pullRequest?.number}`;
    case 'written':
      return `Wrote ${what}; nothing is committed yet`;
    case 'would-write':
      return `Would write ${what} (dry run, nothing written)`;
    case 'already-there':
      return `Nothing to do: ${what} is there already`;
  }
}

/** For a terminal or a log: headline, files, pull request, then more lines. */
export function changeText(done: CarriedOut<unknown>, what: string, more: readonly string[]): string {
  return [
    changeHeadline(done, what),
    ...[...done.edits].map(([file, text]) => `  ${text === null ? 'removed' : 'file'}: ${file}`),
    ...(done.pullRequest === undefined ? [] : [`  pull request: ${done.pullRequest.url}`]),
    ...more,
  ].join('\n');
}

/** The job summary; `more` is Markdown already. */
export function changeSummary(done: CarriedOut<unknown>, what: string, more: readonly string[]): string {
  return [
    `### ${plain(changeHeadline(done, what))}`,
    ...(done.pullRequest === undefined
      ? []
      : [link(`Pull request #${done.pullRequest.number}`, done.pullRequest.url)]),
    ...more,
    ...(done.edits.size === 0
      ? []
      : [`<details><summary>Diff</summary>\n\n${codeBlock(changeDiff(done), 'diff')}\n\n</details>`]),
  ].join('\n\n');
}

/** For machines (`--json`). */
export const changeJson = (done: CarriedOut<unknown>): Readonly<Record<string, unknown>> => ({
  changed: done.reason === 'proposed' || done.reason === 'written',
  reason: done.reason,
  pullRequest: done.pullRequest?.url,
  files: [...done.edits.keys()],
  diff: done.reason === 'would-write' ? changeDiff(done) : undefined,
});
