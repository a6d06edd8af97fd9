import { accountOf, isBot, sameName } from './accounts.ts';
import { type Answer, ApiError, notFound, ok } from './answers.ts';
import type { Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute, route } from './rest.ts';
import { findTeam } from './world.ts';

function actionsAccess(repository: Repository, { actor }: RestRequest): Answer {
  repository.demand(actor, 'administration', 'read');
  // Only private repositories have the setting.
  if (!repository.private)
    throw new ApiError(422, 'Access policy only applies to internal and private repositories.');
  return ok({ access_level: repository.options.actionsAccess ?? 'none' });
}

function user({ actor }: RestRequest): Answer {
  if (actor.kind === 'anonymous') throw new ApiError(401, 'Requires authentication');
  if (isBot(actor) || actor.kind === 'app') throw new ApiError(403, 'Resource not accessible by integration');
  return ok({ ...accountOf(actor), name: actor.login, node_id: `U_${actor.kind === 'user' ? actor.id : 0}` });
}

/** Teams are visible to their organization only: an App needs `members: read`, a person a repository of it. */
function team({ world, actor, parameters }: RestRequest) {
  const found = findTeam(world, parameters.org ?? '', parameters.team_slug ?? '');
  const byApp =
    actor.kind === 'installation-token' &&
    sameName(actor.installation.owner, parameters.org ?? '') &&
    actor.permissions.members !== undefined;
  const byPerson =
    actor.kind === 'user' &&
    [...world.repositories.values()].some(
      (repository) =>
        sameName(repository.owner, parameters.org ?? '') && repository.roleOf(actor.login) !== undefined,
    );
  if (found === undefined || !(byApp || byPerson)) throw notFound();
  return found;
}

export const settingRoutes: readonly Route[] = [
  repositoryRoute('GET', '/actions/permissions/access', actionsAccess),
  repositoryRoute('GET', '/actions/oidc/customization/sub', (repository, { actor }) => {
    repository.demand(actor, 'actions', 'read');
    return ok(repository.options.oidcSubject ?? { use_default: true });
  }),
  repositoryRoute('GET', '/collaborators/{username}/permission', (repository, { actor, parameters }) => {
    repository.demand(actor, 'metadata', 'read');
    const role = repository.roleOf(parameters.username ?? '') ?? (repository.private ? undefined : 'read');
    return ok({
      permission: role ?? 'none',
      role_name: role ?? 'none',
      user: { login: parameters.username },
    });
  }),
  route('GET', '/orgs/{org}/teams/{team_slug}', (request) => {
    const { id, slug, permission } = team(request);
    return ok({
      id,
      node_id: `T_${id}`,
      name: slug,
      slug,
      privacy: 'closed',
      permission: permission === 'read' ? 'pull' : 'push',
    });
  }),
  route('GET', '/orgs/{org}/teams/{team_slug}/memberships/{username}', (request) => {
    const member = team(request).members.some((login) => sameName(login, request.parameters.username ?? ''));
    if (!member) throw notFound();
    return ok({ state: 'active', role: 'member', url: request.url.href });
  }),
  route('GET', '/user', user),
  route('GET', '/rate_limit', ({ world }) => {
    const core = {
      limit: 5000,
      used: 0,
      remaining: 5000,
      reset: Math.ceil(world.clock().getTime() / 1000) + 3600,
    };
    return ok({ resources: { core, graphql: core }, rate: core });
  }),
  route('GET', '/meta', () => ok({ verifiable_password_authentication: false, installed_version: '3.20.0' })),
];
