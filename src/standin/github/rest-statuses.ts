import type { components } from '@octokit/openapi-types';
import { accountOf } from './accounts.ts';
import { type Answer, created, invalid, notFound, ok, page, slice, unprocessable } from './answers.ts';
import { latestStatuses } from './graphql-objects.ts';
import type { CheckRun, CommitStatus, Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';

type Schemas = components['schemas'];

const states = ['error', 'failure', 'pending', 'success'] as const;

const statusAnswer = (repository: Repository, oid: string, status: CommitStatus) =>
  ({
    id: status.id,
    node_id: `SC_${status.id}`,
    url: `${repository.around.url()}/api/v3/repos/${repository.fullName}/statuses/${oid}`,
    state: status.state,
    context: status.context,
    description: status.description ?? '',
    target_url: status.targetUrl ?? '',
    created_at: status.at.toISOString(),
    updated_at: status.at.toISOString(),
  }) satisfies Partial<Schemas['status']>;

async function commitOf(repository: Repository, ref: string | undefined): Promise<string> {
  const commit = await repository.commitish(ref ?? '');
  if (commit === undefined) throw unprocessable(`No commit found for SHA: ${ref}`);
  return commit.oid;
}

async function setStatus(repository: Repository, { actor, parameters, body }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'statuses', 'write');
  const oid = (await repository.store.commit(parameters.sha ?? ''))?.oid;
  if (oid === undefined) throw unprocessable(`No commit found for SHA: ${parameters.sha}`);
  body.only('state', 'context', 'description', 'target_url');
  const state = states.find((other) => other === body.text('state'));
  if (state === undefined)
    throw invalid({
      resource: 'Status',
      code: 'custom',
      field: 'state',
      message: 'state is not included in the list',
    });
  const description = body.optionalText('description') ?? null;
  if (description !== null && description.length > 140) {
    throw invalid({
      resource: 'Status',
      code: 'custom',
      field: 'description',
      message: 'description is too long (maximum is 140 characters)',
    });
  }
  const context = body.optionalText('context') ?? 'default';
  const same = (repository.statuses.get(oid) ?? []).filter((status) => status.context === context);
  if (same.length >= 1000)
    throw unprocessable('This SHA and context has reached the maximum number of statuses.');
  const targetUrl = body.optionalText('target_url') ?? null;
  // Empty is as good as none.
  if (targetUrl && !/^https?:\/\//.test(targetUrl)) {
    throw invalid({
      resource: 'Status',
      code: 'custom',
      field: 'target_url',
      message: 'target_url must use http(s) scheme',
    });
  }
  const status = repository.addStatus(oid, {
    context,
    state,
    description,
    targetUrl,
    creator: accountOf(actor).login,
  });
  await repository.afterChange();
  return created(statusAnswer(repository, oid, status));
}

async function combined(repository: Repository, { actor, parameters, url }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'statuses', 'read');
  const sha = await commitOf(repository, parameters.ref);
  const latest = latestStatuses(repository, sha);
  const has = (state: CommitStatus['state']): boolean => latest.some((status) => status.state === state);
  const { shown, headers } = slice(latest, url);
  return {
    status: 200,
    headers,
    body: {
      sha,
      // No status at all is pending too.
      state:
        has('error') || has('failure')
          ? 'failure'
          : has('pending') || latest.length === 0
            ? 'pending'
            : 'success',
      total_count: latest.length,
      statuses: shown.map((status) => statusAnswer(repository, sha, status)),
    },
  };
}

const runAnswer = (repository: Repository, run: CheckRun) => ({
  id: run.id,
  node_id: `CR_${run.id}`,
  name: run.name,
  head_sha: run.headSha,
  status: run.status,
  conclusion: run.conclusion,
  started_at: run.startedAt.toISOString(),
  completed_at: run.completedAt?.toISOString() ?? null,
  details_url: run.detailsUrl,
  html_url: `${repository.url}/runs/${run.id}`,
  output: { ...run.output, annotations: undefined, annotations_count: run.output.annotations.length },
  app: run.app === undefined ? null : { id: run.app.id, slug: run.app.slug },
});

/** A check run's `output`; 50 annotations a call, each call adds. */
function outputOf(body: RestRequest['body'], before: CheckRun['output'] | undefined): CheckRun['output'] {
  const given = body.optionalRecord('output') ?? {};
  const text = (name: string, otherwise: string | null): string | null => {
    const value = given[name];
    if (typeof value === 'string' && value.length > 65_535)
      throw unprocessable(
        `Invalid request.\n\nOnly 65535 characters are allowed; ${value.length} were supplied.`,
      );
    return typeof value === 'string' ? value : otherwise;
  };
  const annotations: readonly unknown[] = Array.isArray(given.annotations) ? given.annotations : [];
  if (annotations.length > 50) {
    throw unprocessable(
      `Invalid request.\n\nNo more than 50 items are allowed; ${annotations.length} were supplied.`,
    );
  }
  return {
    title: text('title', before?.title ?? null),
    summary: text('summary', before?.summary ?? null),
    text: text('text', before?.text ?? null),
    annotations: [...(before?.annotations ?? []), ...annotations],
  };
}

function complete(run: CheckRun, { body }: RestRequest, now: Date): void {
  const status = body.optionalText('status');
  const conclusion = body.optionalText('conclusion') ?? run.conclusion;
  run.output = outputOf(body, run.output);
  run.detailsUrl = body.optionalText('details_url') ?? run.detailsUrl;
  if (status === 'queued' || status === 'in_progress') run.status = status;
  if (status === 'completed' || body.get('conclusion') !== undefined) {
    if (conclusion === null) throw unprocessable('Invalid request.\n\n"conclusion" wasn\'t supplied.');
    Object.assign(run, { status: 'completed', conclusion, completedAt: now });
  }
}

async function createRun(repository: Repository, request: RestRequest): Promise<Answer> {
  const { actor, body } = request;
  repository.demand(actor, 'checks', 'write');
  // Only Apps may: a person's token gets this answer.
  if (actor.kind === 'user') throw unprocessable('You must authenticate via a GitHub App.');
  const headSha = body.text('head_sha');
  if ((await repository.store.commit(headSha)) === undefined)
    throw unprocessable(`No commit found for SHA: ${headSha}`);
  const now = repository.around.clock();
  const run: CheckRun = {
    id: repository.around.accounts.nextId(),
    name: body.text('name'),
    headSha,
    app: actor.kind === 'installation-token' ? actor.installation.app : undefined,
    status: 'queued',
    conclusion: null,
    output: { title: null, summary: null, text: null, annotations: [] },
    detailsUrl: null,
    startedAt: now,
    completedAt: null,
  };
  complete(run, request, now);
  repository.checkRuns.push(run);
  await repository.afterChange();
  return created(runAnswer(repository, run));
}

export const statusRoutes: readonly Route[] = [
  repositoryRoute('POST', '/statuses/{sha}', setStatus),
  repositoryRoute('GET', '/commits/{ref}/statuses', async (repository, { actor, parameters, url }) => {
    repository.demand(actor, 'statuses', 'read');
    const sha = await commitOf(repository, parameters.ref);
    const newestFirst = (repository.statuses.get(sha) ?? []).toReversed();
    return page(
      newestFirst.map((status) => statusAnswer(repository, sha, status)),
      url,
    );
  }),
  repositoryRoute('GET', '/commits/{ref}/status', combined),
  repositoryRoute('GET', '/commits/{ref}/check-runs', async (repository, { actor, parameters, url }) => {
    repository.demand(actor, 'checks', 'read');
    const sha = await commitOf(repository, parameters.ref);
    const name = url.searchParams.get('check_name');
    const runs = repository.checkRuns.filter(
      (run) => run.headSha === sha && (name === null || run.name === name),
    );
    const { shown, headers } = slice(runs, url);
    return {
      status: 200,
      headers,
      body: { total_count: runs.length, check_runs: shown.map((run) => runAnswer(repository, run)) },
    };
  }),
  repositoryRoute('POST', '/check-runs', createRun),
  repositoryRoute('PATCH', '/check-runs/{check_run_id}', async (repository, request) => {
    repository.demand(request.actor, 'checks', 'write');
    const run = repository.checkRuns.find(({ id }) => String(id) === request.parameters.check_run_id);
    if (run === undefined) throw notFound();
    complete(run, request, repository.around.clock());
    await repository.afterChange();
    return ok(runAnswer(repository, run));
  }),
];
