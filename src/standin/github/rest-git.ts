import type { components } from '@octokit/openapi-types';
import { authorOf, isBot, webFlow } from './accounts.ts';
import { type Answer, ApiError, created, noContent, notFound, ok, unprocessable } from './answers.ts';
import { isBadPath } from './commit-on-branch.ts';
import {
  emptyTree,
  type FileMode,
  isOid,
  noOid,
  type Oid,
  type Signature,
  type TreeItem,
} from './git-objects.ts';
import { PathConflict, type TreeChanges } from './git-store.ts';
import { createRef, updateRefs } from './ref-changes.ts';
import type { Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';
import { gitCommitAnswer } from './rest-repositories.ts';

type Schemas = components['schemas'];

const apiOf = (repository: Repository): string =>
  `${repository.around.url()}/api/v3/repos/${repository.fullName}`;

async function refAnswer(repository: Repository, ref: string): Promise<Schemas['git-ref']> {
  const target = await repository.store.refTarget(ref);
  if (target === undefined) throw notFound();
  return {
    ref,
    node_id: `REF_${Buffer.from(`${repository.id}:${ref}`).toString('base64url')}`,
    url: `${apiOf(repository)}/git/${ref}`,
    object: {
      sha: target.oid,
      type: target.type,
      url: `${apiOf(repository)}/git/${target.type}s/${target.oid}`,
    },
  };
}

/** A blob in an answer: base64 in lines of 60, as GitHub gives it. */
export const base64Lines = (content: Buffer): string =>
  content.toString('base64').replaceAll(/.{1,60}/g, '$&\n');

async function readBlob(repository: Repository, { actor, parameters }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'read');
  const sha = parameters.file_sha ?? '';
  const content = await repository.store.blob(sha);
  if (content === undefined) throw notFound();
  return ok({
    sha,
    node_id: `B_${sha}`,
    url: `${apiOf(repository)}/git/blobs/${sha}`,
    size: content.length,
    encoding: 'base64',
    content: base64Lines(content),
  } satisfies Schemas['blob']);
}

async function createBlob(repository: Repository, { actor, body }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'write');
  const encoding = body.optionalText('encoding') ?? 'utf-8';
  if (!['utf-8', 'base64'].includes(encoding)) throw unprocessable(`Unsupported encoding: ${encoding}`);
  const bytes = Buffer.from(body.text('content'), encoding === 'base64' ? 'base64' : 'utf8');
  const sha = await repository.store.write('blob', bytes);
  return created({ sha, url: `${apiOf(repository)}/git/blobs/${sha}` } satisfies Schemas['short-blob']);
}

const typeOf = (mode: FileMode): 'blob' | 'tree' | 'commit' =>
  mode === '40000' ? 'tree' : mode === '160000' ? 'commit' : 'blob';

async function treeAnswer(
  repository: Repository,
  sha: Oid,
  recursive: boolean,
): Promise<Schemas['git-tree']> {
  const { store } = repository;
  const tree: Schemas['git-tree']['tree'] = [];
  const add = async (items: readonly TreeItem[], prefix: string): Promise<void> => {
    for (const { name, mode, oid } of items) {
      const type = typeOf(mode);
      const size = type === 'blob' ? (await store.object(oid))?.size : undefined;
      const url = `${apiOf(repository)}/git/${type}s/${oid}`;
      // REST writes a folder's mode with a leading zero, unlike git.
      const shown = mode === '40000' ? '040000' : mode;
      tree.push({
        path: `${prefix}${name}`,
        mode: shown,
        type,
        sha: oid,
        url,
        ...(size === undefined ? {} : { size }),
      });
      if (recursive && type === 'tree') await add((await store.tree(oid)) ?? [], `${prefix}${name}/`);
    }
  };
  await add((await store.tree(sha)) ?? [], '');
  // https://docs.github.com/rest/git/trees: a recursive listing holds 100,000 entries at most.
  const truncated = tree.length > 100_000;
  return { sha, url: `${apiOf(repository)}/git/trees/${sha}`, truncated, tree: tree.slice(0, 100_000) };
}

async function readTree(repository: Repository, { actor, parameters, url }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'read');
  const asked = parameters.tree_sha ?? '';
  const tree = isOid(asked) && (await repository.store.tree(asked)) !== undefined ? asked : undefined;
  const sha = tree ?? (await repository.commitish(asked))?.tree;
  if (sha === undefined) throw notFound();
  // Any value means yes, `0` and `false` too.
  return ok(await treeAnswer(repository, sha, url.searchParams.has('recursive')));
}

async function createTree(repository: Repository, { actor, body }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'write');
  const { store } = repository;
  const entries = body.optionalRecords('tree');
  if (entries === undefined) throw unprocessable('Invalid request.\n\n"tree" wasn\'t supplied.');
  const baseTree = body.optionalText('base_tree');
  const base = baseTree === undefined ? emptyTree : await treeOf(repository, baseTree);
  const changes = new Map<string, { mode: FileMode; oid: Oid } | null>();
  for (const entry of entries) {
    const { path, mode, sha, content } = entry;
    if (typeof path !== 'string' || isBadPath(path))
      throw unprocessable('tree.path contains a malformed path component');
    const modes = ['100644', '100755', '040000', '160000', '120000'];
    if (typeof mode !== 'string' || !modes.includes(mode)) {
      throw unprocessable('tree.mode must be one of 100644, 100755, 040000, 160000, or 120000');
    }
    if (sha === null) {
      changes.set(path, null);
      continue;
    }
    if (typeof sha === 'string' && typeof content === 'string')
      throw unprocessable('tree.sha and tree.content cannot be specified together');
    const oid =
      typeof content === 'string'
        ? await store.write('blob', Buffer.from(content))
        : typeof sha === 'string'
          ? sha
          : '';
    if (mode !== '160000' && (await store.object(oid)) === undefined)
      throw unprocessable(`tree.sha ${oid} is not a valid ${mode === '040000' ? 'tree' : 'blob'}`);
    changes.set(path, { mode: mode === '040000' ? '40000' : (mode as FileMode), oid });
  }
  const sha = await editTree(repository, base, changes);
  return created(await treeAnswer(repository, sha, false));
}

async function editTree(repository: Repository, base: Oid, changes: TreeChanges): Promise<Oid> {
  const existing = await Promise.all(
    [...changes].map(
      async ([path, change]) => change !== null || (await repository.store.entry(base, path)) !== undefined,
    ),
  );
  if (existing.includes(false)) throw unprocessable('GitRPC::BadObjectState');
  return repository.store.editTree(base, changes).catch((error: unknown) => {
    throw error instanceof PathConflict ? unprocessable(error.message) : error;
  });
}

/** A tree by its own id or a commit's. */
async function treeOf(repository: Repository, sha: string): Promise<Oid> {
  if ((await repository.store.tree(sha)) !== undefined) return sha;
  const commit = await repository.store.commit(sha);
  if (commit === undefined) throw unprocessable('base_tree is not a valid tree');
  return commit.tree;
}

/** Who a request names as author or committer; undefined where it names nobody. */
function personOf(body: RestRequest['body'], field: string, now: Date): Signature | undefined {
  const given = body.optionalRecord(field);
  if (given === undefined) return undefined;
  const { name, email, date } = given;
  if (typeof name !== 'string' || typeof email !== 'string') {
    throw unprocessable(`Invalid request.\n\n"name", "email" weren't supplied.`);
  }
  return { name, email, date: typeof date === 'string' ? new Date(date) : now };
}

async function createCommit(repository: Repository, { actor, body }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'write');
  const { store, around } = repository;
  const tree = body.text('tree');
  if ((await store.tree(tree)) === undefined) throw unprocessable('Tree SHA does not exist');
  const parents = body.optionalTexts('parents') ?? [];
  for (const parent of parents) {
    if ((await store.commit(parent)) === undefined)
      throw unprocessable('Parent SHA does not exist or is not a commit object');
  }
  if (body.get('signature') !== undefined)
    throw new ApiError(501, 'The stand-in takes no signature for commits.');
  const now = around.clock();
  const [author, committer] = [personOf(body, 'author', now), personOf(body, 'committer', now)];
  // GitHub signs what an App or a workflow commits in its own name only.
  const signs = isBot(actor) && author === undefined && committer === undefined;
  const by = author ?? authorOf(actor, now);
  const oid = await store.writeCommit(
    {
      tree,
      parents,
      author: by,
      committer: committer ?? (signs ? webFlow(now) : by),
      message: body.text('message'),
    },
    signs ? around.signingKey.sign : undefined,
  );
  const commit = await store.commit(oid);
  return commit === undefined ? { status: 500 } : created(gitCommitAnswer(repository, commit));
}

export const gitRoutes: readonly Route[] = [
  repositoryRoute('GET', '/git/ref/{ref+}', async (repository, { actor, parameters }) => {
    repository.demand(actor, 'contents', 'read');
    return ok(await refAnswer(repository, `refs/${parameters.ref}`));
  }),
  repositoryRoute('GET', '/git/matching-refs/{ref+}', async (repository, { actor, parameters }) => {
    repository.demand(actor, 'contents', 'read');
    const wanted = `refs/${parameters.ref}`;
    const refs = (await repository.store.refs('refs')).filter(({ ref }) => ref.startsWith(wanted));
    return ok(await Promise.all(refs.map(({ ref }) => refAnswer(repository, ref))));
  }),
  repositoryRoute('POST', '/git/refs', async (repository, { actor, body }) => {
    const ref = body.text('ref');
    await createRef(repository, actor, ref, body.text('sha'));
    return created(await refAnswer(repository, ref));
  }),
  repositoryRoute('PATCH', '/git/refs/{ref+}', async (repository, { actor, parameters, body }) => {
    const ref = `refs/${parameters.ref}`;
    await updateRefs(repository, actor, [
      { ref, after: body.text('sha'), force: body.flag('force') ?? false },
    ]);
    return ok(await refAnswer(repository, ref));
  }),
  repositoryRoute('DELETE', '/git/refs/{ref+}', async (repository, { actor, parameters }) => {
    await updateRefs(repository, actor, [{ ref: `refs/${parameters.ref}`, after: noOid, force: true }]);
    return noContent;
  }),
  repositoryRoute('GET', '/git/blobs/{file_sha}', readBlob),
  repositoryRoute('POST', '/git/blobs', createBlob),
  repositoryRoute('GET', '/git/trees/{tree_sha+}', readTree),
  repositoryRoute('POST', '/git/trees', createTree),
  repositoryRoute('GET', '/git/commits/{commit_sha}', async (repository, { actor, parameters }) => {
    repository.demand(actor, 'contents', 'read');
    const commit = await repository.store.commit(parameters.commit_sha ?? '');
    if (commit === undefined) throw notFound();
    return ok(gitCommitAnswer(repository, commit));
  }),
  repositoryRoute('POST', '/git/commits', createCommit),
  repositoryRoute('GET', '/branches/{branch}', async (repository, { actor, parameters }) => {
    repository.demand(actor, 'contents', 'read');
    const name = parameters.branch ?? '';
    const oid = await repository.head(name);
    if (oid === undefined) throw new ApiError(404, 'Branch not found');
    return ok({ name, commit: { sha: oid }, protected: repository.isProtected(name) });
  }),
];
