import * as core from '@actions/core';
import { createGitHubClient, GitHubError } from '../github/client.ts';
import { systemTiming } from '../github/timing.ts';
import { Failure, formatFailure } from '../report/failure.ts';
import { plain } from '../report/markdown.ts';
import { input, numberInput, runnerContext } from './inputs.ts';

/**
 * Runs the body of an action that was started by an issue form, and answers the issue with what became of it: whoever
 * filled in the form looks there, not into a run's log. Without the input `issue` nothing is answered.
 *
 * @param body returns the answer as Markdown
 */
export async function answeringIssue(body: () => Promise<string>): Promise<void> {
  const issue = numberInput('issue');
  let answer: string;
  try {
    answer = await body();
  } catch (error) {
    if (issue !== undefined && error instanceof Failure) {
      const what = error.exitCode === 1 ? 'This was refused' : 'This could not be done';
      await comment(issue, `${what}: ${plain(formatFailure(error))}`);
    }
    throw error;
  }
  if (issue !== undefined) {
    await comment(issue, answer);
  }
}

async function comment(issue: number, text: string): Promise<void> {
  const { apiUrl, repository } = runnerContext();
  const [owner = '', repo = ''] = repository.split('/');
  const client = createGitHubClient({ apiUrl, token: input('issue-token'), timing: systemTiming });
  try {
    await client.rest(
      'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
      { owner, repo, issue_number: issue, body: text },
      { write: true },
    );
  } catch (error) {
    if (!(error instanceof GitHubError)) {
      throw error;
    }
    // The pull request is made or it is not: that the issue says nothing of it must not make the run red.
    core.warning(`Could not answer issue #${issue}: ${error.fault.message}`);
  }
}
