import { type Actor, accountOf } from './accounts.ts';
import { ApiError, notImplemented, unprocessable } from './answers.ts';
import type { CommitObject, Oid, Signature, TreeItem } from './git-objects.ts';
import type { GraphqlContext } from './graphql.ts';
import { mergeable, mergeState, openHead, reviewDecision } from './pull-requests.ts';
import type { Comment, CommitStatus, PullRequest, Repository } from './repository.ts';
import { findRepository, pullById, type World } from './world.ts';

// Objects for graphql-js's default resolvers: a value, or a function called with (arguments, context).

/** GitHub shortens the text of large blobs in GraphQL answers and says so by `isTruncated`. */
const maximumText = 512_000;

interface Page {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

const cursor = (index: number): string => Buffer.from(`cursor:${index}`).toString('base64');
const indexOf = (text: string): number =>
  Number(Buffer.from(text, 'base64').toString('utf8').slice('cursor:'.length));

/** A connection over a list. GitHub demands `first` or `last`, of 100 at most. */
async function connection<T, U>(
  name: string,
  asked: Page,
  items: readonly T[],
  show: (item: T) => U,
): Promise<object> {
  const { from, count } = bounds(name, asked, items.length);
  return pageOf(items.slice(from, from + count).map(show), from, items.length);
}

function bounds(name: string, asked: Page, total: number): { from: number; count: number } {
  const size = asked.first ?? asked.last;
  if (size === null || size === undefined) {
    throw new ApiError(
      422,
      `You must provide a \`first\` or \`last\` value to properly paginate the \`${name}\` connection.`,
    );
  }
  if (size > 100 || size < 0) {
    throw new ApiError(
      422,
      `Requesting ${size} records on the \`${name}\` connection exceeds the \`first\` limit of 100 records.`,
    );
  }
  const start = asked.after ? indexOf(asked.after) + 1 : 0;
  const end = asked.before ? indexOf(asked.before) : total;
  if (asked.first === null || asked.first === undefined)
    return { from: Math.max(start, end - size), count: Math.min(size, end - start) };
  return { from: start, count: Math.min(size, Math.max(0, end - start)) };
}

function pageOf(nodes: readonly unknown[], from: number, total: number): object {
  return {
    nodes,
    totalCount: total,
    pageInfo: {
      startCursor: nodes.length === 0 ? null : cursor(from),
      endCursor: nodes.length === 0 ? null : cursor(from + nodes.length - 1),
      hasNextPage: from + nodes.length < total,
      hasPreviousPage: from > 0,
    },
  };
}

/** Opaque ids: clients must not read them, so they only have to be unique and to lead back. */
export const nodeId = {
  repository: (repository: Repository): string => `R_${repository.id}`,
  ref: (repository: Repository, ref: string): string =>
    `REF_${Buffer.from(`${repository.id}:${ref}`).toString('base64url')}`,
  object: (repository: Repository, kind: string, oid: Oid): string =>
    `${kind}_${Buffer.from(`${repository.id}:${oid}`).toString('base64url')}`,
  pull: (pull: PullRequest): string => `PR_${pull.id}`,
  label: (id: number): string => `LA_${id}`,
  comment: (comment: Comment): string => `IC_${comment.id}`,
};

const unresolved = (id: string): ApiError =>
  new ApiError(404, `Could not resolve to a node with the global id of '${id}'`);

export function repositoryById(context: GraphqlContext, id: string): Repository {
  const found = [...context.world.repositories.values()].find((other) => nodeId.repository(other) === id);
  if (found?.visibleTo(context.actor) !== true) throw unresolved(id);
  return found;
}

export function refById(context: GraphqlContext, id: string): { repository: Repository; ref: string } {
  const text = id.startsWith('REF_') ? Buffer.from(id.slice(4), 'base64url').toString('utf8') : '';
  const repository = [...context.world.repositories.values()].find((other) =>
    text.startsWith(`${other.id}:`),
  );
  if (repository?.visibleTo(context.actor) !== true) throw unresolved(id);
  return { repository, ref: text.slice(text.indexOf(':') + 1) };
}

export function pullByNodeId(
  context: GraphqlContext,
  id: string,
): { repository: Repository; pull: PullRequest } {
  const found = id.startsWith('PR_') ? pullById(context.world, Number(id.slice(3))) : undefined;
  if (found?.repository.visibleTo(context.actor) !== true) throw unresolved(id);
  return found;
}

/** The repository of `owner/name`, or GitHub's NOT_FOUND. */
export function repositoryByName(context: GraphqlContext, fullName: string): Repository {
  const [owner = '', name = ''] = fullName.split('/');
  const found = findRepository(context.world, owner, name);
  if (found?.visibleTo(context.actor) !== true) {
    throw new ApiError(404, `Could not resolve to a Repository with the name '${fullName}'.`);
  }
  return found;
}

const account = (
  world: World,
  { login, type, id }: { login: string; type: 'User' | 'Bot'; id: number },
): object => ({
  __typename: type,
  id: `U_${id}`,
  // GraphQL gives a bot's login without the `[bot]` that REST and git show.
  login: type === 'Bot' ? login.replace(/\[bot\]$/, '') : login,
  url: `${world.url()}/${login}`,
  databaseId: id,
  name: login,
});

const gitActor = ({ name, email, date }: Signature): object => ({
  name,
  email,
  date: date.toISOString().replace('.000', ''),
  user: null,
});

const isoSeconds = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

function gitObjectFields(repository: Repository, kind: string, oid: Oid): object {
  return {
    __typename: kind,
    id: nodeId.object(repository, kind, oid),
    oid,
    abbreviatedOid: oid.slice(0, 7),
    commitUrl: `${repository.url}/commit/${oid}`,
    repository: () => repositoryNode(repository),
  };
}

export async function objectNode(repository: Repository, oid: Oid, path = ''): Promise<object | null> {
  const object = await repository.store.object(oid);
  if (object === undefined) return null;
  if (object.type === 'commit') {
    const commit = await repository.store.commit(oid);
    return commit === undefined ? null : commitNode(repository, commit);
  }
  if (object.type === 'tree') return treeNode(repository, oid, path);
  if (object.type === 'blob') return blobNode(repository, oid, object.size);
  throw notImplemented('annotated tags in GraphQL');
}

function treeNode(repository: Repository, oid: Oid, path: string): object {
  return {
    ...gitObjectFields(repository, 'Tree', oid),
    entries: async () =>
      ((await repository.store.tree(oid)) ?? []).map((item) =>
        entryNode(repository, item, path === '' ? item.name : `${path}/${item.name}`),
      ),
  };
}

function blobNode(repository: Repository, oid: Oid, byteSize: number): object {
  const content = async (): Promise<Buffer> => (await repository.store.blob(oid)) ?? Buffer.alloc(0);
  // Git's own rule: a NUL among the first bytes makes it binary.
  const isBinary = async (): Promise<boolean> => (await content()).subarray(0, 8000).includes(0);
  return {
    ...gitObjectFields(repository, 'Blob', oid),
    byteSize,
    isBinary,
    isTruncated: byteSize > maximumText,
    text: async () =>
      (await isBinary()) ? null : (await content()).subarray(0, maximumText).toString('utf8'),
  };
}

const kinds = { '40000': 'tree', '160000': 'commit' } as const;

function entryNode(repository: Repository, item: TreeItem, path: string): object {
  const type = item.mode === '40000' || item.mode === '160000' ? kinds[item.mode] : 'blob';
  return {
    name: item.name,
    path,
    // The mode as a number: 100644 is 33188.
    mode: Number.parseInt(item.mode, 8),
    type,
    oid: item.oid,
    size: async () => (type === 'blob' ? ((await repository.store.object(item.oid))?.size ?? 0) : 0),
    object: () => (type === 'commit' ? null : objectNode(repository, item.oid, path)),
    repository: () => repositoryNode(repository),
  };
}

export function commitNode(repository: Repository, commit: CommitObject): object {
  const [headline = '', ...rest] = commit.message.split('\n');
  const { store } = repository;
  return {
    ...gitObjectFields(repository, 'Commit', commit.oid),
    url: `${repository.url}/commit/${commit.oid}`,
    message: commit.message,
    messageHeadline: headline,
    messageBody: rest.join('\n').trim(),
    authoredDate: isoSeconds(commit.author.date),
    committedDate: isoSeconds(commit.committer.date),
    author: gitActor(commit.author),
    committer: gitActor(commit.committer),
    tree: () => treeNode(repository, commit.tree, ''),
    file: async ({ path }: { path: string }) => {
      const entry = await store.entry(commit.tree, path.replace(/^\/+|\/+$/g, ''));
      return entry === undefined ? null : entryNode(repository, entry, path.replace(/^\/+|\/+$/g, ''));
    },
    parents: async (asked: Page) => {
      const parents = await Promise.all(commit.parents.map((oid) => store.commit(oid)));
      return connection(
        'parents',
        asked,
        parents.filter((parent) => parent !== undefined),
        (parent) => commitNode(repository, parent),
      );
    },
    // The one that brought it to the default branch; also open ones, where none did (GitHub's documentation).
    associatedPullRequests: async (asked: Page, { world, actor }: GraphqlContext) => {
      repository.demand(actor, 'pull_requests', 'read');
      const found: PullRequest[] = [];
      for (const pull of repository.pulls) {
        const { merged } = pull;
        const brought = merged?.oid === commit.oid || (await broughtBy(repository, pull, commit.oid));
        if (merged === undefined ? pull.state === 'open' && brought : brought) found.push(pull);
      }
      return connection('associatedPullRequests', asked, found, (pull) => pullNode(repository, pull, world));
    },
    history: async (asked: Page & { readonly path?: string }) => {
      const { from, count } = bounds('history', asked, Number.MAX_SAFE_INTEGER);
      const shown: object[] = [];
      let index = 0;
      let more = false;
      for await (const ancestor of store.history(commit.oid)) {
        if (asked.path !== undefined && !(await changesPath(repository, ancestor, asked.path))) continue;
        if (index >= from + count) {
          more = true;
          break;
        }
        if (index >= from) shown.push(commitNode(repository, ancestor));
        index += 1;
      }
      const total = async (): Promise<number> => {
        let all = 0;
        for await (const _ of store.history(commit.oid)) all += 1;
        return all;
      };
      return { ...pageOf(shown, from, more ? Number.MAX_SAFE_INTEGER : index), totalCount: total };
    },
    status: (_: unknown, { actor }: GraphqlContext) => {
      repository.demand(actor, 'statuses', 'read');
      return statusNode(repository, commit.oid);
    },
    repository: () => repositoryNode(repository),
  };
}

/** Whether a commit came to the base with a pull request, or would. */
async function broughtBy(repository: Repository, pull: PullRequest, oid: Oid): Promise<boolean> {
  const { store } = repository;
  const head = await openHead(repository, pull);
  if (!(await store.contains(head, oid))) return false;
  const base =
    pull.merged === undefined
      ? await repository.head(pull.base)
      : (await store.commit(pull.merged.oid))?.parents[0];
  return base === undefined || !(await store.contains(base, oid));
}

/** As `git log -- PATH` lists it: the path differs from every parent's. */
async function changesPath({ store }: Repository, commit: CommitObject, path: string): Promise<boolean> {
  const own = (await store.entry(commit.tree, path))?.oid;
  const parents = await Promise.all(
    commit.parents.map(async (oid) => {
      const parent = await store.commit(oid);
      return parent === undefined ? undefined : (await store.entry(parent.tree, path))?.oid;
    }),
  );
  return parents.length === 0 ? own !== undefined : parents.every((oid) => oid !== own);
}

function statusNode(repository: Repository, oid: Oid): object | null {
  const latest = latestStatuses(repository, oid);
  if (latest.length === 0) return null;
  const states = latest.map(({ state }) => state.toUpperCase());
  const contexts = latest.map((status) => ({
    id: `SC_${status.id}`,
    context: status.context,
    state: status.state.toUpperCase(),
    description: status.description,
    targetUrl: status.targetUrl,
    createdAt: isoSeconds(status.at),
  }));
  return {
    id: nodeId.object(repository, 'ST', oid),
    state: ['ERROR', 'FAILURE', 'PENDING'].find((state) => states.includes(state)) ?? 'SUCCESS',
    contexts,
    context: ({ name }: { name: string }) => contexts.find(({ context }) => context === name) ?? null,
  };
}

/** The newest status of each context on a commit. */
export function latestStatuses(repository: Repository, oid: Oid): CommitStatus[] {
  const byContext = new Map<string, CommitStatus>();
  for (const status of repository.statuses.get(oid) ?? []) byContext.set(status.context, status);
  return [...byContext.values()];
}

export async function refNode(repository: Repository, ref: string): Promise<object | null> {
  const target = await repository.store.refTarget(ref);
  if (target === undefined) return null;
  const [, kind = '', ...name] = ref.split('/');
  return {
    __typename: 'Ref',
    id: nodeId.ref(repository, ref),
    name: name.join('/'),
    prefix: `refs/${kind}/`,
    target: () => objectNode(repository, target.oid),
    associatedPullRequests: (asked: PullRequestsAsked, context: GraphqlContext) =>
      pullConnection(
        'associatedPullRequests',
        repository,
        { ...asked, headRefName: name.join('/') },
        context,
      ),
    repository: () => repositoryNode(repository),
  };
}

export function labelNode(label: { id: number; name: string; color: string }): object {
  return { __typename: 'Label', id: nodeId.label(label.id), name: label.name, color: label.color };
}

export function commentNode(
  repository: Repository,
  pull: PullRequest,
  comment: Comment,
  world: World,
): object {
  return {
    __typename: 'IssueComment',
    id: nodeId.comment(comment),
    databaseId: comment.id,
    body: comment.body,
    url: `${repository.url}/pull/${pull.number}#issuecomment-${comment.id}`,
    author: account(world, comment.author),
    createdAt: isoSeconds(comment.at),
  };
}

export function pullNode(repository: Repository, pull: PullRequest, world: World): object {
  const { merged, autoMerge } = pull;
  return {
    __typename: 'PullRequest',
    id: nodeId.pull(pull),
    databaseId: pull.id,
    number: pull.number,
    title: pull.title,
    body: pull.body ?? '',
    url: `${repository.url}/pull/${pull.number}`,
    state: merged === undefined ? pull.state.toUpperCase() : 'MERGED',
    isDraft: pull.draft,
    // There are no forks here.
    isCrossRepository: false,
    merged: merged !== undefined,
    closed: pull.state === 'closed',
    mergeable: () => mergeable(repository, pull),
    mergeStateStatus: () => mergeState(repository, pull),
    reviewDecision: () => reviewDecision(repository, pull),
    baseRefName: pull.base,
    baseRefOid: async () => (await repository.head(pull.base)) ?? '',
    headRefName: pull.head,
    headRefOid: () => openHead(repository, pull),
    headRef: () => refNode(repository, `refs/heads/${pull.head}`),
    baseRef: () => refNode(repository, `refs/heads/${pull.base}`),
    mergeCommit: () => (merged === undefined ? null : objectNode(repository, merged.oid)),
    mergedAt: merged === undefined ? null : isoSeconds(merged.at),
    author: account(world, pull.author),
    labels: (asked: Page) =>
      connection('labels', asked, pull.labels, (name) => labelNode(repository.label(name))),
    comments: (asked: Page) =>
      connection('comments', asked, pull.comments, (comment) =>
        commentNode(repository, pull, comment, world),
      ),
    autoMergeRequest:
      autoMerge === undefined
        ? null
        : {
            enabledAt: isoSeconds(autoMerge.at),
            enabledBy: account(world, accountOf(autoMerge.by)),
            mergeMethod: autoMerge.method.toUpperCase(),
            commitHeadline: autoMerge.title ?? null,
            commitBody: autoMerge.message ?? null,
          },
    repository: () => repositoryNode(repository),
    createdAt: isoSeconds(pull.createdAt),
  };
}

interface PullRequestsAsked extends Page {
  readonly states?: string[] | null;
  readonly headRefName?: string | null;
  readonly baseRefName?: string | null;
  readonly orderBy?: { field: string; direction: 'ASC' | 'DESC' } | null;
}

function pullConnection(
  name: string,
  repository: Repository,
  asked: PullRequestsAsked,
  { world, actor }: GraphqlContext,
): Promise<object> {
  repository.demand(actor, 'pull_requests', 'read');
  const stateOf = (pull: PullRequest): string =>
    pull.merged === undefined ? pull.state.toUpperCase() : 'MERGED';
  const found = repository.pulls.filter(
    (pull) =>
      (asked.states?.includes(stateOf(pull)) ?? true) &&
      (!asked.headRefName || pull.head === asked.headRefName) &&
      (!asked.baseRefName || pull.base === asked.baseRefName),
  );
  if (asked.orderBy && asked.orderBy.field !== 'CREATED_AT')
    throw notImplemented(`pull requests by ${asked.orderBy.field}`);
  const ordered = asked.orderBy?.direction === 'DESC' ? found.toReversed() : found;
  return connection(name, asked, ordered, (pull) => pullNode(repository, pull, world));
}

const permissionNames = { admin: 'ADMIN', write: 'WRITE', read: 'READ' } as const;

export function repositoryNode(repository: Repository): object {
  const { options, around } = repository;
  const world = { url: around.url } as World;
  const level = (actor: Actor): 'ADMIN' | 'WRITE' | 'READ' | null => {
    const administers = actor.kind === 'user' && repository.roleOf(actor.login) === 'admin';
    const contents = repository.levelOf(actor, 'contents');
    return administers ? 'ADMIN' : contents === undefined ? null : permissionNames[contents];
  };
  return {
    __typename: 'Repository',
    id: nodeId.repository(repository),
    databaseId: repository.id,
    name: repository.name,
    nameWithOwner: repository.fullName,
    owner: account(world, { ...accountOf(around.accounts.user(repository.owner)), type: 'User' }),
    url: repository.url,
    isArchived: () => repository.archived,
    isPrivate: repository.private,
    isEmpty: async () => (await repository.head()) === undefined,
    viewerPermission: (_: unknown, { actor }: GraphqlContext) => level(actor),
    viewerCanAdminister: (_: unknown, { actor }: GraphqlContext) => level(actor) === 'ADMIN',
    defaultBranchRef: (_: unknown, { actor }: GraphqlContext) => {
      repository.demand(actor, 'contents', 'read');
      return refNode(repository, `refs/heads/${repository.defaultBranch}`);
    },
    ref: async ({ qualifiedName }: { qualifiedName: string }, { actor }: GraphqlContext) => {
      repository.demand(actor, 'contents', 'read');
      // A bare name is a branch, then a tag; `HEAD` is not resolved (any more).
      const candidates = qualifiedName.startsWith('refs/')
        ? [qualifiedName]
        : [`refs/${qualifiedName}`, `refs/heads/${qualifiedName}`, `refs/tags/${qualifiedName}`];
      for (const ref of candidates) {
        const found = await refNode(repository, ref);
        if (found !== null) return found;
      }
      return null;
    },
    object: async (asked: { oid?: string | null; expression?: string | null }, { actor }: GraphqlContext) => {
      repository.demand(actor, 'contents', 'read');
      if (asked.oid) return objectNode(repository, asked.oid);
      const [rev = '', path] = (asked.expression ?? '').split(/:(.*)/s);
      if (/[\^~@{}]/.test(rev)) throw notImplemented(`the revision expression ${rev}`);
      const commit = await repository.commitish(rev);
      if (commit === undefined) return null;
      if (path === undefined) return commitNode(repository, commit);
      const inside = path.replace(/\/+$/, '');
      if (inside === '') return treeNode(repository, commit.tree, '');
      const entry = await repository.store.entry(commit.tree, inside);
      return entry === undefined ? null : objectNode(repository, entry.oid, inside);
    },
    pullRequest: ({ number }: { number: number }, { world: all, actor }: GraphqlContext) => {
      repository.demand(actor, 'pull_requests', 'read');
      const pull = repository.pulls.find((other) => other.number === number);
      if (pull === undefined) {
        throw new ApiError(404, `Could not resolve to a PullRequest with the number of ${number}.`);
      }
      return pullNode(repository, pull, all);
    },
    pullRequests: (asked: PullRequestsAsked, context: GraphqlContext) =>
      pullConnection('pullRequests', repository, asked, context),
    labels: (asked: Page & { query?: string | null }) =>
      connection(
        'labels',
        asked,
        [...repository.labels.values()].filter(({ name }) => !asked.query || name.includes(asked.query)),
        labelNode,
      ),
    label: ({ name }: { name: string }) => {
      const label = repository.labels.get(name.toLowerCase());
      return label === undefined ? null : labelNode(label);
    },
    autoMergeAllowed: options.allowAutoMerge ?? false,
    mergeCommitAllowed: options.allowMergeCommit ?? true,
    squashMergeAllowed: options.allowSquashMerge ?? true,
    rebaseMergeAllowed: options.allowRebaseMerge ?? true,
    deleteBranchOnMerge: options.deleteBranchOnMerge ?? false,
  };
}

/** The root of queries. */
export const queries = {
  repository: ({ owner, name }: { owner: string; name: string }, context: GraphqlContext): object =>
    repositoryNode(repositoryByName(context, `${owner}/${name}`)),
  viewer: (_: unknown, { world, actor }: GraphqlContext): object => ({
    ...account(world, accountOf(actor)),
    __typename: 'User',
    // The viewer of an App's token keeps the suffix, unlike other bots in GraphQL.
    login: accountOf(actor).login,
  }),
  rateLimit: (_: unknown, { world }: GraphqlContext): object => ({
    cost: 1,
    limit: 5000,
    nodeCount: 0,
    used: 1,
    remaining: 4999,
    resetAt: isoSeconds(new Date(world.clock().getTime() + 3_600_000)),
  }),
  node: ({ id }: { id: string }, context: GraphqlContext): unknown => {
    if (id.startsWith('R_')) return repositoryNode(repositoryById(context, id));
    if (id.startsWith('PR_')) {
      const { repository, pull } = pullByNodeId(context, id);
      return pullNode(repository, pull, context.world);
    }
    if (id.startsWith('REF_')) {
      const { repository, ref } = refById(context, id);
      return refNode(repository, ref);
    }
    throw unprocessable(`Could not resolve to a node with the global id of '${id}'`, 'NOT_FOUND');
  },
};
