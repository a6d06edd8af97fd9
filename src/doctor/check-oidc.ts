import type { AppDefinition } from '../config/app-yaml.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { type Check, finding, notChecked, ok, warn } from './check.ts';

/** `GET /repos/{owner}/{repo}/actions/oidc/customization/sub` */
interface SubjectTemplate {
  readonly use_default: boolean;
  readonly include_claim_keys?: readonly string[];
}

/** More than this is no sample any more; the rest is named as not checked. */
const MAX_SOURCES = 10;

/**
 * The subject of the OIDC tokens of the repositories that deploy. Trust policies as docs/setup.md has them expect
 * GitHub's default, `repo:owner/name:…`; with another template AWS refuses the token, and only says AccessDenied.
 */
export async function checkOidc(
  client: GitHubClient,
  apps: ReadonlyMap<string, AppDefinition>,
): Promise<readonly Check[]> {
  const name = 'oidc-subject';
  const sources = [...new Set([...apps.values()].flatMap((app) => app.sources))].sort();
  const looked = sources.slice(0, MAX_SOURCES);
  const checks = await Promise.all(looked.map((source) => checkSource(client, source)));
  const flat = checks.flat();
  const right = flat.filter(({ status }) => status === 'ok').length;
  return [
    // One line for all that are right; each of the others is worth its own.
    ...(right === 0
      ? []
      : [ok(name, `The OIDC subject of ${right} of ${sources.length} sources is GitHub's default.`)]),
    ...flat.filter(({ status }) => status !== 'ok'),
    ...(sources.length > looked.length
      ? [
          notChecked(
            name,
            `${sources.length - looked.length} more sources were not looked at.`,
            'Look at Settings → Actions → OIDC of the organization.',
          ),
        ]
      : []),
  ];
}

function checkSource(client: GitHubClient, source: string): Promise<readonly Check[]> {
  const name = 'oidc-subject';
  const { owner, name: repo } = parseRepositoryName(source);
  const todo = `Give a token that may read ${source} (actions: read), or look at its OIDC settings.`;
  return finding(name, `read the OIDC subject of ${source}`, todo, async () => {
    const { data } = await client.rest<SubjectTemplate>(
      'GET /repos/{owner}/{repo}/actions/oidc/customization/sub',
      {
        owner,
        repo,
      },
    );
    const keys = data.include_claim_keys ?? [];
    if (data.use_default || keys[0] === 'repo') {
      return ok(name, source);
    }
    return warn(
      name,
      keys.length === 0
        ? `${source} follows the OIDC subject template of its organization.`
        : `The OIDC subject of ${source} is made of ${keys.join(', ')}, not of "repo:".`,
      'Write the condition on `sub` in the trust policies as this template makes it, or rely on `repository` and `job_workflow_ref` alone (docs/setup.md).',
    );
  });
}
