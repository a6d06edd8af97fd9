import type { GitHubClient } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import { type Check, fail, finding, notChecked, ok } from './check.ts';

/**
 * Whether the repositories of the company may use the suite's actions and workflows. A public repository always
 * allows it, a private one (a copy of ours) only when its Actions settings say so.
 */
export function checkSuite(
  client: GitHubClient,
  suite: RepositoryName,
  gitops: RepositoryName,
): Promise<readonly Check[]> {
  const name = 'suite-access';
  const full = formatRepositoryName(suite);
  const place = { owner: suite.owner, repo: suite.name };
  const todo = `Look at Settings → Actions → General → Access of ${full}, or give a token of its administrator.`;
  return finding(name, `find out who may use ${full}`, todo, async () => {
    const { data } = await client.rest<{ readonly private: boolean }>('GET /repos/{owner}/{repo}', place);
    if (!data.private) {
      return ok(name, `${full} is public: every repository may use its workflows.`);
    }
    const access = await client.rest<{ readonly access_level: string }>(
      'GET /repos/{owner}/{repo}/actions/permissions/access',
      place,
    );
    const level = access.data.access_level;
    if (level === 'none') {
      return fail(
        name,
        `${full} is private, and no other repository may use its workflows.`,
        'Settings → Actions → General → Access: "Accessible from repositories in the organization".',
      );
    }
    if (level !== 'enterprise' && !sameRepositoryName(suite.owner, gitops.owner)) {
      return notChecked(
        name,
        `${full} is private and shared in ${suite.owner} only; whether the app repositories are there is not known.`,
        `Keep the private copy in ${gitops.owner}, or share it in the enterprise.`,
      );
    }
    return ok(name, `${full} is private and shared (${level}).`);
  });
}
