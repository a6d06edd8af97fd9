import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { formatSource, type Source } from '../release/source.ts';
import type { SourceTimes } from './delivery-figures.ts';

/** The query for the dates of many commits of a repository. */
export const commitDatesDocument = (commits: number): string => {
  const indices = Array.from({ length: commits }, (_, index) => index);
  return `query CommitDates($owner: String!, $name: String!${indices
    .map((index) => `, $commit${index}: GitObjectID!`)
    .join('')}) {
  repository(owner: $owner, name: $name) {
    ${indices
      .map((index) => `commit${index}: object(oid: $commit${index}) { ... on Commit { committedDate } }`)
      .join('\n    ')}
  }
}`;
};

const COMMITS_A_QUERY = 100;

/**
 * When source commits were made. A repository that the token cannot read has none: lead times are then counted from the
 * release, and said so.
 *
 * @throws Failure (exit 2) when GitHub does not answer
 */
export async function readSourceTimes(
  client: GitHubClient,
  sources: readonly Source[],
): Promise<SourceTimes> {
  const byRepository = Map.groupBy(
    [...new Map(sources.map((source) => [formatSource(source), source])).values()],
    ({ repository }) => repository,
  );
  const times = new Map<string, Date>();
  for (const [repository, all] of byRepository) {
    for (let from = 0; from < all.length; from += COMMITS_A_QUERY) {
      const part = all.slice(from, from + COMMITS_A_QUERY);
      const dates = await datesOf(client, repository, part);
      for (const [index, source] of part.entries()) {
        const date = dates?.[`commit${index}`]?.committedDate;
        if (date !== undefined) {
          times.set(formatSource(source), new Date(date));
        }
      }
    }
  }
  return times;
}

type Dates = Readonly<Record<string, { readonly committedDate?: string } | null>>;

async function datesOf(
  client: GitHubClient,
  repository: string,
  sources: readonly Source[],
): Promise<Dates | undefined> {
  const { owner, name } = parseRepositoryName(repository);
  try {
    const data = await client.graphql<{ readonly repository: Dates | null }>(
      commitDatesDocument(sources.length),
      { owner, name, ...Object.fromEntries(sources.map(({ commit }, index) => [`commit${index}`, commit])) },
    );
    return data.repository ?? undefined;
  } catch (error) {
    if (error instanceof GitHubError && ['missing', 'denied'].includes(error.fault.kind)) {
      return (error.data as { readonly repository?: Dates | null } | undefined)?.repository ?? undefined;
    }
    throw explainFault(error, `read the dates of commits in ${repository}`);
  }
}
