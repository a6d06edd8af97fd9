import { type GitHubClient, GitHubError } from '../github/client.ts';
import { Failure } from '../report/failure.ts';

/** What GitHub says of teams. `unseen`: it would not say, so it is not known. */
export interface TeamDirectory {
  hasTeam(organization: string, team: string): Promise<boolean | 'unseen'>;
  hasMember(organization: string, team: string, person: string): Promise<boolean | 'unseen'>;
}

export const UNSEEN_TEAMS: TeamDirectory = {
  hasTeam: async () => 'unseen',
  hasMember: async () => 'unseen',
};

/**
 * The teams of an organization (docs: "REST API endpoints for teams", "…for team members").
 *
 * GitHub answers 404 for a team that is not there and for one that the token may not see, so it counts as an answer
 * only from a token that surely may: one of a GitHub App with `members: read`.
 *
 * @param open makes the client; a `Failure` (the App lacks the permission) means that teams are unseen
 * @param maySee whether the token surely may see all teams
 */
export function gitHubTeams(open: () => Promise<GitHubClient>, maySee: boolean): TeamDirectory {
  let opened: Promise<GitHubClient | undefined> | undefined;
  const client = () => {
    opened ??= open().catch((error: unknown) => {
      if (error instanceof Failure) {
        return undefined;
      }
      throw error;
    });
    return opened;
  };
  const ask = async (
    route: string,
    parameters: Readonly<Record<string, string>>,
    ifMissing: boolean | 'unseen',
    holds: (data: { readonly state?: string }) => boolean,
  ) => {
    try {
      const answer = await (await client())?.rest<{ readonly state?: string }>(route, parameters);
      return answer === undefined ? 'unseen' : holds(answer.data);
    } catch (error) {
      if (error instanceof GitHubError && error.fault.kind === 'missing') {
        return ifMissing;
      }
      if (error instanceof GitHubError && error.fault.kind === 'denied') {
        return 'unseen';
      }
      throw error;
    }
  };
  return {
    hasTeam: (org, team) =>
      ask(
        'GET /orgs/{org}/teams/{team_slug}',
        { org, team_slug: team },
        maySee ? false : 'unseen',
        () => true,
      ),
    // Asked only after the team was seen: from then on 404 means that the person is not in it. Who is invited only is
    // `pending`.
    hasMember: (org, team, username) =>
      ask(
        'GET /orgs/{org}/teams/{team_slug}/memberships/{username}',
        { org, team_slug: team, username },
        false,
        ({ state }) => state === 'active',
      ),
  };
}
