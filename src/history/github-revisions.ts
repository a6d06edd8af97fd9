import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { couldNot } from '../report/failure.ts';
import { repositoryPath } from '../repository/path.ts';
import {
  asMerged,
  type FoundRevisions,
  type Revision,
  type RevisionBounds,
  type Revisions,
  reaches,
  upTo,
} from './revisions.ts';

/**
 * Commits that changed a path, with files at each of them: one query a page. `history(path:)` lists what
 * `git log -- path` lists: of a merge commit that took what was proposed as it was, the proposed commit only.
 *
 * @param merged also ask by which pull request each reached the branch
 */
export function revisionsDocument(files: number, merged: boolean): string {
  const indices = Array.from({ length: files }, (_, index) => index);
  return `query Revisions($owner: String!, $name: String!, $commit: GitObjectID!, $path: String!, $count: Int!, $after: String${indices
    .map((index) => `, $path${index}: String!`)
    .join('')}) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit {
      history(first: $count, after: $after, path: $path) {
        pageInfo { hasNextPage endCursor }
        nodes {
          ...At
          message
          author { name user { login } }
          ${merged ? 'associatedPullRequests(first: 1) { nodes { mergeCommit { parents(first: 2) { totalCount } ...At } } }' : ''}
        }
      }
    } }
  }
}
fragment At on Commit {
  oid url committedDate
  ${indices
    .map((index) => `file${index}: file(path: $path${index}) { object { ... on Blob { text isTruncated } } }`)
    .join('\n  ')}
}`;
}

interface CommitData {
  readonly oid: string;
  readonly url: string;
  readonly committedDate: string;
  readonly [file: `file${number}`]: {
    readonly object: { readonly text?: string | null; readonly isTruncated?: boolean } | null;
  } | null;
}

type RevisionData = CommitData & {
  readonly message: string;
  readonly author: {
    readonly name: string | null;
    readonly user: { readonly login: string } | null;
  } | null;
  readonly associatedPullRequests?: {
    readonly nodes: readonly ({ readonly mergeCommit: MergeCommitData | null } | null)[] | null;
  } | null;
};

type MergeCommitData = CommitData & { readonly parents: { readonly totalCount: number } };

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
  let mayReadPullRequests = true;
  const page = async (path: string, files: readonly string[], count: number, after?: string) => {
    const ask = (merged: boolean) =>
      client.graphql<RevisionsData>(revisionsDocument(files.length, merged), {
        ...repository,
        commit,
        path: repositoryPath(path),
        count,
        after: after ?? null,
        ...Object.fromEntries(files.map((file, index) => [`path${index}`, repositoryPath(file)])),
      });
    try {
      const merged = mayReadPullRequests;
      const data = await ask(merged).catch((error: unknown) => {
        if (!merged || !(error instanceof GitHubError) || error.fault.kind !== 'denied') throw error;
        // Where proposals are squashed or rebased, every deploy is there all the same.
        mayReadPullRequests = false;
        return ask(false);
      });
      return data.repository?.object?.history;
    } catch (error) {
      throw explainFault(error, `read the history of ${path} in ${formatRepositoryName(repository)}`);
    }
  };
  return {
    changing: async (path, files, { limit, since }: RevisionBounds): Promise<FoundRevisions> => {
      const revisions: ReturnType<typeof revisionOf>[] = [];
      let after: string | undefined;
      for (;;) {
        const count = Math.min(COMMITS_A_PAGE, limit - revisions.length);
        const found = await page(path, files, count, after);
        const nodes = (found?.nodes ?? []).filter((node) => node !== null);
        revisions.push(...nodes.map((node) => revisionOf(node, files)));
        const more = found?.pageInfo.hasNextPage ?? false;
        if (!more || revisions.length >= limit || reaches(revisions, since)) {
          return upTo({ revisions: asMerged(revisions), more }, since);
        }
        after = found?.pageInfo.endCursor ?? undefined;
      }
    },
  };
}

function revisionOf(node: RevisionData, files: readonly string[]): Revision & { readonly isMerged: boolean } {
  const merge = node.associatedPullRequests?.nodes?.[0]?.mergeCommit ?? undefined;
  const isMerged = merge !== undefined && merge.oid !== node.oid && merge.parents.totalCount > 1;
  const at: CommitData = isMerged ? merge : node;
  return {
    isMerged,
    commit: at.oid,
    url: at.url,
    at: new Date(at.committedDate),
    author: node.author?.user?.login ?? node.author?.name ?? 'unknown',
    message: node.message,
    read: async (file) => {
      const blob = at[`file${files.indexOf(file)}`]?.object;
      if (blob?.isTruncated === true) {
        throw couldNot(`The file at ${at.oid.slice(0, 8)} is too large to be read.`, {
          at: { file },
          reason: 'too-large',
        });
      }
      return blob?.text ?? undefined;
    },
  };
}
