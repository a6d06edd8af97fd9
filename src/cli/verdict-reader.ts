import { parseRepositoryName } from '../github/repository-name.ts';
import type { VerdictsOf } from '../history/past-releases.ts';
import { readVerdicts } from '../release/verdict.ts';
import { gitRemoteUrl } from '../scaffold/git-remote.ts';
import { environmentAccess } from './environment.ts';
import { commandClient } from './github-client.ts';

/**
 * Reads verdicts of the repository that is named, or of the one that this clone comes from. Undefined where there is no
 * token or no such repository: then nothing is known to be healthy.
 */
export async function verdictReader(repository: string | undefined): Promise<VerdictsOf | undefined> {
  const access = environmentAccess();
  const url = repository === undefined ? await gitRemoteUrl('.') : undefined;
  const [, origin] =
    /^(?:https?:\/\/|ssh:\/\/)?[\w.@-]+(?::\d+)?[:/]([^/:]+\/[^/]+?)(?:\.git)?\/?$/.exec(url ?? '') ?? [];
  const name = repository ?? origin;
  if (access.token === undefined || name === undefined) {
    return undefined;
  }
  const client = commandClient(access);
  const parsed = parseRepositoryName(name);
  return (commits) => readVerdicts(client, parsed, commits);
}
