import { z } from 'zod';
import { explainFault, type GitHubClient, GitHubError } from './client.ts';
import type { RepositoryName } from './repository-name.ts';

/** Comments of ours on one pull request that are kept up to date: one a page. */
export interface StickyComments {
  readonly repository: RepositoryName;
  readonly pullRequest: number;
  /** What tells these comments from others of ours, like `kajitori:render-diff`. */
  readonly name: string;
  /** Markdown, each at most 65,000 characters. None: those that there are go, but for what `whenEmpty` says. */
  readonly pages: readonly string[];
  /** What takes the place of an older comment when there are no pages; without an older one nothing is written. */
  readonly whenEmpty: string;
}

export interface StickyOutcome {
  readonly created: number;
  readonly updated: number;
  readonly removed: number;
  /** The page of the first comment; undefined when there is none. */
  readonly url: string | undefined;
}

const comment = z.object({
  id: z.number(),
  body: z.string().nullish(),
  html_url: z.string(),
  user: z.object({ login: z.string(), type: z.string().optional() }).nullable(),
});

type Comment = z.output<typeof comment>;

/** GitHub's largest page (docs: "Using pagination in the REST API"). */
const PER_PAGE = 100;

/** More than these nobody has; a loop that does not end is worse than a second comment. */
const MOST_LISTS = 100;

/**
 * Brings the comments of one name to these pages: the ones that are there are edited in place, missing ones are added, extra ones
 * removed, and equal ones left alone, so that nobody is notified of nothing.
 *
 * Only comments that this token's own account wrote are ever touched, with the marker at their beginning: anybody can write our
 * marker.
 *
 * @throws Failure (exit 2) when GitHub does not let us
 */
export async function writeStickyComments(
  client: GitHubClient,
  wanted: StickyComments,
): Promise<StickyOutcome> {
  try {
    return await bring(client, await ownLogin(client), wanted);
  } catch (error) {
    throw explainFault(error, `comment on pull request #${wanted.pullRequest}`, {
      denied:
        'Give the job `permissions: pull-requests: write`. Pull requests from forks get a token that cannot write: read the job summary there.',
    });
  }
}

/** `github-actions[bot]` for a run's own token, `<slug>[bot]` for an App's: REST has no such question for either. */
async function ownLogin(client: GitHubClient): Promise<string> {
  const { viewer } = await client.graphql<{ viewer: { login: string } }>('query { viewer { login } }', {});
  return viewer.login;
}

async function bring(client: GitHubClient, author: string, wanted: StickyComments): Promise<StickyOutcome> {
  const { owner, name: repo } = wanted.repository;
  const marker = (page: number) => `<!-- ${wanted.name} ${page} -->`;
  const all = await listComments(client, wanted);
  const ours = all.filter(
    ({ body, user }) => user?.login === author && (body ?? '').startsWith(`<!-- ${wanted.name} `),
  );
  const pages = wanted.pages.length === 0 && ours.length > 0 ? [wanted.whenEmpty] : wanted.pages;
  let created = 0;
  let updated = 0;
  let url: string | undefined;
  for (const [index, page] of pages.entries()) {
    const body = `${marker(index + 1)}\n${page}`;
    const old = ours[index];
    if (old === undefined) {
      const { data } = await client.rest<Comment>(
        'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
        { owner, repo, issue_number: wanted.pullRequest, body },
        { write: true },
      );
      url ??= data.html_url;
      created += 1;
    } else {
      // GitHub turns line ends of what is stored into those of the web.
      if ((old.body ?? '').replaceAll('\r\n', '\n') !== body) {
        await client.rest('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
          owner,
          repo,
          comment_id: old.id,
          body,
        });
        updated += 1;
      }
      url ??= old.html_url;
    }
  }
  const extra = ours.slice(pages.length);
  for (const { id } of extra) await removeComment(client, wanted.repository, id);
  return { created, updated, removed: extra.length, url };
}

async function listComments(client: GitHubClient, wanted: StickyComments): Promise<readonly Comment[]> {
  const { owner, name: repo } = wanted.repository;
  const found: Comment[] = [];
  for (let page = 1; page <= MOST_LISTS; page += 1) {
    const { data } = await client.rest<unknown>('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
      owner,
      repo,
      issue_number: wanted.pullRequest,
      per_page: PER_PAGE,
      page,
    });
    const comments = z.array(comment).parse(data);
    found.push(...comments);
    if (comments.length < PER_PAGE) break;
  }
  return found;
}

async function removeComment(
  client: GitHubClient,
  { owner, name: repo }: RepositoryName,
  id: number,
): Promise<void> {
  try {
    await client.rest('DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}', {
      owner,
      repo,
      comment_id: id,
    });
  } catch (error) {
    // Somebody was quicker.
    if (!(error instanceof GitHubError) || error.fault.kind !== 'missing') throw error;
  }
}
