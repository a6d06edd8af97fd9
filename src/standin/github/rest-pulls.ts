import { type Answer, ApiError, created, invalid, notFound, ok, page, unprocessable } from './answers.ts';
import {
  type MergeMethod,
  mergeable,
  mergePullRequest,
  mergeState,
  openHead,
  openPullRequest,
  ownCommits,
} from './pull-requests.ts';
import type { PullRequest, Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';
import { commitAnswer } from './rest-repositories.ts';

/** A pull request in lists; `GET` of one adds `merged`, `mergeable` and `mergeable_state`. */
async function pullAnswer(repository: Repository, pull: PullRequest) {
  const head = await openHead(repository, pull);
  const api = `${repository.around.url()}/api/v3/repos/${repository.fullName}`;
  const repo = { full_name: repository.fullName, name: repository.name, id: repository.id };
  const side = (ref: string, sha: string) => ({ label: `${repository.owner}:${ref}`, ref, sha, repo });
  return {
    id: pull.id,
    node_id: `PR_${pull.id}`,
    number: pull.number,
    url: `${api}/pulls/${pull.number}`,
    html_url: `${repository.url}/pull/${pull.number}`,
    state: pull.state,
    locked: false,
    draft: pull.draft,
    title: pull.title,
    body: pull.body,
    user: pull.author,
    labels: pull.labels.map((name) => repository.label(name)),
    head: side(pull.head, head),
    base: side(pull.base, (await repository.head(pull.base)) ?? ''),
    created_at: pull.createdAt.toISOString(),
    updated_at: pull.updatedAt.toISOString(),
    closed_at: pull.state === 'closed' ? pull.updatedAt.toISOString() : null,
    merged_at: pull.merged?.at.toISOString() ?? null,
    merge_commit_sha: pull.merged?.oid ?? null,
    auto_merge: pull.autoMerge === undefined ? null : { merge_method: pull.autoMerge.method },
  };
}

async function wholeAnswer(repository: Repository, pull: PullRequest) {
  const state = await mergeable(repository, pull);
  return {
    ...(await pullAnswer(repository, pull)),
    merged: pull.merged !== undefined,
    mergeable: state === 'UNKNOWN' ? null : state === 'MERGEABLE',
    mergeable_state: (await mergeState(repository, pull)).toLowerCase(),
    merged_by: pull.merged === undefined ? null : { login: pull.merged.by },
  };
}

function pullOf(repository: Repository, { actor, parameters }: RestRequest): PullRequest {
  repository.demand(actor, 'pull_requests', 'read');
  const pull = repository.pulls.find(({ number }) => String(number) === parameters.number);
  if (pull === undefined) throw notFound();
  return pull;
}

async function list(repository: Repository, { actor, url }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'pull_requests', 'read');
  const state = url.searchParams.get('state') ?? 'open';
  const head = url.searchParams.get('head');
  const base = url.searchParams.get('base');
  for (const name of url.searchParams.keys()) {
    if (!['state', 'head', 'base', 'per_page', 'page', 'sort', 'direction'].includes(name)) {
      throw new ApiError(501, `The stand-in does not filter pull requests by ${name}.`);
    }
  }
  const found = repository.pulls
    .filter((pull) => state === 'all' || pull.state === state)
    // `head` is `owner:branch`; without an owner GitHub ignores it and returns everything.
    .filter((pull) => head === null || !head.includes(':') || `${repository.owner}:${pull.head}` === head)
    .filter((pull) => base === null || pull.base === base)
    .toReversed();
  return page(await Promise.all(found.map((pull) => pullAnswer(repository, pull))), url);
}

async function open(repository: Repository, { actor, body }: RestRequest): Promise<Answer> {
  body.only('title', 'head', 'base', 'body', 'draft', 'maintainer_can_modify');
  const pull = await openPullRequest(repository, actor, {
    title: body.text('title'),
    head: body.text('head'),
    base: body.text('base'),
    body: body.optionalText('body') ?? null,
    draft: body.flag('draft') ?? false,
  });
  return created(await wholeAnswer(repository, pull));
}

async function change(repository: Repository, request: RestRequest): Promise<Answer> {
  const pull = pullOf(repository, request);
  const { actor, body } = request;
  repository.demand(actor, 'pull_requests', 'write');
  body.only('title', 'body', 'state', 'base');
  const state = body.optionalText('state');
  if (state !== undefined && state !== 'open' && state !== 'closed') {
    throw invalid({ resource: 'PullRequest', code: 'invalid', field: 'state', value: state });
  }
  if (state === 'open' && pull.merged !== undefined) {
    throw invalid({
      resource: 'PullRequest',
      code: 'custom',
      message: 'state cannot be changed. The pull request was merged.',
    });
  }
  await openHead(repository, pull);
  pull.title = body.optionalText('title') ?? pull.title;
  pull.body = body.optionalText('body') ?? pull.body;
  pull.base = body.optionalText('base') ?? pull.base;
  pull.state = state ?? pull.state;
  pull.updatedAt = repository.around.clock();
  return ok(await wholeAnswer(repository, pull));
}

async function merge(repository: Repository, request: RestRequest): Promise<Answer> {
  const pull = pullOf(repository, request);
  const { actor, body } = request;
  const method = body.optionalText('merge_method') ?? 'merge';
  if (!['merge', 'squash', 'rebase'].includes(method))
    throw invalid({ resource: 'PullRequest', code: 'invalid', field: 'merge_method' });
  const sha = await mergePullRequest(repository, actor, pull, {
    method: method as MergeMethod,
    expectedHead: body.optionalText('sha'),
    title: body.optionalText('commit_title'),
    message: body.optionalText('commit_message'),
  });
  await repository.afterChange();
  return ok({ sha, merged: true, message: 'Pull Request successfully merged' });
}

/**
 * https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit: for a commit of the default
 * branch the merged pull request that brought it, for another one the open ones too.
 */
async function pullsOfCommit(
  repository: Repository,
  { actor, parameters, url }: RestRequest,
): Promise<Answer> {
  repository.demand(actor, 'pull_requests', 'read');
  const commit = await repository.commitish(parameters.sha ?? '');
  if (commit === undefined) throw unprocessable(`No commit found for SHA: ${parameters.sha}`);
  const found = repository.pulls.filter(
    ({ merged, headOid }) => merged?.oid === commit.oid || headOid === commit.oid,
  );
  return page(await Promise.all(found.map((pull) => pullAnswer(repository, pull))), url);
}

export const pullRoutes: readonly Route[] = [
  repositoryRoute('GET', '/commits/{sha}/pulls', pullsOfCommit),
  repositoryRoute('GET', '/pulls', list),
  repositoryRoute('POST', '/pulls', open),
  repositoryRoute('GET', '/pulls/{number}', async (repository, request) =>
    ok(await wholeAnswer(repository, pullOf(repository, request))),
  ),
  repositoryRoute('PATCH', '/pulls/{number}', change),
  repositoryRoute('PUT', '/pulls/{number}/merge', merge),
  repositoryRoute('GET', '/pulls/{number}/commits', async (repository, request) => {
    const pull = pullOf(repository, request);
    const base = await repository.head(pull.base);
    const commits =
      base === undefined ? [] : await ownCommits(repository, base, await openHead(repository, pull));
    return page(
      commits.map((commit) => commitAnswer(repository, commit)),
      request.url,
    );
  }),
  repositoryRoute('GET', '/pulls/{number}/reviews', (repository, request) => {
    const pull = pullOf(repository, request);
    const reviews = pull.reviews.map(({ user, state, commit }, id) => ({
      id,
      user: { login: user },
      state,
      commit_id: commit,
    }));
    return page(reviews, request.url);
  }),
  repositoryRoute('POST', '/pulls/{number}/reviews', async (repository, request) => {
    const pull = pullOf(repository, request);
    const { actor, body } = request;
    repository.demand(actor, 'pull_requests', 'write');
    const event = body.text('event');
    if (event !== 'APPROVE' && event !== 'REQUEST_CHANGES')
      throw new ApiError(501, `The stand-in knows no review of the kind ${event}.`);
    const login = await repository.review(
      pull,
      actor,
      event === 'APPROVE' ? 'APPROVED' : 'CHANGES_REQUESTED',
    );
    await repository.afterChange();
    return ok({
      user: { login },
      state: event === 'APPROVE' ? 'APPROVED' : 'CHANGES_REQUESTED',
      commit_id: pull.headOid,
    });
  }),
];
