import { authorOf, webFlow } from './accounts.ts';
import { type Answer, ApiError, created, notFound, ok, unprocessable } from './answers.ts';
import { isBadPath, unborn } from './commit-on-branch.ts';
import type { TreeItem } from './git-objects.ts';
import type { Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';
import { base64Lines } from './rest-git.ts';
import { gitCommitAnswer } from './rest-repositories.ts';

const entryTypes = {
  '40000': 'dir',
  '120000': 'symlink',
  '160000': 'submodule',
  '100644': 'file',
  '100755': 'file',
} as const;

async function entryAnswer(repository: Repository, path: string, item: TreeItem, ref: string) {
  const url = `${repository.around.url()}/api/v3/repos/${repository.fullName}/contents/${path}?ref=${ref}`;
  const size = item.mode === '40000' ? 0 : ((await repository.store.object(item.oid))?.size ?? 0);
  return {
    type: entryTypes[item.mode],
    name: item.name,
    path,
    sha: item.oid,
    size,
    url,
    html_url: `${repository.url}/blob/${ref}/${path}`,
  };
}

async function read(repository: Repository, { actor, parameters, url }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'read');
  const path = (parameters.path ?? '').replace(/\/$/, '');
  const ref = url.searchParams.get('ref') ?? repository.defaultBranch;
  const commit = await repository.commitish(ref);
  if (commit === undefined) throw new ApiError(404, `No commit found for the ref ${ref}`);
  const { store } = repository;
  const entry =
    path === ''
      ? { mode: '40000' as const, name: '', oid: commit.tree }
      : await store.entry(commit.tree, path);
  if (entry === undefined) throw notFound();
  if (entry.mode === '40000') {
    const items = (await store.tree(entry.oid)) ?? [];
    return ok(
      await Promise.all(
        items.map((item) =>
          entryAnswer(repository, path === '' ? item.name : `${path}/${item.name}`, item, ref),
        ),
      ),
    );
  }
  const answer = await entryAnswer(repository, path, entry, ref);
  const content = await store.blob(entry.oid);
  if (content === undefined) return ok(answer);
  // From 1 MB on the content is left out; the blob endpoint has it.
  if (content.length > 1024 * 1024) return ok({ ...answer, encoding: 'none', content: '' });
  return ok({ ...answer, encoding: 'base64', content: base64Lines(content) });
}

/** PUT /contents/{path}: one file, against the blob it had. 409 when that is stale, 422 when it is missing. */
async function write(repository: Repository, { actor, parameters, body }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'contents', 'write');
  const path = parameters.path ?? '';
  if (isBadPath(path)) throw unprocessable('path contains a malformed path component');
  repository.demandWorkflowPermission(actor, [path]);
  const branch = body.optionalText('branch') ?? repository.defaultBranch;
  const message = body.text('message');
  const content = Buffer.from(body.text('content'), 'base64');
  const expected = body.optionalText('sha');
  body.only('message', 'content', 'sha', 'branch');
  const { store, around } = repository;
  const answer = await store.exclusively(async () => {
    const head = await repository.head(branch);
    const base = head === undefined ? undefined : await store.commit(head);
    if (head === undefined || base === undefined) throw new ApiError(404, `Branch ${branch} not found`);
    const old = await store.entry(base.tree, path);
    if (old !== undefined && expected === undefined)
      throw unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.');
    if (expected !== undefined && old?.oid !== expected)
      throw new ApiError(409, `${path} does not match ${expected}`);
    await repository.demandRules(actor, `refs/heads/${branch}`, head, unborn, direct).catch(asConflict);
    const blob = await store.write('blob', content);
    const tree = await store.editTree(
      base.tree,
      new Map([[path, { mode: old?.mode ?? '100644', oid: blob }]]),
    );
    const date = around.clock();
    const oid = await store.writeCommit(
      { tree, parents: [head], author: authorOf(actor, date), committer: webFlow(date), message },
      around.signingKey.sign,
    );
    await repository.moveRefs(actor, [{ ref: `refs/heads/${branch}`, before: head, after: oid }]);
    const [item, commit] = await Promise.all([store.entry(tree, path), store.commit(oid)]);
    if (item === undefined || commit === undefined) throw new Error(`the commit ${oid} was not written`);
    const shown = {
      content: await entryAnswer(repository, path, item, branch),
      commit: gitCommitAnswer(repository, commit),
    };
    return old === undefined ? created(shown) : ok(shown);
  });
  await repository.afterChange();
  return answer;
}

const direct = { fastForward: true, signed: true, hasMerges: false };

// This endpoint answers broken rules with 409, where the ref endpoints answer 422.
function asConflict(error: unknown): never {
  throw error instanceof ApiError && error.status === 422 ? new ApiError(409, error.message) : error;
}

export const contentRoutes: readonly Route[] = [
  repositoryRoute('GET', '/contents', read),
  repositoryRoute('GET', '/contents/{path+}', read),
  repositoryRoute('PUT', '/contents/{path+}', write),
];
