import { type AppDefinition, ownerOf } from '../config/app-yaml.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import { sameRepositoryName } from '../github/repository-name.ts';
import { couldNot, refused } from '../report/failure.ts';
import type { TeamDirectory } from '../scaffold/team-directory.ts';

/**
 * Who asks to change what an app runs.
 *
 * - `repository`: a run of this repository, as GitHub says; it must be one of the app's `sources`.
 * - `person`: somebody who filled in a form of the GitOps repository. The form's job writes with the right of our App, so
 *   GitHub does not judge the person: we must.
 * - `own-right`: a person with their own token or folder. What they may write, they may write by hand as well: GitHub
 *   judges (branch rules, code owners).
 */
export type Deployer =
  | { readonly kind: 'repository'; readonly repository: string }
  | { readonly kind: 'person'; readonly login: string; readonly teams: TeamDirectory }
  | { readonly kind: 'own-right' };

/**
 * Nobody changes what an app runs that is not theirs (design: "Promises that tests hold"). A person must belong to the
 * owning team or to the platform's team, which is called at night.
 *
 * @returns for people, a sentence each: what was found out, and what could not be checked
 * @throws Failure: exit 1 `foreign-source` or `not-a-member`; exit 2 `unseen-team` when GitHub does not say who belongs
 * to the team
 */
export async function checkDeployer(
  config: KajitoriConfig,
  app: string,
  definition: AppDefinition,
  deployer: Deployer,
): Promise<readonly string[]> {
  const at = { file: appFile(config, app) };
  if (deployer.kind === 'own-right') {
    return [];
  }
  if (deployer.kind === 'repository') {
    if (!definition.sources.some((allowed) => sameRepositoryName(allowed, deployer.repository))) {
      throw refused(`${deployer.repository} may not change what the app ${app} runs.`, {
        at,
        todo: `Allowed are: ${definition.sources.join(', ')}. The owning team (${definition.team}) can add a repository under app.sources.`,
        reason: 'foreign-source',
      });
    }
    return [];
  }
  const owner = ownerOf(config, definition);
  if (owner === undefined) {
    return [
      'Not checked: who may do this, because kajitori.yaml has no `teams`; GitHub lets everybody who can write to this repository fill in the form.',
    ];
  }
  const teams = [owner, config.teams?.platform].filter((team) => team !== undefined);
  for (const team of teams) {
    const answer = await belongs(deployer, team);
    if (answer === true) {
      return [`${deployer.login} belongs to ${team.slice(1)}.`];
    }
    if (answer === 'unseen') {
      throw couldNot(`Whether ${deployer.login} belongs to ${team.slice(1)} cannot be seen.`, {
        at,
        todo: 'Give the GitHub App the organization permission members: read (docs/setup.md, "GitHub App").',
        reason: 'unseen-team',
      });
    }
  }
  throw refused(`${deployer.login} does not belong to ${teams.map((team) => team.slice(1)).join(' or ')}.`, {
    at,
    todo: `${app} belongs to ${owner.slice(1)}: ask somebody of that team to fill in the form.`,
    reason: 'not-a-member',
  });
}

/** A team that is not there has no members. */
async function belongs(
  { teams, login }: Extract<Deployer, { kind: 'person' }>,
  owner: string,
): Promise<boolean | 'unseen'> {
  const [, organization = '', team = ''] = /^@([^/]+)\/(.+)$/.exec(owner) ?? [];
  const there = await teams.hasTeam(organization, team);
  return there === true ? teams.hasMember(organization, team, login) : there;
}
