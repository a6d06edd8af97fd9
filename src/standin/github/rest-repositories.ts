import type { components } from '@octokit/openapi-types';
import { type Actor, atLeast } from './accounts.ts';
import { ApiError, notFound, ok, page, slice, unprocessable } from './answers.ts';
import type { CommitObject } from './git-objects.ts';
import { ownCommits } from './pull-requests.ts';
import type { Repository } from './repository.ts';
import { type Route, repositoryRoute } from './rest.ts';

type Schemas = components['schemas'];

/** The parts of a repository that the stand-in knows; addresses of other endpoints are left out. */
export function repositoryAnswer(repository: Repository, actor: Actor) {
  const { options } = repository;
  const level = repository.levelOf(actor, 'contents');
  const administers = actor.kind === 'user' && repository.roleOf(actor.login) === 'admin';
  return {
    id: repository.id,
    node_id: `R_${repository.id}`,
    name: repository.name,
    full_name: repository.fullName,
    private: repository.private,
    visibility: repository.private ? 'private' : 'public',
    html_url: repository.url,
    clone_url: `${repository.url}.git`,
    url: `${repository.around.url()}/api/v3/repos/${repository.fullName}`,
    default_branch: repository.defaultBranch,
    archived: repository.archived,
    disabled: false,
    fork: false,
    allow_auto_merge: options.allowAutoMerge ?? false,
    allow_merge_commit: options.allowMergeCommit ?? true,
    allow_squash_merge: options.allowSquashMerge ?? true,
    allow_rebase_merge: options.allowRebaseMerge ?? true,
    delete_branch_on_merge: options.deleteBranchOnMerge ?? false,
    permissions: {
      admin: administers,
      maintain: administers,
      push: atLeast(level, 'write'),
      triage: atLeast(level, 'write'),
      pull: level !== undefined,
    },
  } satisfies Partial<Schemas['full-repository']>;
}

const seconds = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

/** A commit as GET /repos/{owner}/{repo}/git/commits/{sha} shows it. */
export function gitCommitAnswer(repository: Repository, commit: CommitObject) {
  const api = `${repository.around.url()}/api/v3/repos/${repository.fullName}`;
  const verified = repository.isVerified(commit);
  const who = ({ name, email, date }: CommitObject['author']) => ({ name, email, date: seconds(date) });
  return {
    sha: commit.oid,
    node_id: `C_${commit.oid}`,
    url: `${api}/git/commits/${commit.oid}`,
    html_url: `${repository.url}/commit/${commit.oid}`,
    author: who(commit.author),
    committer: who(commit.committer),
    message: commit.message,
    tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${api}/git/commits/${sha}`,
      html_url: `${repository.url}/commit/${sha}`,
    })),
    verification: {
      verified,
      reason: verified ? 'valid' : commit.signature === undefined ? 'unsigned' : 'unknown_key',
      signature: commit.signature ?? null,
      payload: commit.signature === undefined ? null : commit.payload,
      verified_at: verified ? seconds(commit.committer.date) : null,
    },
  } satisfies Schemas['git-commit'];
}

/** A commit as GET /repos/{owner}/{repo}/commits/{ref} shows it, without its files. */
export function commitAnswer(repository: Repository, commit: CommitObject) {
  const { sha, node_id, url, html_url, parents, ...git } = gitCommitAnswer(repository, commit);
  return { sha, node_id, url, html_url, parents, commit: git, author: null, committer: null };
}

/** What a commit changed against its first parent, without patches; renames are a removal and an addition here. */
async function changedFiles(repository: Repository, commit: CommitObject) {
  const oids = async (tree: string | undefined): Promise<Map<string, string>> => {
    const found = new Map<string, string>();
    if (tree !== undefined) {
      for await (const { path, item } of repository.store.files(tree)) found.set(path, item.oid);
    }
    return found;
  };
  const [first] = commit.parents;
  const parent = first === undefined ? undefined : await repository.store.commit(first);
  const [before, after] = await Promise.all([oids(parent?.tree), oids(commit.tree)]);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .toSorted()
    .map((filename) => ({
      filename,
      sha: after.get(filename) ?? before.get(filename),
      status: !before.has(filename) ? 'added' : after.has(filename) ? 'modified' : 'removed',
    }));
}

async function compare(repository: Repository, basehead: string, actor: Actor) {
  repository.demand(actor, 'contents', 'read');
  const [from, to] = basehead.split('...');
  if (from === undefined || to === undefined) throw notFound();
  const [base, head] = await Promise.all([repository.commitish(from), repository.commitish(to)]);
  if (base === undefined || head === undefined) throw notFound();
  const { store } = repository;
  const { status, ahead, behind, mergeBase } = await store.compare(base.oid, head.oid);
  const merged = mergeBase === undefined ? undefined : await store.commit(mergeBase);
  // Unrelated histories have nothing to compare.
  if (merged === undefined) throw new ApiError(404, 'No common ancestor between them.');
  const commits: CommitObject[] = [];
  if (ahead > 0) {
    commits.push(...(await ownCommits(repository, base.oid, head.oid)).slice(-250));
  }
  return ok({
    status,
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    base_commit: commitAnswer(repository, base),
    merge_base_commit: commitAnswer(repository, merged),
    commits: commits.map((commit) => commitAnswer(repository, commit)),
  });
}

export const repositoryRoutes: readonly Route[] = [
  repositoryRoute('GET', '', (repository, { actor }) => ok(repositoryAnswer(repository, actor))),
  repositoryRoute('GET', '/compare/{basehead+}', (repository, { actor, parameters }) =>
    compare(repository, parameters.basehead ?? '', actor),
  ),
  repositoryRoute('GET', '/commits', async (repository, { actor, url }) => {
    repository.demand(actor, 'contents', 'read');
    for (const name of ['path', 'author', 'since', 'until', 'committer']) {
      if (url.searchParams.has(name))
        throw new ApiError(501, `The stand-in does not filter commits by ${name}.`);
    }
    const start = await repository.commitish(url.searchParams.get('sha') ?? repository.defaultBranch);
    if (start === undefined) throw notFound();
    const commits: CommitObject[] = [];
    for await (const commit of repository.store.history(start.oid)) commits.push(commit);
    return page(
      commits.map((commit) => commitAnswer(repository, commit)),
      url,
    );
  }),
  repositoryRoute('GET', '/commits/{ref+}', async (repository, { actor, parameters, url }) => {
    repository.demand(actor, 'contents', 'read');
    const commit = await repository.commitish(parameters.ref ?? '');
    if (commit === undefined) throw unprocessable(`No commit found for SHA: ${parameters.ref}`);
    const files = await changedFiles(repository, commit);
    const { shown, headers } = slice(files, url);
    return { status: 200, headers, body: { ...commitAnswer(repository, commit), files: shown } };
  }),
];
