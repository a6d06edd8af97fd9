import { explainFault, type GitHubClient } from './client.ts';
import { formatRepositoryName, type RepositoryName } from './repository-name.ts';

/** The newest commit status of one name on a commit. */
export interface CommitStatus {
  readonly context: string;
  readonly state: 'pending' | 'success' | 'failure' | 'error';
  readonly description: string;
  readonly url: string | undefined;
  readonly at: Date;
}

/**
 * The query for the statuses of many commits at once. `Commit.status` is null for a commit without any, and its contexts
 * hold the newest status of each name.
 */
export function statusesDocument(commits: number): string {
  const indices = Array.from({ length: commits }, (_, index) => index);
  return `query Statuses($owner: String!, $name: String!${indices
    .map((index) => `, $commit${index}: GitObjectID!`)
    .join('')}) {
  repository(owner: $owner, name: $name) {
    ${indices
      .map(
        (index) => `commit${index}: object(oid: $commit${index}) { ... on Commit {
      status { contexts { context state description targetUrl createdAt } }
    } }`,
      )
      .join('\n    ')}
  }
}`;
}

/** GitHub ends a query that takes more than 10 s; a commit of a big repository has some hundred statuses. */
const COMMITS_A_QUERY = 50;

interface StatusesData {
  readonly repository: {
    readonly [alias: `commit${number}`]: {
      readonly status?: {
        readonly contexts: readonly {
          readonly context: string;
          readonly state: string;
          readonly description: string | null;
          readonly targetUrl: string | null;
          readonly createdAt: string;
        }[];
      } | null;
    } | null;
  } | null;
}

/**
 * The statuses of commits, by commit. A commit that is not there has none.
 *
 * @param commits whole object IDs
 * @throws Failure (exit 2) when GitHub does not answer, or the token may not read them
 */
export async function readStatuses(
  client: GitHubClient,
  repository: RepositoryName,
  commits: readonly string[],
): Promise<ReadonlyMap<string, readonly CommitStatus[]>> {
  const wanted = [...new Set(commits)];
  const parts = Array.from({ length: Math.ceil(wanted.length / COMMITS_A_QUERY) }, (_, index) =>
    wanted.slice(index * COMMITS_A_QUERY, (index + 1) * COMMITS_A_QUERY),
  );
  const answers = await Promise.all(parts.map((part) => readPart(client, repository, part)));
  return new Map(answers.flat());
}

async function readPart(
  client: GitHubClient,
  repository: RepositoryName,
  commits: readonly string[],
): Promise<readonly (readonly [string, readonly CommitStatus[]])[]> {
  const full = formatRepositoryName(repository);
  try {
    const data = await client.graphql<StatusesData>(statusesDocument(commits.length), {
      ...repository,
      ...Object.fromEntries(commits.map((commit, index) => [`commit${index}`, commit])),
    });
    return commits.map((commit, index) => [
      commit,
      (data.repository?.[`commit${index}`]?.status?.contexts ?? []).map((status) => ({
        context: status.context,
        state: stateOf(status.state),
        description: status.description ?? '',
        url: status.targetUrl ?? undefined,
        at: new Date(status.createdAt),
      })),
    ]);
  } catch (error) {
    throw explainFault(error, `read the commit statuses of ${full}`, {
      denied: `Give the GitHub App statuses: write on ${full} (docs/setup.md, "GitHub App").`,
    });
  }
}

/** GraphQL writes states in capitals, and has EXPECTED for a required status that nobody set yet. */
function stateOf(state: string): CommitStatus['state'] {
  switch (state) {
    case 'SUCCESS':
      return 'success';
    case 'FAILURE':
      return 'failure';
    case 'ERROR':
      return 'error';
    default:
      return 'pending';
  }
}
