import { openGitHub } from '../github/access.ts';
import type { TokenPermissions } from '../github/app-token.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { systemTiming } from '../github/timing.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { environmentAccess } from './environment.ts';
import { tellOutage } from './outage.ts';

/** Options of commands that change the GitOps repository. */
export interface GitopsOptions {
  readonly repository?: string;
  readonly branch?: string;
  readonly dryRun?: boolean;
}

const WRITE: TokenPermissions = { contents: 'write', pull_requests: 'write' };

/** The files of this folder, or a repository on GitHub when `--repository` names one. */
export async function gitopsTarget(options: GitopsOptions): Promise<GitopsRepository> {
  if (options.repository === undefined) {
    return { kind: 'working-copy', copy: await openWorkingCopy('.') };
  }
  const repository = parseRepositoryName(options.repository);
  const access = environmentAccess();
  const client = await openGitHub(access, {
    apiUrl: access.apiUrl,
    repository,
    permissions: WRITE,
    timing: systemTiming,
    onOutage: tellOutage,
  });
  return { kind: 'github', client, target: { repository, branch: options.branch } };
}
