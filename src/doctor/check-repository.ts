import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { type GitHubClient, GitHubError } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import { type Check, fail, finding, ok, warn } from './check.ts';

/** The part of `GET /repos/{owner}/{repo}` that is looked at. */
export interface RepositoryFacts {
  readonly full_name: string;
  readonly default_branch: string;
  readonly private: boolean;
  readonly archived: boolean;
  readonly allow_auto_merge?: boolean;
  readonly permissions?: { readonly push?: boolean };
}

export interface RepositoryFindings {
  readonly checks: readonly Check[];
  /** Undefined when the repository could not be read. */
  readonly facts: RepositoryFacts | undefined;
}

/** Whether the GitOps repository is there, can be written by this token, and is the one that Argo CD reads. */
export async function checkRepository(
  client: GitHubClient,
  repository: RepositoryName,
  config: KajitoriConfig | undefined,
): Promise<RepositoryFindings> {
  const full = formatRepositoryName(repository);
  let facts: RepositoryFacts | undefined;
  const checks = await finding(
    'repository',
    `read ${full}`,
    'Check that the token is valid and has the repository.',
    async () => {
      try {
        facts = (
          await client.rest<RepositoryFacts>('GET /repos/{owner}/{repo}', {
            owner: repository.owner,
            repo: repository.name,
          })
        ).data;
      } catch (error) {
        if (error instanceof GitHubError && error.fault.kind === 'missing') {
          // GitHub says 404 for what a token may not see, too.
          return fail(
            'repository',
            `${full} is not there, or this token may not see it.`,
            'Check the name, and install the GitHub App on it (docs/setup.md, "GitHub App").',
          );
        }
        throw error;
      }
      return factChecks(full, facts, config);
    },
  );
  return { checks, facts };
}

function factChecks(full: string, facts: RepositoryFacts, config: KajitoriConfig | undefined): Check[] {
  if (facts.archived) {
    return [
      fail('repository', `${full} is archived: nothing can be written.`, 'Unarchive it in its settings.'),
    ];
  }
  const checks = [
    ok(
      'repository',
      `${full} is there (${facts.private ? 'private' : 'public'}), branch ${facts.default_branch}.`,
    ),
    facts.permissions?.push === true
      ? ok('write-access', `This token may write to ${full}.`)
      : fail(
          'write-access',
          `This token may not write to ${full}.`,
          'Give the GitHub App contents: write (docs/setup.md), or use a token that may write.',
        ),
  ];
  const { branch, url } = config?.repository ?? { branch: facts.default_branch, url: undefined };
  if (branch !== facts.default_branch) {
    checks.push(
      warn(
        'branch',
        `Argo CD reads ${branch} (kajitori.yaml), the default branch is ${facts.default_branch}.`,
        'Make it the default branch, or give gitops-branch in every caller of release.yml.',
      ),
    );
  }
  const named = /[/:]([^/:]+\/[^/:]+?)(?:\.git)?\/?$/.exec(url ?? '')?.[1];
  if (named !== undefined && !sameRepositoryName(named, facts.full_name)) {
    checks.push(
      fail(
        'repository-url',
        `kajitori.yaml says that Argo CD reads ${named}, but deploys are written to ${facts.full_name}.`,
        'Correct repository.url in kajitori.yaml, or name the other repository.',
      ),
    );
  }
  return checks;
}
