import { type GitHubClient, GitHubError } from '../github/client.ts';
import { couldNot } from '../report/failure.ts';
import type { CommitReference } from './commit.ts';
import { bodyOf, headlineOf, keyOf } from './commit-message.ts';
import { lookAgain, type WaitingPullRequest } from './pull-request.ts';
import type { BranchTarget } from './snapshot.ts';

/** Whether GitHub merges it when its conditions hold, or it was merged at once. */
export type Merging = 'no' | 'when-ready' | 'merged';

export const AUTO_MERGE_DOCUMENT = `mutation AutoMerge($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { clientMutationId }
}`;

export const DISABLE_AUTO_MERGE_DOCUMENT = `mutation DisableAutoMerge($input: DisablePullRequestAutoMergeInput!) {
  disablePullRequestAutoMerge(input: $input) { clientMutationId }
}`;

/** What the repository's settings allow. */
export interface MergeSettings {
  readonly mergeCommitAllowed: boolean;
  readonly squashMergeAllowed: boolean;
}

export interface MergeOutcome {
  readonly merging: Merging;
  /** On the base; only when it was merged at once. */
  readonly commit: CommitReference | undefined;
}

/**
 * Whether auto-merge waits to commit the words of something that was proposed before: it keeps those that it was turned on with, and
 * stays on when something else is pushed by who may write (docs: "Automatically merging a pull request"). Words of a person stay.
 */
export function mergesAsAnother({ autoMergeRequest }: WaitingPullRequest, words: string): boolean {
  const key = keyOf(autoMergeRequest?.commitBody ?? '');
  return key !== undefined && key !== keyOf(words);
}

/**
 * Turns auto-merge off, where it is on.
 *
 * @throws GitHubError `stale` when it is off or merged by now: GitHub refuses that
 */
export async function stopAutoMerge<Waiting extends WaitingPullRequest>(
  client: GitHubClient,
  pullRequest: Waiting,
): Promise<Waiting> {
  if (pullRequest.autoMergeRequest !== null) {
    try {
      // What is off is not turned off twice, so this may be repeated.
      await client.graphql(DISABLE_AUTO_MERGE_DOCUMENT, { input: { pullRequestId: pullRequest.id } });
    } catch (error) {
      throw error instanceof GitHubError && error.fault.kind === 'invalid' ? lookAgain(error) : error;
    }
  }
  return { ...pullRequest, autoMergeRequest: null };
}

/** GitHub's words when there is nothing to wait for: then auto-merge is refused, and merging works at once. */
const CLEAN_WORDS = /clean status/i;

/** GitHub's words when somebody turned it on meanwhile: perhaps we, and the answer was lost. It keeps the words of the first. */
const ALREADY_WORDS = /auto.?merge is already enabled/i;

/** GitHub's words when the repository's settings do not allow auto-merge. */
const NOT_ALLOWED_WORDS = /auto.?merge is not allowed/i;

export async function mergeWhenReady(
  client: GitHubClient,
  target: BranchTarget,
  pullRequest: WaitingPullRequest,
  head: string,
  words: string,
  allowed: MergeSettings,
): Promise<MergeOutcome> {
  if (pullRequest.autoMergeRequest !== null) {
    return { merging: 'when-ready', commit: undefined };
  }
  const method = mergeMethod(allowed);
  const [headline, body] = [headlineOf(words), bodyOf(words)];
  try {
    await client.graphql(
      AUTO_MERGE_DOCUMENT,
      {
        input: {
          pullRequestId: pullRequest.id,
          expectedHeadOid: head,
          mergeMethod: method,
          // Rebasing keeps the commit's own message, trailers included.
          ...(method === 'REBASE' ? {} : { commitHeadline: headline, commitBody: body }),
        },
      },
      { write: true },
    );
    return { merging: 'when-ready', commit: undefined };
  } catch (error) {
    if (error instanceof GitHubError && NOT_ALLOWED_WORDS.test(error.fault.message)) {
      throw couldNot(
        `${pullRequest.url} is open, but does not merge itself: the repository does not allow it.`,
        {
          todo: 'Turn on "Allow auto-merge" in the settings of the GitOps repository, or leave auto-merge out.',
          reason: 'no-auto-merge',
          cause: error,
        },
      );
    }
    if (error instanceof GitHubError && ALREADY_WORDS.test(error.fault.message)) {
      throw lookAgain(error);
    }
    if (!(error instanceof GitHubError) || !CLEAN_WORDS.test(error.fault.message)) {
      throw error;
    }
  }
  const merged = await client.rest<{ sha: string }>(
    'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
    {
      owner: target.repository.owner,
      repo: target.repository.name,
      pull_number: pullRequest.number,
      sha: head,
      merge_method: method.toLowerCase(),
      ...(method === 'REBASE' ? {} : { commit_title: headline, commit_message: body }),
    },
    { write: true },
  );
  const oid = merged.data.sha;
  const url = pullRequest.url.replace(/\/pull\/\d+$/, `/commit/${oid}`);
  return { merging: 'merged', commit: { oid, url } };
}

/** Squash first: one bump stays one commit on the base, with our trailers. */
function mergeMethod(allowed: MergeSettings): 'SQUASH' | 'MERGE' | 'REBASE' {
  if (allowed.squashMergeAllowed) {
    return 'SQUASH';
  }
  return allowed.mergeCommitAllowed ? 'MERGE' : 'REBASE';
}
