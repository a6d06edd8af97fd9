import { createHash } from 'node:crypto';
import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { couldNot } from '../report/failure.ts';
import { decodeText, MAX_FILE_BYTES, notAFile, notText, repositoryPath, tooLarge } from './path.ts';
import type { Tree, TreeEntry } from './tree.ts';

/** A branch of a repository on GitHub; without a branch, the default one. */
export interface BranchTarget {
  readonly repository: RepositoryName;
  readonly branch?: string | undefined;
}

/** One commit of the history behind a head. */
export interface PastCommit {
  readonly oid: string;
  readonly url: string;
  readonly message: string;
}

/** A branch at one commit: what a change is computed from. */
export interface Snapshot {
  readonly tree: Tree;
  /** GitHub's node ID of the repository, for mutations. */
  readonly repositoryId: string;
  readonly branch: string;
  readonly head: string;
  /** The object ID of the head's tree. */
  readonly treeOid: string;
  /** The newest commits up to the head, newest first; only when asked for. */
  readonly history: readonly PastCommit[];
}

interface TreeEntryData {
  readonly mode: number;
  readonly type: string;
  readonly object: {
    readonly oid?: string;
    readonly text?: string | null;
    readonly isBinary?: boolean | null;
    readonly isTruncated?: boolean;
    readonly byteSize?: number;
    readonly entries?: readonly { readonly name: string; readonly mode: number; readonly type: string }[];
  } | null;
}

type CommitData = { readonly oid: string; readonly tree?: { readonly oid: string } } & {
  readonly [alias: `file${number}`]: TreeEntryData | null;
} & { readonly history?: { readonly nodes: readonly (PastCommit | null)[] | null } };

interface SnapshotData {
  readonly repository: {
    readonly id: string;
    readonly isArchived: boolean;
    readonly branch: { readonly name: string; readonly target: CommitData | Record<string, never> } | null;
  } | null;
}

const FILE_FIELDS = `mode type object {
      ... on Blob { oid text isBinary isTruncated byteSize }
      ... on Tree { entries { name mode type } }
    }`;

const variablesOfFiles = (count: number): string =>
  Array.from({ length: count }, (_, index) => `, $path${index}: String!`).join('');

const fieldsOfFiles = (count: number): string =>
  Array.from(
    { length: count },
    (_, index) => `file${index}: file(path: $path${index}) { ${FILE_FIELDS} }`,
  ).join('\n    ');

/**
 * The query for a branch's head and some of its files, together: one answer, so it cannot mix two commits.
 *
 * `Commit.file` and not `Repository.object`, because only a tree entry tells a symbolic link from a file.
 */
export function snapshotDocument(options: {
  readonly files: number;
  readonly defaultBranch: boolean;
  readonly history: boolean;
}): string {
  const branch = options.defaultBranch ? 'defaultBranchRef' : 'ref(qualifiedName: $branch)';
  return `query Snapshot($owner: String!, $name: String!${options.defaultBranch ? '' : ', $branch: String!'}${
    options.history ? ', $depth: Int!' : ''
  }${variablesOfFiles(options.files)}) {
  repository(owner: $owner, name: $name) {
    id
    isArchived
    branch: ${branch} {
      name
      target { ... on Commit {
    oid
    tree { oid }
    ${options.history ? 'history(first: $depth) { nodes { oid url message } }' : ''}
    ${fieldsOfFiles(options.files)}
      } }
    }
  }
}`;
}

/** The query for files at a known commit. */
export function filesDocument(files: number): string {
  return `query Files($owner: String!, $name: String!, $commit: GitObjectID!${variablesOfFiles(files)}) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit {
    oid
    ${fieldsOfFiles(files)}
    } }
  }
}`;
}

/** The query for the names at the root, which `Commit.file` cannot give. */
export const ROOT_DOCUMENT = `query Root($owner: String!, $name: String!, $commit: GitObjectID!) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit { tree { entries { name mode type } } } }
  }
}`;

/**
 * Reads a branch's head and the given files in one request.
 *
 * Other files can be read from the tree later, at the same commit, for a request each.
 *
 * @param files paths that are surely needed; missing ones are no error
 * @param depth how many commits of history to bring; none when left out
 */
export async function readSnapshot(
  client: GitHubClient,
  target: BranchTarget,
  files: readonly string[],
  depth?: number,
): Promise<Snapshot> {
  const { repository, branch } = target;
  const full = formatRepositoryName(repository);
  const paths = [...new Set(files)].map(repositoryPath);
  const document = snapshotDocument({
    files: paths.length,
    defaultBranch: branch === undefined,
    history: depth !== undefined,
  });
  const data = await lenient<SnapshotData>(
    () =>
      client.graphql<SnapshotData>(document, {
        ...repository,
        ...(branch === undefined ? {} : { branch: `refs/heads/${branch}` }),
        ...(depth === undefined ? {} : { depth }),
        ...Object.fromEntries(paths.map((file, index) => [`path${index}`, file])),
      }),
    `read ${full}`,
  );
  if (data.repository === null) {
    throw notFound(full);
  }
  if (data.repository.isArchived) {
    throw couldNot(`The repository ${full} is archived: nothing can be written to it.`, {
      todo: 'Use the repository that Argo CD reads now, or unarchive this one in its settings.',
      reason: 'archived',
    });
  }
  const found = data.repository.branch;
  if (found === null || !('oid' in found.target)) {
    throw couldNot(
      branch === undefined ? `${full} is empty: it has no commit.` : `${full} has no branch ${branch}.`,
      {
        todo: 'Check the branch name; a new repository needs a first commit (kajitori init).',
        reason: 'no-branch',
      },
    );
  }
  const commit = found.target as CommitData;
  const known = new Map(paths.map((file, index) => [file, commit[`file${index}`] ?? null]));
  return {
    tree: gitHubTree(client, repository, commit.oid, known),
    repositoryId: data.repository.id,
    branch: found.name,
    head: commit.oid,
    treeOid: commit.tree?.oid ?? '',
    history: (commit.history?.nodes ?? []).filter((node) => node !== null),
  };
}

/** The tree of a repository on GitHub at a commit; files are fetched when they are first read. */
export function gitHubTree(
  client: GitHubClient,
  repository: RepositoryName,
  commit: string,
  known: ReadonlyMap<string, TreeEntryData | null> = new Map(),
): Tree {
  const entries = new Map(known);
  const entryOf = async (file: string): Promise<TreeEntryData | null> => {
    const cached = entries.get(repositoryPath(file));
    if (cached !== undefined) {
      return cached;
    }
    const data = await lenient(
      () =>
        client.graphql<{ repository: { object: CommitData | null } | null }>(filesDocument(1), {
          ...repository,
          commit,
          path0: file,
        }),
      `read ${file}`,
    );
    const entry = data.repository?.object?.file0 ?? null;
    entries.set(file, entry);
    return entry;
  };
  return {
    name: `${formatRepositoryName(repository)}@${commit.slice(0, 8)}`,
    commit,
    read: async (file) => {
      const entry = await entryOf(file);
      return entry === null ? undefined : textOf(client, repository, file, entry);
    },
    list: async (folder) => {
      if (folder === '') {
        const data = await lenient(
          () =>
            client.graphql<{
              repository: { object: { tree: NonNullable<TreeEntryData['object']> } | null } | null;
            }>(ROOT_DOCUMENT, { ...repository, commit }),
          'read the root folder',
        );
        return toEntries(data.repository?.object?.tree.entries ?? []);
      }
      return toEntries((await entryOf(folder))?.object?.entries ?? []);
    },
  };
}

/** GitHub ends a query that takes more than 10 s. */
const FILES_A_QUERY = 100;

/** The tree of a repository on GitHub at a commit, with many files read by few requests. */
export async function gitHubTreeWith(
  client: GitHubClient,
  repository: RepositoryName,
  commit: string,
  files: readonly string[],
): Promise<Tree> {
  const paths = [...new Set(files)].map(repositoryPath);
  const known = new Map<string, TreeEntryData | null>();
  for (let from = 0; from < paths.length; from += FILES_A_QUERY) {
    const part = paths.slice(from, from + FILES_A_QUERY);
    const data = await lenient(
      () =>
        client.graphql<{ repository: { object: CommitData | null } | null }>(filesDocument(part.length), {
          ...repository,
          commit,
          ...Object.fromEntries(part.map((file, index) => [`path${index}`, file])),
        }),
      `read ${part.length} files`,
    );
    for (const [index, file] of part.entries()) {
      known.set(file, data.repository?.object?.[`file${index}`] ?? null);
    }
  }
  return gitHubTree(client, repository, commit, known);
}

const toEntries = (
  entries: readonly { readonly name: string; readonly mode: number; readonly type: string }[],
): readonly TreeEntry[] =>
  entries
    .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Git's modes: a symbolic link is a blob of mode 120000. */
const SYMLINK_MODE = 0o120000;

function kindOf(entry: { readonly mode: number; readonly type: string }): TreeEntry['kind'] {
  if (entry.mode === SYMLINK_MODE) {
    return 'symlink';
  }
  switch (entry.type) {
    case 'tree':
      return 'folder';
    case 'commit':
      return 'submodule';
    default:
      return 'file';
  }
}

async function textOf(
  client: GitHubClient,
  repository: RepositoryName,
  file: string,
  entry: TreeEntryData,
): Promise<string> {
  const kind = kindOf(entry);
  const blob = entry.object;
  if (kind !== 'file' || blob === null) {
    throw notAFile(file, kind);
  }
  if ((blob.byteSize ?? 0) > MAX_FILE_BYTES) {
    throw tooLarge(file, blob.byteSize ?? 0);
  }
  if (blob.isBinary === true) {
    throw notText(file);
  }
  if (typeof blob.text === 'string' && blobOid(blob.text, blob.oid ?? '') === blob.oid) {
    return blob.text;
  }
  // Truncated, or not the file's own bytes (GitHub transcodes what is not UTF-8): take the bytes themselves.
  const whole = await client.rest<{ content: string }>('GET /repos/{owner}/{repo}/git/blobs/{file_sha}', {
    owner: repository.owner,
    repo: repository.name,
    file_sha: blob.oid,
  });
  return decodeText(file, Buffer.from(whole.data.content, 'base64'));
}

/** The object ID that git gives to a text: what proves that we hold the file byte for byte. */
function blobOid(text: string, like: string): string {
  const bytes = Buffer.from(text);
  return createHash(like.length === 64 ? 'sha256' : 'sha1')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}

const notFound = (full: string) =>
  couldNot(`The repository ${full} was not found, or the token has no access to it.`, {
    todo: `Check the name, and that the GitHub App is installed on ${full} (docs/setup.md).`,
    reason: 'github-missing',
  });

/** GitHub reports what is not there as an error beside the data; null in the data says the same, and is what we read. */
async function lenient<Data>(send: () => Promise<Data>, doing: string): Promise<Data> {
  try {
    return await send();
  } catch (error) {
    if (
      error instanceof GitHubError &&
      error.fault.kind === 'missing' &&
      typeof error.data === 'object' &&
      error.data !== null
    ) {
      return error.data as Data;
    }
    throw explainFault(error, doing);
  }
}
