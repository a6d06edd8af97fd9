import * as core from '@actions/core';
import { Failure, formatFailure } from '../report/failure.ts';

/**
 * Runs the body of an action. A `Failure` becomes an annotation at its place and the exit code of its kind; anything
 * else is a defect of ours and is shown with its stack.
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
      return;
    }
    core.error(error instanceof Error ? (error.stack ?? error.message) : String(error), {
      title: 'A defect of Kajitori, please report it',
    });
    process.exitCode = 2;
  }
}
