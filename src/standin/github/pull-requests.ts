import { type Actor, accountOf, authorOf, loginOf, webFlow } from './accounts.ts';
import { ApiError, invalid, unprocessable } from './answers.ts';
import { codeOwnersPaths, ownersOf, parseCodeOwners } from './code-owners.ts';
import { type CommitObject, noOid, type Oid } from './git-objects.ts';
import { git } from './git-process.ts';
import type { PullRequest, Repository } from './repository.ts';
import {
  applying,
  brokenByMerge,
  clean,
  type MergeFacts,
  requiredContexts,
  type Violations,
  wording,
} from './rules.ts';

export type MergeMethod = 'merge' | 'squash' | 'rebase';

/** The head of a pull request: its branch while it is open, else where it was closed. */
export async function openHead(repository: Repository, pull: PullRequest): Promise<Oid> {
  if (pull.state === 'open') pull.headOid = (await repository.head(pull.head)) ?? pull.headOid;
  return pull.headOid;
}

/** Opens a pull request within one repository. Refuses with the 422s of POST /repos/{owner}/{repo}/pulls. */
export async function openPullRequest(
  repository: Repository,
  actor: Actor,
  asked: { title: string; head: string; base: string; body?: string | null; draft?: boolean },
): Promise<PullRequest> {
  repository.demand(actor, 'pull_requests', 'write');
  if (actor.kind === 'actions-token' && repository.options.actionsMayCreatePullRequests !== true) {
    throw new ApiError(403, 'GitHub Actions is not permitted to create or approve pull requests.');
  }
  if (asked.title.trim() === '') {
    throw invalid({ resource: 'PullRequest', code: 'missing_field', field: 'title' });
  }
  const prefix = `${repository.owner}:`;
  const head = asked.head.startsWith(prefix) ? asked.head.slice(prefix.length) : asked.head;
  return repository.store.exclusively(async () => {
    const [headOid, baseOid] = await Promise.all([repository.head(head), repository.head(asked.base)]);
    if (headOid === undefined) throw invalid({ resource: 'PullRequest', field: 'head', code: 'invalid' });
    if (baseOid === undefined) throw invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
    const same = repository.pulls.find(
      (pull) => pull.state === 'open' && pull.head === head && pull.base === asked.base,
    );
    if (same !== undefined) {
      const message = `A pull request already exists for ${repository.owner}:${head}.`;
      throw invalid({ resource: 'PullRequest', code: 'custom', message });
    }
    const { ahead } = await repository.store.compare(baseOid, headOid);
    if (ahead === 0) {
      const message = `No commits between ${asked.base} and ${head}`;
      throw invalid({ resource: 'PullRequest', code: 'custom', message });
    }
    const now = repository.around.clock();
    const pull: PullRequest = {
      number: repository.pulls.length + 1,
      id: repository.around.accounts.nextId(),
      title: asked.title,
      body: asked.body ?? null,
      state: 'open',
      draft: asked.draft ?? false,
      base: asked.base,
      head,
      headOid,
      author: accountOf(actor),
      createdAt: now,
      updatedAt: now,
      labels: [],
      comments: [],
      reviews: [],
      merged: undefined,
      autoMerge: undefined,
    };
    repository.pulls.push(pull);
    await repository.store.moveRefs([
      { ref: `refs/pull/${pull.number}/head`, before: undefined, after: headOid },
    ]);
    repository.record('pull_request', `refs/pull/${pull.number}/merge`, headOid, actor);
    return pull;
  });
}

/** The changed paths of a pull request, from the merge base. */
async function changedPaths(repository: Repository, base: Oid, head: Oid): Promise<string[]> {
  const { out } = await git(repository.store.folder, [
    'diff',
    '--name-only',
    '--no-renames',
    '-z',
    `${base}...${head}`,
  ]);
  return out.split('\0').filter((path) => path !== '');
}

/** What the rules of the base branch have to know of this pull request. */
async function mergeFacts(
  repository: Repository,
  pull: PullRequest,
  method: MergeMethod,
): Promise<MergeFacts> {
  const head = await openHead(repository, pull);
  const base = (await repository.head(pull.base)) ?? noOid;
  const dismissesStale = applying(repository.rulesets, pull.base, repository.defaultBranch).some(
    ({ rules }) =>
      rules.some(
        (rule) => rule.type === 'pull_request' && rule.parameters?.dismiss_stale_reviews_on_push === true,
      ),
  );
  const valid = pull.reviews.filter(({ commit }) => !dismissesStale || commit === head);
  const latest = new Map(valid.map((review) => [review.user, review]));
  const counting = [...latest.values()].filter(
    ({ user }) => user !== pull.author.login && ['write', 'admin'].includes(repository.roleOf(user) ?? ''),
  );
  const approvers = counting.filter(({ state }) => state === 'APPROVED').map(({ user }) => user);
  return {
    branch: pull.base,
    approvals: approvers.length,
    changesRequested: counting.some(({ state }) => state === 'CHANGES_REQUESTED'),
    missingOwners: await missingOwners(repository, pull, base, head, approvers),
    isGreen: (context) => repository.isGreen(head, context),
    hasFailed: (context) => repository.checkState(head, context) === 'failure',
    upToDate: await repository.store.contains(head, base),
    method,
  };
}

/** Code owners are people and teams. A GitHub App is never one, whatever CODEOWNERS says. */
async function missingOwners(
  repository: Repository,
  pull: PullRequest,
  base: Oid,
  head: Oid,
  approvers: readonly string[],
): Promise<(readonly string[])[]> {
  let text: string | undefined;
  for (const path of codeOwnersPaths) text ??= await repository.readFile(path, pull.base);
  if (text === undefined) return [];
  const rules = parseCodeOwners(text);
  const covers = (owner: string): boolean => {
    if (!owner.includes('/')) return approvers.some((login) => login.toLowerCase() === owner.toLowerCase());
    return approvers.some((login) =>
      repository.teamsOf(login).some((team) => `${team.organization}/${team.slug}` === owner),
    );
  };
  const groups = new Map<string, readonly string[]>();
  for (const path of await changedPaths(repository, base, head)) {
    const owners = ownersOf(rules, path);
    if (owners.length > 0 && !owners.some(covers)) groups.set(owners.join(' '), owners);
  }
  return [...groups.values()];
}

async function missingForMerge(
  repository: Repository,
  pull: PullRequest,
  method: MergeMethod,
  actor?: Actor,
  mayBypass = false,
): Promise<Violations> {
  const rulesets = applying(repository.rulesets, pull.base, repository.defaultBranch);
  const protection = repository.protection.get(pull.base);
  if (rulesets.length === 0 && protection === undefined) return { rulesets: [], classic: [] };
  const facts = await mergeFacts(repository, pull, method);
  const who = actor === undefined ? undefined : repository.ruleActor(actor);
  return brokenByMerge(rulesets, protection, facts, who, mayBypass);
}

/** The tree of the merge; undefined where it conflicts. */
async function mergedTree(repository: Repository, base: Oid, head: Oid): Promise<Oid | undefined> {
  const { store } = repository;
  if (await store.contains(head, base)) return (await store.commit(head))?.tree;
  return store.mergeTree(base, head);
}

export async function mergeable(
  repository: Repository,
  pull: PullRequest,
): Promise<'MERGEABLE' | 'CONFLICTING' | 'UNKNOWN'> {
  if (pull.state !== 'open') return 'UNKNOWN';
  const base = await repository.head(pull.base);
  if (base === undefined) return 'CONFLICTING';
  return (await mergedTree(repository, base, await openHead(repository, pull))) === undefined
    ? 'CONFLICTING'
    : 'MERGEABLE';
}

/** https://docs.github.com/graphql/reference/enums#mergestatestatus */
export async function mergeState(
  repository: Repository,
  pull: PullRequest,
): Promise<'CLEAN' | 'BLOCKED' | 'BEHIND' | 'DIRTY' | 'UNSTABLE' | 'DRAFT' | 'UNKNOWN'> {
  if (pull.state !== 'open') return 'UNKNOWN';
  if (pull.draft) return 'DRAFT';
  if ((await mergeable(repository, pull)) === 'CONFLICTING') return 'DIRTY';
  const missing = await missingForMerge(repository, pull, allowedMethod(repository));
  if (!clean(missing)) return 'BLOCKED';
  const head = await openHead(repository, pull);
  const rulesets = applying(repository.rulesets, pull.base, repository.defaultBranch);
  const required = requiredContexts(rulesets, repository.protection.get(pull.base));
  const known = new Set([
    ...(repository.statuses.get(head) ?? []).map(({ context }) => context),
    ...repository.checkRuns.filter(({ headSha }) => headSha === head).map(({ name }) => name),
  ]);
  const optional = [...known].filter((context) => !required.includes(context));
  return optional.some((context) => !repository.isGreen(head, context)) ? 'UNSTABLE' : 'CLEAN';
}

export async function reviewDecision(
  repository: Repository,
  pull: PullRequest,
): Promise<'APPROVED' | 'CHANGES_REQUESTED' | 'REVIEW_REQUIRED' | null> {
  const rulesets = applying(repository.rulesets, pull.base, repository.defaultBranch);
  const protection = repository.protection.get(pull.base);
  const wantsReview =
    protection?.pullRequest !== undefined ||
    rulesets.some(({ rules }) => rules.some(({ type }) => type === 'pull_request'));
  if (!wantsReview) return null;
  const { rulesets: said, classic } = await missingForMerge(
    repository,
    pull,
    allowedMethod(repository),
    undefined,
  );
  const sentences = [...said, ...classic];
  if (sentences.includes('Changes have been requested.')) return 'CHANGES_REQUESTED';
  return sentences.some((sentence) => /review/.test(sentence)) ? 'REVIEW_REQUIRED' : 'APPROVED';
}

export function methodAllowed(repository: Repository, method: MergeMethod): boolean {
  const { allowMergeCommit, allowSquashMerge, allowRebaseMerge } = repository.options;
  return {
    merge: allowMergeCommit ?? true,
    squash: allowSquashMerge ?? true,
    rebase: allowRebaseMerge ?? true,
  }[method];
}

const allowedMethod = (repository: Repository): MergeMethod =>
  (['merge', 'squash', 'rebase'] as const).find((method) => methodAllowed(repository, method)) ?? 'merge';

const methodNames = { merge: 'Merge commits', squash: 'Squash merges', rebase: 'Rebase merges' };

export interface MergeRequest {
  readonly method: MergeMethod;
  readonly expectedHead?: Oid | undefined;
  readonly title?: string | undefined;
  readonly message?: string | undefined;
}

/**
 * Merges a pull request, as PUT /repos/{owner}/{repo}/pulls/{number}/merge: 405 when it cannot be merged (rules
 * included), 409 when its head is not the expected one.
 */
export async function mergePullRequest(
  repository: Repository,
  actor: Actor,
  pull: PullRequest,
  asked: MergeRequest,
  automatic = false,
): Promise<Oid> {
  if (!automatic) repository.demand(actor, 'contents', 'write');
  return repository.store.exclusively(async () => {
    if (pull.state !== 'open' || pull.draft) throw new ApiError(405, 'Pull Request is not mergeable');
    if (!methodAllowed(repository, asked.method)) {
      throw new ApiError(405, `${methodNames[asked.method]} are not allowed on this repository.`);
    }
    const head = await openHead(repository, pull);
    if (asked.expectedHead !== undefined && asked.expectedHead !== head) {
      throw new ApiError(409, 'Head branch was modified. Review and try the merge again.');
    }
    const base = (await repository.head(pull.base)) ?? noOid;
    const tree = base === noOid ? undefined : await mergedTree(repository, base, head);
    if (tree === undefined) throw new ApiError(405, 'Pull Request is not mergeable');
    // Auto-merge waits for all rules: it ignores who might bypass them.
    const missing = await missingForMerge(repository, pull, asked.method, actor, !automatic);
    if (!clean(missing)) throw new ApiError(405, wording(missing));
    const oid = await writeMerge(repository, actor, pull, { ...asked, base, head, tree });
    await repository.moveRefs(actor, [{ ref: `refs/heads/${pull.base}`, before: base, after: oid }]);
    const now = repository.around.clock();
    pull.merged = { at: now, oid, by: loginOf(actor) };
    pull.state = 'closed';
    pull.updatedAt = now;
    pull.autoMerge = undefined;
    if (repository.options.deleteBranchOnMerge === true) {
      await repository.store.moveRefs([{ ref: `refs/heads/${pull.head}`, before: head, after: noOid }]);
    }
    return oid;
  });
}

async function writeMerge(
  repository: Repository,
  actor: Actor,
  pull: PullRequest,
  merge: MergeRequest & { base: Oid; head: Oid; tree: Oid },
): Promise<Oid> {
  const { store, around } = repository;
  const date = around.clock();
  const { sign } = around.signingKey;
  const own = await ownCommits(repository, merge.base, merge.head);
  if (merge.method === 'rebase') {
    const upToDate = await store.contains(merge.head, merge.base);
    if (!upToDate && own.length !== 1)
      throw new ApiError(501, 'The stand-in rebases one commit, or what needs no rebasing.');
    let parent = merge.base;
    for (const commit of own) {
      const tree = upToDate ? commit.tree : merge.tree;
      const { author, message } = commit;
      parent = await store.writeCommit({
        tree,
        parents: [parent],
        author,
        committer: webFlow(date),
        message,
      });
    }
    return parent;
  }
  const title =
    merge.title ??
    (merge.method === 'squash'
      ? `${pull.title} (#${pull.number})`
      : `Merge pull request #${pull.number} from ${repository.owner}/${pull.head}`);
  const single = own.length === 1 ? own[0]?.message.split('\n').slice(1).join('\n').trim() : undefined;
  const body = merge.message ?? (merge.method === 'merge' ? pull.title : (single ?? listOf(own)));
  const message = body === '' ? title : `${title}\n\n${body}`;
  const squashAuthor = merge.method === 'squash' ? own[0]?.author : undefined;
  const author = squashAuthor === undefined ? authorOf(actor, date) : { ...squashAuthor, date };
  const parents = merge.method === 'squash' ? [merge.base] : [merge.base, merge.head];
  return store.writeCommit({ tree: merge.tree, parents, author, committer: webFlow(date), message }, sign);
}

const listOf = (commits: readonly CommitObject[]): string =>
  commits.map(({ message }) => `* ${message.trim()}`).join('\n\n');

/** The commits of a pull request, oldest first. */
export async function ownCommits(repository: Repository, base: Oid, head: Oid): Promise<CommitObject[]> {
  const { out } = await git(repository.store.folder, [
    'rev-list',
    '--reverse',
    '--topo-order',
    `${base}..${head}`,
  ]);
  const commits = await Promise.all(
    out
      .split('\n')
      .filter((oid) => oid !== '')
      .map((oid) => repository.store.commit(oid)),
  );
  return commits.filter((commit) => commit !== undefined);
}

/** Turns auto-merge on. Refuses where there is nothing to wait for, as GitHub does. */
export async function enableAutoMerge(
  repository: Repository,
  actor: Actor,
  pull: PullRequest,
  asked: MergeRequest,
): Promise<void> {
  repository.demand(actor, 'contents', 'write');
  repository.demand(actor, 'pull_requests', 'write');
  if (repository.options.allowAutoMerge !== true) {
    throw unprocessable('Auto merge is not allowed for this repository');
  }
  if (asked.expectedHead !== undefined && asked.expectedHead !== (await openHead(repository, pull))) {
    throw unprocessable('Head branch was modified. Review and try the merge again.');
  }
  if (!methodAllowed(repository, asked.method)) {
    throw unprocessable(`${methodNames[asked.method]} are not allowed on this repository.`);
  }
  if (pull.autoMerge !== undefined) throw unprocessable('Pull request Auto merge is already enabled');
  const state = await mergeState(repository, pull);
  // The doubled words are GitHub's.
  if (state !== 'BLOCKED')
    throw unprocessable(`Pull request Pull request is in ${state.toLowerCase()} status`);
  pull.autoMerge = {
    method: asked.method,
    by: actor,
    at: repository.around.clock(),
    ...(asked.title === undefined ? {} : { title: asked.title }),
    ...(asked.message === undefined ? {} : { message: asked.message }),
  };
}

/** Turns auto-merge off. Refuses where it is not on, or has merged already. */
export function disableAutoMerge(repository: Repository, actor: Actor, pull: PullRequest): void {
  repository.demand(actor, 'pull_requests', 'write');
  if (pull.state !== 'open' || pull.autoMerge === undefined) {
    throw unprocessable("Can't disable auto-merge for this pull request.");
  }
  pull.autoMerge = undefined;
}

/** Keeps `refs/pull/N/head` of open pull requests at their branches, as GitHub does. */
export async function followBranches(repository: Repository): Promise<void> {
  for (const pull of repository.pulls) {
    if (pull.state !== 'open') continue;
    const ref = `refs/pull/${pull.number}/head`;
    const head = await openHead(repository, pull);
    if ((await repository.store.resolve(ref)) === head) continue;
    await repository.store.exclusively(() =>
      repository.store.moveRefs([{ ref, before: undefined, after: head }]),
    );
  }
}

/** Merges what waits for it and lacks nothing any more. Called when a status, a review or a branch changed. */
export async function runAutoMerge(repository: Repository): Promise<void> {
  for (const pull of repository.pulls) {
    const { autoMerge } = pull;
    if (pull.state !== 'open' || autoMerge === undefined) continue;
    const missing = await missingForMerge(repository, pull, autoMerge.method, autoMerge.by);
    if (!clean(missing) || (await mergeable(repository, pull)) !== 'MERGEABLE') continue;
    await mergePullRequest(repository, autoMerge.by, pull, autoMerge, true);
  }
}
