import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { parseRepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import type { Source } from './source.ts';

/** How the commit that we bring stands to the one that is recorded. */
export type Ancestry = 'same' | 'newer' | 'older' | 'diverged' | 'unknown';

/** Answers which of two commits of the source repository is newer. */
export interface SourceHistory {
  /** How our commit stands to `recorded`, a commit of the same repository. */
  compareTo(recorded: Source): Promise<Ancestry>;
}

/** Where no commits are compared. */
export const NO_HISTORY: SourceHistory = { compareTo: () => Promise.resolve('unknown') };

/**
 * Our commit and the hundred before it: in the usual case the recorded one is among them, and the answer is there
 * before it is needed, without a round trip of its own.
 */
export const ANCESTORS_DOCUMENT = `query Ancestors($owner: String!, $name: String!, $commit: GitObjectID!) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit { history(first: 100) { nodes { oid } } } }
  }
}`;

interface AncestorsData {
  readonly repository: {
    readonly object: {
      readonly history?: { readonly nodes: readonly ({ readonly oid: string } | null)[] };
    } | null;
  } | null;
}

/**
 * The history of the source repository on GitHub, as seen by `client`'s token.
 *
 * The first request is sent at once, so that it runs beside the reading of the GitOps repository. A failure of it is
 * no failure yet: it only matters when two commits have to be compared.
 */
export function gitHubSourceHistory(client: GitHubClient, source: Source): SourceHistory {
  const repository = parseRepositoryName(source.repository);
  const ancestors = readAncestors(client, source).catch((error: unknown) => {
    if (error instanceof GitHubError) {
      return new Set<string>();
    }
    throw error;
  });
  // Awaited in compareTo; without this a defect there would end the process before it is asked for.
  ancestors.catch(() => undefined);
  return {
    compareTo: async (recorded) => {
      if (!sameRepositoryName(recorded.repository, source.repository)) {
        return 'unknown';
      }
      if (recorded.commit === source.commit) {
        return 'same';
      }
      if ((await ancestors).has(recorded.commit)) {
        return 'newer';
      }
      try {
        const answer = await client.rest<{ status: string }>('GET /repos/{owner}/{repo}/compare/{basehead}', {
          owner: repository.owner,
          repo: repository.name,
          basehead: `${recorded.commit}...${source.commit}`,
          // Only the status is read; the list of commits and files is not needed.
          per_page: 1,
        });
        return ANCESTRY[answer.data.status] ?? 'unknown';
      } catch (error) {
        if (error instanceof GitHubError && error.fault.kind === 'missing') {
          return 'unknown';
        }
        throw explainFault(error, `compare two commits of ${source.repository}`, {
          denied: `Give a source-token that can read ${source.repository}.`,
        });
      }
    },
  };
}

/** The status of REST's "Compare two commits" is that of the head (ours) against the base (the recorded one). */
const ANCESTRY: Readonly<Record<string, Ancestry>> = {
  identical: 'same',
  ahead: 'newer',
  behind: 'older',
  diverged: 'diverged',
};

async function readAncestors(client: GitHubClient, source: Source): Promise<ReadonlySet<string>> {
  const data = await client.graphql<AncestorsData>(ANCESTORS_DOCUMENT, {
    ...parseRepositoryName(source.repository),
    commit: source.commit,
  });
  const nodes = data.repository?.object?.history?.nodes ?? [];
  return new Set(nodes.flatMap((node) => (node === null || node.oid === source.commit ? [] : [node.oid])));
}
