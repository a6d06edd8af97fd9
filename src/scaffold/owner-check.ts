import { couldNot, refused } from '../report/failure.ts';
import type { TeamDirectory } from './team-directory.ts';

/** What was found out about who owns a new app and who asks for it. */
export interface OwnerCheck {
  /** True only when both were seen: the team is there, and the person belongs to it. */
  readonly verified: boolean;
  /** For people, a sentence each. What was not checked is said. */
  readonly words: readonly string[];
}

/**
 * Whether the team exists and whoever asks belongs to it.
 *
 * @param owner a GitHub team like `@acme/shop`; undefined where kajitori.yaml has no `teams`
 * @param person a GitHub login; undefined when nobody knows who asks
 * @throws Failure: exit 2 `unknown-team`, exit 1 `not-a-member`
 */
export async function checkOwner(
  owner: string | undefined,
  person: string | undefined,
  teams: TeamDirectory,
): Promise<OwnerCheck> {
  const [, organization, team] = /^@([^/]+)\/(.+)$/.exec(owner ?? '') ?? [];
  if (organization === undefined || team === undefined) {
    return { verified: false, words: ['Not checked: the team, because kajitori.yaml has no `teams`.'] };
  }
  const name = `${organization}/${team}`;
  switch (await teams.hasTeam(organization, team)) {
    case 'unseen':
      return {
        verified: false,
        words: [
          `Not checked: whether the team ${name} exists and who belongs to it, because the token may not see teams.`,
        ],
      };
    case false:
      throw couldNot(`There is no team ${name} on GitHub.`, {
        todo: 'Write the short name of the team as GitHub has it in its address, like shop.',
        reason: 'unknown-team',
      });
    case true:
      break;
  }
  const exists = `The team ${name} exists.`;
  if (person === undefined) {
    return { verified: false, words: [exists, 'Not checked: whether whoever asked belongs to it.'] };
  }
  switch (await teams.hasMember(organization, team, person)) {
    case 'unseen':
      return { verified: false, words: [exists, `Not checked: whether ${person} belongs to it.`] };
    case false:
      throw refused(`${person} does not belong to the team ${name}.`, {
        todo: 'Ask somebody of that team to fill in the form, or name your own team.',
        reason: 'not-a-member',
      });
    case true:
      return { verified: true, words: [exists, `${person} belongs to it.`] };
  }
}
