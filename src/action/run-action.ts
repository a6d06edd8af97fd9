import * as core from '@actions/core';
import { Failure, formatFailure } from '../report/failure.ts';
import { failureSummary } from '../report/failure-summary.ts';
import { plain } from '../report/markdown.ts';

/**
 * Runs the body of an action. A `Failure` becomes an annotation at its place, the first line of the job summary, and the
 * exit code of its kind; anything else is a defect of ours and is shown with its stack.
 *
 * Docs: "Workflow commands for GitHub Actions".
 */
export async function runAction(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof Failure) {
      const { at } = error;
      core.error(formatFailure(error), {
        title: error.exitCode === 1 ? 'Refused' : 'Could not do it',
        ...(at === undefined ? {} : { file: at.file }),
        ...(at?.line === undefined ? {} : { startLine: at.line }),
        ...(at?.column === undefined ? {} : { startColumn: at.column }),
      });
      if (error.reason !== undefined) {
        core.setOutput('reason', error.reason);
      }
      process.exitCode = error.exitCode;
      await summarize(failureSummary(error));
      return;
    }
    core.error(error instanceof Error ? (error.stack ?? error.message) : String(error), {
      title: 'A defect of Kajitori, please report it',
    });
    process.exitCode = 2;
    const message = error instanceof Error ? error.message : String(error);
    await summarize(`### This is a defect of Kajitori, please report it: ${plain(message)}`);
  }
}

/** What cannot be summarized is annotated all the same: a runner without summaries, or one that is full, changes nothing. */
async function summarize(text: string): Promise<void> {
  try {
    await core.summary.addRaw(text, true).write();
  } catch (error) {
    core.debug(`No summary: ${String(error)}`);
  }
}
