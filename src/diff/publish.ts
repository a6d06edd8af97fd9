import type { GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import { type StickyOutcome, writeStickyComments } from '../github/sticky-comment.ts';
import { Failure, formatPlace } from '../report/failure.ts';
import { code, link, plain } from '../report/markdown.ts';
import { diffComment, shortened } from './comment.ts';
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

/** A commit of which there is no report, since looking at it failed before there was one. */
export interface NotLookedAt {
  /** The newest commit of the pull request. */
  readonly head: string;
  /** What was thrown: a `Failure`, or a defect of ours. */
  readonly error: unknown;
  readonly runUrl: string | undefined;
}

/**
 * Takes the report of an older commit off the pull request: a reader would take it for the newest one's. In its place stands that
 * nothing is known of the newest commit, why, and what to do. Where there is no older report of ours nothing is written, so that a
 * token that may only read is asked for no more than that.
 *
 * @throws Failure (exit 2) when GitHub does not let us
 */
export async function publishNotLookedAt(
  notLookedAt: NotLookedAt,
  client: GitHubClient,
  { repository, pullRequest, name }: Omit<PublishInputs, 'page'>,
): Promise<StickyOutcome> {
  return writeStickyComments(client, {
    repository,
    pullRequest,
    name: `kajitori:${name}`,
    pages: [],
    whenEmpty: notLookedAtText(notLookedAt),
  });
}

function notLookedAtText({ head, error, runUrl }: NotLookedAt): string {
  const { at, message, todo } =
    error instanceof Failure
      ? error
      : {
          at: undefined,
          message: `This is a defect of Kajitori, please report it: ${error instanceof Error ? error.message : String(error)}`,
          todo: undefined,
        };
  const where = at === undefined ? '' : `${code(formatPlace(at))}: `;
  const next = todo === undefined ? '' : ` → ${plain(todo)}`;
  const run = runUrl === undefined ? '' : ` ${link('The run that failed', runUrl)} has the details.`;
  return [
    `## Not checked: commit ${code(head.slice(0, 12))} could not be looked at`,
    '**What this pull request changes in the clusters is not known.** Mend this first:',
    `- ${where}${plain(shortened(message))}${next}`,
    `<sub>The report that stood here was of an older commit.${run}</sub>`,
  ].join('\n\n');
}

/** Where the page is that was uploaded as an artifact: its own address is known only after this step. */
export const whereThePageIs = (
  artifact: string | undefined,
  runUrl: string | undefined,
): string | undefined =>
  artifact === undefined || runUrl === undefined
    ? undefined
    : `The whole report, as a page: artifact ${code(artifact)} of ${link('this run', runUrl)}.`;
