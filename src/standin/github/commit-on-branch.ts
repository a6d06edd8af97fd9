import { type Actor, authorOf, loginOf, webFlow } from './accounts.ts';
import { ApiError, unprocessable } from './answers.ts';
import type { Oid } from './git-objects.ts';
import { PathConflict, RefMoved } from './git-store.ts';
import type { Repository } from './repository.ts';

/** What `createCommitOnBranch` is asked for. */
export interface CommitOnBranch {
  readonly branch: string;
  readonly expectedHeadOid: string;
  readonly headline: string;
  readonly body?: string | null | undefined;
  readonly additions: readonly { readonly path: string; readonly contents: string }[];
  readonly deletions: readonly { readonly path: string }[];
}

/** Stands for the commit that is to be made, where rules ask for checks on it: it has none yet. */
export const unborn: Oid = 'f'.repeat(40);

/** The whole request; GitHub refuses larger ones. */
const maximumBytes = 40 * 1024 * 1024;

/** A path that git would not let into a tree, or that would leave it. */
export function isBadPath(path: string): boolean {
  const parts = path.split('/');
  return (
    path.includes('\0') ||
    parts.some((part) => ['', '.', '..'].includes(part) || part.toLowerCase() === '.git')
  );
}

/**
 * Makes one signed commit on a branch whose head must be `expectedHeadOid`: all files or none.
 * https://docs.github.com/graphql/reference/mutations#createcommitonbranch
 *
 * Author is the actor, committer and signer GitHub. Additions are written at mode 100644 whatever was there before, and
 * a change of nothing makes an empty commit.
 */
export function commitOnBranch(repository: Repository, actor: Actor, asked: CommitOnBranch): Promise<Oid> {
  const { store } = repository;
  if (actor.kind === 'user' && repository.levelOf(actor, 'contents') === 'read') {
    const message = `${loginOf(actor)} does not have the correct permissions to execute \`CreateCommitOnBranch\``;
    throw new ApiError(403, message);
  }
  repository.demand(actor, 'contents', 'write');
  const size = asked.additions.reduce((sum, { contents }) => sum + contents.length, 0);
  if (size > maximumBytes) throw unprocessable('The total size of the file changes must not exceed 40 MB.');
  const paths = [...asked.additions, ...asked.deletions].map(({ path }) => path);
  if (paths.some(isBadPath)) throw unprocessable('path contains a malformed path component');
  if (new Set(paths).size !== paths.length)
    throw unprocessable('A path appears more than once in the file changes.');
  repository.demandWorkflowPermission(actor, paths);

  return store.exclusively(async () => {
    const ref = `refs/heads/${asked.branch}`;
    const head = await repository.head(asked.branch);
    if (head === undefined) throw new ApiError(404, 'Branch not found');
    const base = head === asked.expectedHeadOid ? await store.commit(head) : undefined;
    if (base === undefined) {
      // The two spaces and the expected (not the actual) id are GitHub's.
      const message = `Expected branch to point to "${asked.expectedHeadOid}" but it did not.  Pull and try again.`;
      throw unprocessable(message, 'STALE_DATA');
    }
    const fastForward = { fastForward: true, signed: true, hasMerges: false };
    await repository.demandRules(actor, ref, head, unborn, fastForward);

    const changes = new Map<string, { mode: '100644'; oid: Oid } | null>();
    for (const { path } of asked.deletions) {
      const entry = await store.entry(base.tree, path);
      if (entry === undefined || entry.mode === '40000') {
        const message = `A path was requested for deletion which does not exist as of commit oid \`${head}\``;
        throw new ApiError(404, message);
      }
      changes.set(path, null);
    }
    for (const { path, contents } of asked.additions) {
      const bytes = Buffer.from(contents, 'base64');
      if (bytes.toString('base64').replaceAll('=', '') !== contents.replaceAll(/[=\s]/g, '')) {
        throw unprocessable(`contents of ${path} are not Base64`);
      }
      changes.set(path, { mode: '100644', oid: await store.write('blob', bytes) });
    }
    const tree = await store.editTree(base.tree, changes).catch((error: unknown) => {
      throw error instanceof PathConflict ? unprocessable(error.message) : error;
    });
    const date = repository.around.clock();
    const message = asked.body ? `${asked.headline}\n\n${asked.body}` : asked.headline;
    const oid = await store.writeCommit(
      { tree, parents: [head], author: authorOf(actor, date), committer: webFlow(date), message },
      repository.around.signingKey.sign,
    );
    try {
      await repository.moveRefs(actor, [{ ref, before: head, after: oid }]);
    } catch (error) {
      // A `git push` came between: the ref's own compare-and-swap says so, in other words.
      if (error instanceof RefMoved) throw unprocessable(error.message, 'STALE_DATA');
      throw error;
    }
    return oid;
  });
}
