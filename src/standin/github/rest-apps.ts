import type { components } from '@octokit/openapi-types';
import type { App, Installation, Permissions } from './accounts.ts';
import { ApiError, created, notFound, ok, page } from './answers.ts';
import { type RestRequest, type Route, route } from './rest.ts';
import { repositoryAnswer } from './rest-repositories.ts';
import { findRepository, type World } from './world.ts';

type Schemas = components['schemas'];

/** The App that a JWT proves; other credentials get GitHub's 401. */
function appOf({ actor }: RestRequest): App {
  if (actor.kind === 'app') return actor;
  throw new ApiError(401, 'A JSON web token could not be decoded');
}

const appAnswer = (app: App) =>
  ({
    id: app.id,
    slug: app.slug,
    client_id: app.clientId,
    name: app.slug,
    permissions: { ...app.permissions },
    events: ['push'],
    description: null,
    external_url: 'https://example.com',
  }) satisfies Partial<NonNullable<Schemas['nullable-integration']>>;

const installationAnswer = (world: World, installation: Installation) =>
  ({
    id: installation.id,
    app_id: installation.app.id,
    app_slug: installation.app.slug,
    target_type: 'Organization',
    repository_selection: installation.repositories === undefined ? 'all' : 'selected',
    permissions: { ...installation.app.permissions, metadata: 'read' } as Schemas['app-permissions'],
    access_tokens_url: `${world.url()}/api/v3/app/installations/${installation.id}/access_tokens`,
    events: [],
    suspended_at: null,
  }) satisfies Partial<Schemas['installation']>;

async function createAccessToken(request: RestRequest) {
  const app = appOf(request);
  const { world, body, parameters } = request;
  const installation = world.accounts.installations.find(
    (other) => other.app === app && String(other.id) === parameters.installation_id,
  );
  if (installation === undefined) throw notFound();
  body.only('repositories', 'permissions');
  const repositories = body.optionalTexts('repositories');
  const permissions = body.optionalRecord('permissions') as Permissions | undefined;
  const issued = world.accounts.issueInstallationToken(
    installation,
    {
      ...(repositories === undefined ? {} : { repositories }),
      ...(permissions === undefined ? {} : { permissions }),
    },
    (fullName) => {
      const [owner = '', name = ''] = fullName.split('/');
      return findRepository(world, owner, name) !== undefined;
    },
  );
  const answer = {
    token: issued.token,
    expires_at: issued.expires.toISOString().replace('.000', ''),
    permissions: issued.permissions as Schemas['app-permissions'],
    repository_selection:
      repositories === undefined && installation.repositories === undefined ? 'all' : 'selected',
  } satisfies Schemas['installation-token'];
  const listed = (repositories ?? []).flatMap((name) => {
    const repository = findRepository(world, installation.owner, name);
    return repository === undefined ? [] : [repositoryAnswer(repository, request.actor)];
  });
  return created(repositories === undefined ? answer : { ...answer, repositories: listed });
}

export const appRoutes: readonly Route[] = [
  route('GET', '/app', (request) => ok(appAnswer(appOf(request)))),
  route('GET', '/app/installations', (request) => {
    const app = appOf(request);
    const own = request.world.accounts.installations.filter((installation) => installation.app === app);
    return page(
      own.map((installation) => installationAnswer(request.world, installation)),
      request.url,
    );
  }),
  route('GET', '/app/installations/{installation_id}', (request) => {
    const app = appOf(request);
    const found = request.world.accounts.installations.find(
      (other) => other.app === app && String(other.id) === request.parameters.installation_id,
    );
    if (found === undefined) throw notFound();
    return ok(installationAnswer(request.world, found));
  }),
  route('GET', '/repos/{owner}/{repo}/installation', (request) => {
    const app = appOf(request);
    const { owner = '', repo = '' } = request.parameters;
    if (findRepository(request.world, owner, repo) === undefined) throw notFound();
    return ok(installationAnswer(request.world, request.world.accounts.installationOf(app, owner, repo)));
  }),
  ...['/orgs/{owner}/installation', '/users/{owner}/installation'].map((pattern) =>
    route('GET', pattern, (request) => {
      const found = request.world.accounts.installationOf(appOf(request), request.parameters.owner ?? '');
      return ok(installationAnswer(request.world, found));
    }),
  ),
  route('POST', '/app/installations/{installation_id}/access_tokens', createAccessToken),
  route('GET', '/installation/repositories', ({ world, actor, url }) => {
    if (actor.kind !== 'installation-token')
      throw new ApiError(
        403,
        'You must authenticate with an installation access token in order to list repositories for an installation.',
      );
    const mine = [...world.repositories.values()].filter(
      (repository) =>
        repository.levelOf(actor, 'metadata') !== undefined && repository.owner === actor.installation.owner,
    );
    const answer = page(
      mine.map((repository) => repositoryAnswer(repository, actor)),
      url,
    );
    return { ...answer, body: { total_count: mine.length, repositories: answer.body } };
  }),
];
