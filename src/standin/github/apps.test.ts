import { createSign } from 'node:crypto';
import { expect, test } from 'vitest';
import { refusalOf, startFixture } from './fixture.ts';

const repository = { owner: 'acme', repo: 'gitops' };

/** A JWT as an App makes one, `now` in seconds. */
function jsonWebToken(claims: object, privateKey: string, alg = 'RS256'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}

const now = Math.floor(Date.now() / 1000);

test('a JWT proves the App, by its id or its client id', async () => {
  await using at = await startFixture();
  for (const iss of [at.app.appId, String(at.app.appId), at.app.clientId]) {
    const jwt = jsonWebToken({ iat: now - 60, exp: now + 540, iss }, at.app.privateKey);
    const { data } = await at.as(jwt).request('GET /app');
    expect(data?.slug).toBe('kajitori');
    const installation = await at.as(jwt).request('GET /repos/{owner}/{repo}/installation', repository);
    expect(installation.data.id).toBe(at.app.installationId('acme'));
  }
});

test('a JWT that is expired, too long, of the future, of another key or of another algorithm is 401', async () => {
  await using at = await startFixture();
  const other = at.github.createApp({ slug: 'other', permissions: {} });
  const { appId: iss, privateKey } = at.app;
  const ask = (jwt: string): Promise<{ status: number }> => refusalOf(at.as(jwt).request('GET /app'));
  const wrong = [
    jsonWebToken({ iat: now - 600, exp: now - 1, iss }, privateKey),
    jsonWebToken({ iat: now, exp: now + 3600, iss }, privateKey),
    jsonWebToken({ iat: now + 600, exp: now + 640, iss }, privateKey),
    jsonWebToken({ iat: now, exp: now + 60, iss }, other.privateKey),
    jsonWebToken({ iat: now, exp: now + 60, iss }, privateKey, 'none'),
  ];
  expect((await Promise.all(wrong.map(ask))).map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
  const nobody = await ask(jsonWebToken({ iat: now, exp: now + 60, iss: 1 }, privateKey));
  expect(nobody).toMatchObject({ status: 404, message: 'Integration not found' });
});

test('an installation token ends after an hour', async () => {
  let time = new Date('2026-11-21T09:00:00Z');
  await using at = await startFixture({ private: true }, undefined, () => time);
  const octokit = at.as(at.app.token('acme'));
  time = new Date('2026-11-21T09:59:59Z');
  expect((await octokit.request('GET /repos/{owner}/{repo}', repository)).status).toBe(200);
  time = new Date('2026-11-21T10:00:00Z');
  expect(await refusalOf(octokit.request('GET /repos/{owner}/{repo}', repository))).toMatchObject({
    status: 401,
    message: 'Bad credentials',
  });
});

test('a token is narrowed to what is asked, and never wider than the installation', async () => {
  await using at = await startFixture({}, { contents: 'read' });
  const id = at.app.installationId('acme');
  const jwt = at.as(jsonWebToken({ iat: now, exp: now + 60, iss: at.app.appId }, at.app.privateKey));
  const ask = (
    body: object,
  ): Promise<{ status: number; data: { permissions?: object; repository_selection?: string } }> =>
    jwt.request('POST /app/installations/{installation_id}/access_tokens', { installation_id: id, ...body });
  expect(await ask({})).toMatchObject({
    status: 201,
    data: { permissions: { contents: 'read', metadata: 'read' }, repository_selection: 'all' },
  });
  expect(await ask({ repositories: ['gitops'] })).toMatchObject({
    data: { repository_selection: 'selected' },
  });
  expect(await refusalOf(ask({ permissions: { contents: 'write' } }))).toMatchObject({
    status: 422,
    message: 'The permissions requested are not granted to this installation.',
  });
  expect(await refusalOf(ask({ repositories: ['elsewhere'] }))).toMatchObject({
    status: 422,
    message:
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
  });
});

test('a token is given for a body of null as for none: so asks the library that Argo CD uses', async () => {
  await using at = await startFixture({}, { statuses: 'write' });
  const jwt = jsonWebToken({ iat: now - 30, exp: now + 120, iss: String(at.app.appId) }, at.app.privateKey);
  const path = `/app/installations/${at.app.installationId('acme')}/access_tokens`;
  const answer = await fetch(`${at.github.apiUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${jwt}`, 'content-type': 'application/json' },
    body: 'null\n',
  });
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({
    permissions: { statuses: 'write' },
    repository_selection: 'all',
  });
});

test('a private repository is 404 to whoever has no access, and the same as one that does not exist', async () => {
  await using at = await startFixture({ private: true });
  const stranger = at.github.createApp({ slug: 'stranger', permissions: { contents: 'write' } });
  await at.github.createRepository('stranger/own');
  stranger.install('stranger');
  for (const token of [stranger.token('stranger'), at.github.createUser('passer-by').token]) {
    const refused = await refusalOf(at.as(token).request('GET /repos/{owner}/{repo}', repository));
    expect(refused).toMatchObject({ status: 404, message: 'Not Found' });
    const absent = await refusalOf(
      at.as(token).request('GET /repos/{owner}/{repo}', { owner: 'acme', repo: 'none' }),
    );
    expect(absent.body).toEqual(refused.body);
  }
});

test('a repository says what the asker may do', async () => {
  await using at = await startFixture({ archived: true, collaborators: { reader: 'read', boss: 'admin' } });
  const permissions = async (token: string): Promise<unknown> => {
    const { data } = await at.as(token).request('GET /repos/{owner}/{repo}', repository);
    expect(data).toMatchObject({ archived: true, private: false, default_branch: 'main' });
    return data.permissions;
  };
  expect(await permissions(at.app.token('acme'))).toMatchObject({ push: true, admin: false });
  expect(await permissions(at.github.createUser('reader').token)).toMatchObject({ push: false, pull: true });
  expect(await permissions(at.github.createUser('boss').token)).toMatchObject({ push: true, admin: true });
});

test('settings that need administration are 403 to an App without it', async () => {
  const protect = {
    protection: { main: { statusChecks: ['guard'] } },
    private: true,
    actionsAccess: 'organization' as const,
  };
  await using at = await startFixture(protect, { contents: 'write' });
  const protection = { ...repository, branch: 'main' };
  expect(
    (
      await refusalOf(
        at.octokit.request('GET /repos/{owner}/{repo}/branches/{branch}/protection', protection),
      )
    ).status,
  ).toBe(403);
  const boss = at.as(at.github.createUser('acme').token);
  const { data } = await boss.request('GET /repos/{owner}/{repo}/branches/{branch}/protection', protection);
  expect(data.required_status_checks?.contexts).toEqual(['guard']);
  const access = await boss.request('GET /repos/{owner}/{repo}/actions/permissions/access', repository);
  expect(access.data.access_level).toBe('organization');
});

test('teams and their members are seen with members: read only', async () => {
  await using at = await startFixture(
    { teams: { shop: { members: ['ann'], permission: 'write' } } },
    { members: 'read' },
  );
  const team = { org: 'acme', team_slug: 'shop' };
  expect((await at.octokit.request('GET /orgs/{org}/teams/{team_slug}', team)).data.slug).toBe('shop');
  const route = 'GET /orgs/{org}/teams/{team_slug}/memberships/{username}';
  expect((await at.octokit.request(route, { ...team, username: 'ann' })).data.state).toBe('active');
  expect((await refusalOf(at.octokit.request(route, { ...team, username: 'bob' }))).status).toBe(404);
  const blind = at.as(at.github.createUser('passer-by').token);
  expect((await refusalOf(blind.request('GET /orgs/{org}/teams/{team_slug}', team))).status).toBe(404);
});
