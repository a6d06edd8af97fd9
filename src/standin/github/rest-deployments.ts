import { accountOf } from './accounts.ts';
import {
  type Answer,
  ApiError,
  created,
  invalid,
  notFound,
  notImplemented,
  page,
  unprocessable,
} from './answers.ts';
import { latestStatuses } from './graphql-objects.ts';
import type { Deployment, DeploymentStatus, Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';

/** https://docs.github.com/rest/deployments/statuses#create-a-deployment-status */
const STATES = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'] as const;

const deploymentAnswer = (repository: Repository, deployment: Deployment) => ({
  id: deployment.id,
  node_id: `DE_${deployment.id}`,
  url: `${repository.around.url()}/api/v3/repos/${repository.fullName}/deployments/${deployment.id}`,
  sha: deployment.sha,
  ref: deployment.ref,
  task: deployment.task,
  payload: deployment.payload,
  original_environment: deployment.environment,
  environment: deployment.environment,
  description: deployment.description,
  creator: deployment.creator,
  created_at: deployment.at.toISOString(),
  updated_at: deployment.at.toISOString(),
  transient_environment: deployment.transient,
  production_environment: deployment.production,
});

async function create(repository: Repository, { actor, body }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'deployments', 'write');
  body.only(
    'ref',
    'task',
    'auto_merge',
    'required_contexts',
    'payload',
    'environment',
    'description',
    'transient_environment',
    'production_environment',
  );
  const ref = body.text('ref');
  const commit = await repository.commitish(ref);
  if (commit === undefined) throw unprocessable(`No ref found for: ${ref}`);
  // Without the field GitHub merges the default branch into a ref that is behind it, and makes no deployment (202).
  if (body.flag('auto_merge') !== false) throw notImplemented('auto_merge of deployments');
  const contexts = body.optionalTexts('required_contexts');
  const open = latestStatuses(repository, commit.oid).filter(
    ({ context, state }) => state !== 'success' && (contexts?.includes(context) ?? true),
  );
  if (open.length > 0) throw new ApiError(409, `Conflict: Commit status checks failed for ${ref}.`);
  const environment = body.optionalText('environment') ?? 'production';
  if (environment.length > 255) {
    throw invalid({
      resource: 'Deployment',
      code: 'custom',
      field: 'environment',
      message: 'environment is too long',
    });
  }
  const deployment: Deployment = {
    id: repository.around.accounts.nextId(),
    sha: commit.oid,
    ref,
    task: body.optionalText('task') ?? 'deploy',
    payload: body.get('payload') ?? {},
    environment,
    description: description(body, 'Deployment') ?? null,
    creator: accountOf(actor),
    at: repository.around.clock(),
    transient: body.flag('transient_environment') ?? false,
    production: body.flag('production_environment') ?? environment === 'production',
    statuses: [],
  };
  repository.deployments.unshift(deployment);
  return created(deploymentAnswer(repository, deployment));
}

function description(body: RestRequest['body'], resource: string): string | undefined {
  const text = body.optionalText('description');
  if (text !== undefined && text.length > 140) {
    const message = 'description is too long (maximum is 140 characters)';
    throw invalid({ resource, code: 'custom', field: 'description', message });
  }
  return text;
}

function deploymentOf(repository: Repository, { parameters }: RestRequest): Deployment {
  const found = repository.deployments.find(({ id }) => String(id) === parameters.deployment_id);
  if (found === undefined) throw notFound();
  return found;
}

const statusAnswer = (repository: Repository, deployment: Deployment, status: DeploymentStatus) => ({
  id: status.id,
  node_id: `DES_${status.id}`,
  state: status.state,
  description: status.description,
  environment: deployment.environment,
  environment_url: status.environmentUrl,
  log_url: status.logUrl,
  target_url: status.logUrl,
  creator: status.creator,
  created_at: status.at.toISOString(),
  updated_at: status.at.toISOString(),
  deployment_url: deploymentAnswer(repository, deployment).url,
});

function setStatus(repository: Repository, request: RestRequest): Answer {
  const { actor, body } = request;
  repository.demand(actor, 'deployments', 'write');
  const deployment = deploymentOf(repository, request);
  body.only('state', 'description', 'log_url', 'environment_url', 'auto_inactive');
  const state = STATES.find((other) => other === body.text('state'));
  if (state === undefined) {
    const message = 'state is not included in the list';
    throw invalid({ resource: 'DeploymentStatus', code: 'custom', field: 'state', message });
  }
  const status = (of: DeploymentStatus['state']): DeploymentStatus => ({
    id: repository.around.accounts.nextId(),
    state: of,
    description: description(body, 'DeploymentStatus') ?? '',
    environmentUrl: url(body, 'environment_url'),
    logUrl: url(body, 'log_url'),
    creator: accountOf(actor),
    at: repository.around.clock(),
  });
  const set = status(state);
  deployment.statuses.unshift(set);
  // Only earlier deployments of the same environment that is neither transient nor production, and that succeeded.
  if (state === 'success' && body.flag('auto_inactive') !== false) {
    const at = repository.deployments.indexOf(deployment);
    for (const earlier of repository.deployments.slice(at + 1)) {
      const same = earlier.environment === deployment.environment;
      if (same && !earlier.transient && !earlier.production && earlier.statuses[0]?.state === 'success') {
        earlier.statuses.unshift({ ...status('inactive'), description: '' });
      }
    }
  }
  return created(statusAnswer(repository, deployment, set));
}

function url(body: RestRequest['body'], field: string): string {
  const text = body.optionalText(field) ?? '';
  if (text !== '' && !/^https?:\/\//.test(text)) {
    const message = `${field} must use http(s) scheme`;
    throw invalid({ resource: 'DeploymentStatus', code: 'custom', field, message });
  }
  return text;
}

export const deploymentRoutes: readonly Route[] = [
  repositoryRoute('POST', '/deployments', create),
  repositoryRoute('GET', '/deployments', (repository, { actor, url: asked }) => {
    repository.demand(actor, 'deployments', 'read');
    const wanted = (name: string, value: string): boolean => {
      const given = asked.searchParams.get(name);
      return given === null || given === 'none' || given === value;
    };
    const found = repository.deployments.filter(
      ({ sha, ref, task, environment }) =>
        wanted('sha', sha) &&
        wanted('ref', ref) &&
        wanted('task', task) &&
        wanted('environment', environment),
    );
    return page(
      found.map((deployment) => deploymentAnswer(repository, deployment)),
      asked,
    );
  }),
  repositoryRoute('POST', '/deployments/{deployment_id}/statuses', setStatus),
  repositoryRoute('GET', '/deployments/{deployment_id}/statuses', (repository, request) => {
    repository.demand(request.actor, 'deployments', 'read');
    const deployment = deploymentOf(repository, request);
    return page(
      deployment.statuses.map((status) => statusAnswer(repository, deployment, status)),
      request.url,
    );
  }),
];
