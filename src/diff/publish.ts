import type { GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import { type StickyOutcome, writeStickyComments } from '../github/sticky-comment.ts';
import { Failure } from '../report/failure.ts';
import { code, link } from '../report/markdown.ts';
import { diffComment } from './comment.ts';
import { type DiffReport, isEmptyReport } from './report.ts';

export interface PublishInputs {
  readonly repository: RepositoryName;
  readonly pullRequest: number;
  /** A sentence in Markdown about where the whole report is. */
  readonly page: string | undefined;
  /** Tells several reports on one pull request apart. */
  readonly name: string;
}

/** What became of the comment; `refused` says why GitHub did not let us write it. */
export type PublishOutcome = ({ readonly refused?: never } & StickyOutcome) | { readonly refused: Failure };

/**
 * Puts a report on a pull request, as one comment that is kept up to date. When nothing changes there is none; an older one then
 * says that this is so, since a comment that vanishes looks like a comment that never was.
 *
 * A pull request from a fork, or by Dependabot, gets a token that cannot write: that is no error, the report is in the job's summary.
 */
export async function publishDiff(
  report: DiffReport,
  client: GitHubClient,
  { repository, pullRequest, page, name }: PublishInputs,
): Promise<PublishOutcome> {
  const pages = diffComment(report, page === undefined ? {} : { page });
  try {
    return await writeStickyComments(client, {
      repository,
      pullRequest,
      name: `kajitori:${name}`,
      pages: isEmptyReport(report) ? [] : pages,
      whenEmpty: pages[0] ?? '',
    });
  } catch (error) {
    if (error instanceof Failure && error.reason === 'github-denied') return { refused: error };
    throw error;
  }
}

/** Where the page is that was uploaded as an artifact: its own address is known only after this step. */
export const whereThePageIs = (
  artifact: string | undefined,
  runUrl: string | undefined,
): string | undefined =>
  artifact === undefined || runUrl === undefined
    ? undefined
    : `The whole report, as a page: artifact ${code(artifact)} of ${link('this run', runUrl)}.`;
