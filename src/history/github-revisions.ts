import { explainFault, type GitHubClient } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { couldNot } from '../report/failure.ts';
import { repositoryPath } from '../repository/path.ts';
import {
  type FoundRevisions,
  type Revision,
  type RevisionBounds,
  type Revisions,
  reaches,
  upTo,
} from './revisions.ts';

/**
 * Commits that changed a path, with files at each of them: one query a page. `history(path:)` lists what
 * `git log -- path` lists.
 */
export function revisionsDocument(files: number): string {
  const indices = Array.from({ length: files }, (_, index) => index);
  return `query Revisions($owner: String!, $name: String!, $commit: GitObjectID!, $path: String!, $count: Int!, $after: String${indices
    .map((index) => `, $path${index}: String!`)
    .join('')}) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit {
      history(first: $count, after: $after, path: $path) {
        pageInfo { hasNextPage endCursor }
        nodes {
          oid url message committedDate
          author { name user { login } }
          ${indices
            .map(
              (index) =>
                `file${index}: file(path: $path${index}) { object { ... on Blob { text isTruncated } } }`,
            )
            .join('\n          ')}
        }
      }
    } }
  }
}`;
}

interface RevisionData {
  readonly oid: string;
  readonly url: string;
  readonly message: string;
  readonly committedDate: string;
  readonly author: {
    readonly name: string | null;
    readonly user: { readonly login: string } | null;
  } | null;
  readonly [file: `file${number}`]: {
    readonly object: { readonly text?: string | null; readonly isTruncated?: boolean } | null;
  } | null;
}

interface RevisionsData {
  readonly repository: {
    readonly object: {
      readonly history?: {
        readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
        readonly nodes: readonly (RevisionData | null)[] | null;
      };
    } | null;
  } | null;
}

/** GitHub ends a query after 10 s, and each commit brings its files. */
const COMMITS_A_PAGE = 50;

/** The history behind one commit of a repository on GitHub. */
export function gitHubRevisions(client: GitHubClient, repository: RepositoryName, commit: string): Revisions {
  const page = async (path: string, files: readonly string[], count: number, after?: string) => {
    try {
      const data = await client.graphql<RevisionsData>(revisionsDocument(files.length), {
        ...repository,
        commit,
        path: repositoryPath(path),
        count,
        after: after ?? null,
        ...Object.fromEntries(files.map((file, index) => [`path${index}`, repositoryPath(file)])),
      });
      return data.repository?.object?.history;
    } catch (error) {
      throw explainFault(error, `read the history of ${path} in ${formatRepositoryName(repository)}`);
    }
  };
  return {
    changing: async (path, files, { limit, since }: RevisionBounds): Promise<FoundRevisions> => {
      const revisions: Revision[] = [];
      let after: string | undefined;
      for (;;) {
        const count = Math.min(COMMITS_A_PAGE, limit - revisions.length);
        const found = await page(path, files, count, after);
        const nodes = (found?.nodes ?? []).filter((node) => node !== null);
        revisions.push(...nodes.map((node) => revisionOf(node, files)));
        const more = found?.pageInfo.hasNextPage ?? false;
        if (!more || revisions.length >= limit || reaches(revisions, since)) {
          return upTo({ revisions, more }, since);
        }
        after = found?.pageInfo.endCursor ?? undefined;
      }
    },
  };
}

function revisionOf(node: RevisionData, files: readonly string[]): Revision {
  return {
    commit: node.oid,
    url: node.url,
    at: new Date(node.committedDate),
    author: node.author?.user?.login ?? node.author?.name ?? 'unknown',
    message: node.message,
    read: async (file) => {
      const blob = node[`file${files.indexOf(file)}`]?.object;
      if (blob?.isTruncated === true) {
        throw couldNot(`The file at ${node.oid.slice(0, 8)} is too large to be read.`, {
          at: { file },
          reason: 'too-large',
        });
      }
      return blob?.text ?? undefined;
    },
  };
}
