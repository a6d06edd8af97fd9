import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import { refused } from '../report/failure.ts';

/**
 * The GitHub environment whose reviewers approve one-off jobs of an app. Joined by a dot, which neither name can have:
 * with a hyphen `web` in `eu-production` and `web-eu` in `production` would share their reviewers.
 */
export const approvalEnvironment = (app: string, environment: string): string => `${app}.${environment}`;

/**
 * Refuses when nobody had to approve: GitHub makes an environment that a workflow names and that is not there, without any
 * protection, and lets the job run (docs: "Using environments for deployment"; "REST API endpoints for deployment
 * environments"). The token needs `actions: read`.
 *
 * @throws Failure: exit 1 `no-approval`; exit 2 when GitHub does not say
 */
export async function demandApproval(
  client: GitHubClient,
  repository: RepositoryName,
  environment: string,
): Promise<void> {
  interface Environment {
    readonly protection_rules?: readonly { readonly type: string; readonly reviewers?: readonly unknown[] }[];
  }
  try {
    const { data } = await client.rest<Environment>(
      'GET /repos/{owner}/{repo}/environments/{environment_name}',
      {
        owner: repository.owner,
        repo: repository.name,
        environment_name: environment,
      },
    );
    const reviewed = (data.protection_rules ?? []).some(
      ({ type, reviewers }) => type === 'required_reviewers' && (reviewers?.length ?? 0) > 0,
    );
    if (reviewed) {
      return;
    }
  } catch (error) {
    if (!(error instanceof GitHubError) || error.fault.kind !== 'missing') {
      throw explainFault(error, `read the environment ${environment}`, {
        denied: 'Give the job the permission `actions: read`.',
      });
    }
  }
  throw refused(`Nobody has to approve what runs in the environment ${environment}.`, {
    todo: `Add the owning team as required reviewers: Settings → Environments → ${environment} (docs/run-a-command.md).`,
    reason: 'no-approval',
  });
}
