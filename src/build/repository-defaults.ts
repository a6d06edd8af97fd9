import type { RepositoryPlan } from '../aws/repository-plan.ts';
import { couldNot } from '../report/failure.ts';

const list = (text: string | undefined): readonly string[] =>
  (text ?? '').split(/[\s,]+/).filter((word) => word !== '');

/**
 * How a repository is made for environments and accounts, as people list them.
 *
 * @throws Failure (exit 2): `bad-input`
 */
export function repositoryPlan(
  environments: string | undefined,
  pullAccounts: string | undefined,
): RepositoryPlan {
  const names = list(environments);
  const accounts = list(pullAccounts);
  const wrong =
    names.find((name) => !/^[a-z\d][a-z\d-]{0,62}$/.test(name)) ??
    accounts.find((account) => !/^\d{12}$/.test(account));
  if (wrong !== undefined) {
    throw couldNot(`${JSON.stringify(wrong.slice(0, 80))} is neither an environment nor an account.`, {
      todo: 'Write environments as kajitori.yaml names them, and accounts with 12 digits.',
      reason: 'bad-input',
    });
  }
  return { environments: names, pullAccounts: accounts, keepReleases: 30, keepUnusedDays: 30 };
}
