import type { GitHubClient } from './client.ts';
import type { RepositoryName } from './repository-name.ts';

/** `missing`: neither a check run nor a commit status of that name is there. */
export type CheckState = 'green' | 'waiting' | 'failed' | 'missing';

/**
 * Named checks of a commit: check runs, and commit statuses (docs: "REST API endpoints for check runs", "…for commit
 * statuses"). Of several check runs of one name, the newest counts (`filter=latest`, by app); one that failed makes it
 * fail.
 *
 * @throws GitHubError
 */
export async function readChecks(
  client: GitHubClient,
  repository: RepositoryName,
  commit: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, CheckState>> {
  const of = { owner: repository.owner, repo: repository.name, ref: commit, per_page: 100 };
  const states = await Promise.all(
    names.map(async (name) => {
      const { data } = await client.rest<{
        readonly check_runs: readonly { readonly status: string; readonly conclusion: string | null }[];
      }>('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', { ...of, check_name: name, filter: 'latest' });
      return data.check_runs.map(({ status, conclusion }): CheckState => {
        if (status !== 'completed') {
          return 'waiting';
        }
        return ['success', 'neutral', 'skipped'].includes(conclusion ?? '') ? 'green' : 'failed';
      });
    }),
  );
  const { data } = await client.rest<{
    readonly statuses: readonly { readonly context: string; readonly state: string }[];
  }>('GET /repos/{owner}/{repo}/commits/{ref}/status', of);
  return new Map(
    names.map((name, index) => {
      const status = data.statuses.find(({ context }) => context === name)?.state;
      return [name, worst([...(states[index] ?? []), ...(status === undefined ? [] : [ofStatus(status)])])];
    }),
  );
}

const ofStatus = (state: string): CheckState =>
  state === 'success' ? 'green' : state === 'pending' ? 'waiting' : 'failed';

function worst(states: readonly CheckState[]): CheckState {
  return (['failed', 'waiting', 'green'] as const).find((state) => states.includes(state)) ?? 'missing';
}
