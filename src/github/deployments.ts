import type { GitHubClient } from './client.ts';
import { shortDescription } from './description.ts';
import type { RepositoryName } from './repository-name.ts';

/** What a deployment of GitHub came to (docs: "REST API endpoints for deployment statuses"). */
export type DeploymentState = 'in_progress' | 'success' | 'failure' | 'error';

/** A deployment of GitHub: one commit, brought to one place. */
export interface RecordedDeployment {
  /** Of the repository in which it is shown. */
  readonly commit: string;
  /** The place, like `web/production/prod-1`; GitHub shows its history under this name. */
  readonly environment: string;
  /** Whether users use it. */
  readonly production: boolean;
  /** Tells one deploy of a commit from another one of the same commit. */
  readonly key: string;
  readonly state: DeploymentState;
  /** One sentence; GitHub takes 140 characters. */
  readonly description: string;
  /** The page of the run. */
  readonly logUrl: string | undefined;
  /** Where the app is seen. */
  readonly environmentUrl: string | undefined;
}

interface DeploymentData {
  readonly id: number;
  readonly payload: unknown;
}

/**
 * Records a deployment and its state, once: one that is there is found by its key, and a state that it has already is not
 * written again. An earlier deployment to the same place becomes inactive by itself and stays in the history; other
 * places (the other cluster) are not touched, because each has its own name.
 *
 * @throws GitHubError
 */
export async function recordDeployment(
  client: GitHubClient,
  repository: RepositoryName,
  deployment: RecordedDeployment,
): Promise<void> {
  const of = { owner: repository.owner, repo: repository.name };
  const id =
    (await findDeployment(client, of, deployment)) ?? (await createDeployment(client, of, deployment));
  const { data } = await client.rest<readonly { readonly state: string; readonly description: string }[]>(
    'GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
    { ...of, deployment_id: id, per_page: 1 },
  );
  const description = shortDescription(deployment.description);
  if (data[0]?.state === deployment.state && data[0].description === description) {
    return;
  }
  // Setting a state twice says the same twice, so this may be repeated.
  await client.rest('POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
    ...of,
    deployment_id: id,
    state: deployment.state,
    description,
    ...(deployment.logUrl === undefined ? {} : { log_url: deployment.logUrl }),
    ...(deployment.environmentUrl === undefined ? {} : { environment_url: deployment.environmentUrl }),
  });
}

async function findDeployment(
  client: GitHubClient,
  of: { readonly owner: string; readonly repo: string },
  { commit, environment, key }: RecordedDeployment,
): Promise<number | undefined> {
  const { data } = await client.rest<readonly DeploymentData[]>('GET /repos/{owner}/{repo}/deployments', {
    ...of,
    sha: commit,
    environment,
    per_page: 100,
  });
  return data.find(({ payload }) => keyOf(payload) === key)?.id;
}

/** GitHub gives a payload back as the object it was, or as its JSON text. */
function keyOf(payload: unknown): unknown {
  try {
    const value: unknown = typeof payload === 'string' ? JSON.parse(payload) : payload;
    return typeof value === 'object' && value !== null && 'kajitori' in value ? value.kajitori : undefined;
  } catch {
    return undefined;
  }
}

async function createDeployment(
  client: GitHubClient,
  of: { readonly owner: string; readonly repo: string },
  { commit, environment, production, key }: RecordedDeployment,
): Promise<number> {
  const { data } = await client.rest<DeploymentData>(
    'POST /repos/{owner}/{repo}/deployments',
    {
      ...of,
      ref: commit,
      environment,
      production_environment: production,
      // It is there already: GitHub must neither merge anything nor wait for checks, the deploy's own status among them.
      auto_merge: false,
      required_contexts: [],
      payload: { kajitori: key },
      description: 'Kajitori',
    },
    { write: true },
  );
  return data.id;
}
