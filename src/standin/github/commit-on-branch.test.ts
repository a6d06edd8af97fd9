import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { expect, test } from 'vitest';
import { commitInput, commitMutation, errorsOf, refusalOf, startFixture } from './fixture.ts';

test('a commit by an App is one signed commit of the bot, with all its files', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  await at.octokit.graphql(
    commitMutation,
    commitInput(head, {
      'apps/web/release.yaml': 'tag: "2"\n',
      'apps/api/release.yaml': 'tag: "9"\n',
      'README.md': null,
    }),
  );
  const [commit] = await at.repository.commits();
  expect(commit).toMatchObject({
    message: 'Deploy web\n\nKajitori-App: web',
    parents: [head],
    signed: true,
    author: { name: 'kajitori[bot]' },
    committer: { name: 'GitHub', email: 'noreply@github.com' },
  });
  expect(await at.repository.files()).toEqual(['apps/api/release.yaml', 'apps/web/release.yaml']);
  expect(await at.repository.read('apps/web/release.yaml')).toBe('tag: "2"\n');
});

test('of 20 commits on the same head one is made, the others are STALE_DATA', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { a: String(index) }))),
    ),
  );
  const lost = answers.flat();
  expect(lost).toHaveLength(19);
  for (const error of lost) {
    expect(error).toMatchObject({
      type: 'STALE_DATA',
      path: ['createCommitOnBranch'],
      message: `Expected branch to point to "${head}" but it did not.  Pull and try again.`,
    });
  }
  expect(await at.repository.commits()).toHaveLength(2);
});

test('Octokit with the key of the App gets itself a token and reads the snapshot at the head', async () => {
  await using at = await startFixture();
  const octokit = new Octokit({
    baseUrl: at.github.apiUrl,
    authStrategy: createAppAuth,
    auth: {
      appId: at.app.appId,
      privateKey: at.app.privateKey,
      installationId: at.app.installationId('acme'),
    },
  });
  const read = await octokit.graphql(/* GraphQL */ `
    query Snapshot {
      repository(owner: "acme", name: "gitops") {
        isArchived
        viewerPermission
        ref(qualifiedName: "refs/heads/main") {
          name
          target {
            oid
            ... on Commit {
              web: file(path: "apps/web/release.yaml") {
                mode
                type
                object { ... on Blob { text isBinary isTruncated byteSize } }
              }
              none: file(path: "apps/none") { mode }
              apps: file(path: "apps") {
                type
                object { ... on Tree { entries { name path type mode } } }
              }
              history(first: 5) { nodes { oid message } pageInfo { hasNextPage } }
            }
          }
        }
      }
    }
  `);
  const head = await at.repository.head();
  expect(read).toEqual({
    repository: {
      isArchived: false,
      viewerPermission: 'WRITE',
      ref: {
        name: 'main',
        target: {
          oid: head,
          web: {
            mode: 33188,
            type: 'blob',
            object: { text: 'tag: "1"\n', isBinary: false, isTruncated: false, byteSize: 9 },
          },
          none: null,
          apps: {
            type: 'tree',
            object: { entries: [{ name: 'web', path: 'apps/web', type: 'tree', mode: 16384 }] },
          },
          history: { nodes: [{ oid: head, message: 'Initial commit' }], pageInfo: { hasNextPage: false } },
        },
      },
    },
  });
  expect(at.github.log.map(({ operation, status, who }) => `${operation} ${status} ${who}`)).toEqual([
    'POST /app/installations/{installation_id}/access_tokens 201 kajitori',
    'Snapshot 200 kajitori[bot]',
  ]);
});

test.each(['../outside', '/etc/passwd', '.git/config', 'apps/.GIT/hooks/x', 'a//b', 'a/./b', 'a/', ''])(
  'the path %j is refused, and nothing is written',
  async (path) => {
    await using at = await startFixture();
    const head = await at.repository.head();
    const [error] = await errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { [path]: 'x' })));
    expect(error).toMatchObject({
      type: 'UNPROCESSABLE',
      message: 'path contains a malformed path component',
    });
    expect(await at.repository.head()).toBe(head);
  },
);

test('deleting what is not there aborts the whole commit', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  const [error] = await errorsOf(
    at.octokit.graphql(commitMutation, commitInput(head, { 'README.md': 'new', gone: null })),
  );
  expect(error?.message).toBe(
    `A path was requested for deletion which does not exist as of commit oid \`${head}\``,
  );
  expect(await at.repository.head()).toBe(head);
});

test('an executable and a symbolic link become ordinary files when they are written', async () => {
  await using at = await startFixture();
  await at.repository.commit({ 'run.sh': '#!/bin/sh\n' }, { mode: '100755' });
  const head = await at.repository.commit({ link: 'README.md' }, { mode: '120000' });
  await at.octokit.graphql(commitMutation, commitInput(head, { 'run.sh': '#!/bin/bash\n', link: 'text' }));
  expect([await at.repository.mode('run.sh'), await at.repository.mode('link')]).toEqual([
    '100644',
    '100644',
  ]);
});

test('a change of nothing is an empty commit', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  await at.octokit.graphql(commitMutation, commitInput(head, {}));
  expect(await at.repository.commits()).toHaveLength(2);
});

test('a file where a folder is, and a folder where a file is, are refused', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  const refused = await Promise.all([
    errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { apps: 'x' }))),
    errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { 'README.md/x': 'x' }))),
  ]);
  expect(refused.flat().map(({ message }) => message)).toEqual([
    'apps is a folder, not a file',
    'README.md is a file, not a folder',
  ]);
});

test('a branch that does not exist is not made', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  const [error] = await errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { a: 'b' }, 'topic')));
  expect(error).toMatchObject({ type: 'NOT_FOUND', message: 'Branch not found' });
  expect(await at.repository.branches()).toEqual(['main']);
});

test('what a token may not do is FORBIDDEN: no permission, another repository, an archived one', async () => {
  await using at = await startFixture({ collaborators: { reader: 'read' } });
  const head = await at.repository.head();
  await at.github.createRepository('acme/other', { private: true, files: { a: 'b' } });
  const tries = [
    at.as(at.app.token('acme', { permissions: { contents: 'read' } })),
    at.as(at.app.token('acme', { repositories: ['other'] })),
    at.as(at.github.createUser('reader').token),
  ].map((octokit) => errorsOf(octokit.graphql(commitMutation, commitInput(head, { a: 'b' }))));
  expect((await Promise.all(tries)).flat().map(({ type, message }) => `${type}: ${message}`)).toEqual([
    'FORBIDDEN: Resource not accessible by integration',
    'FORBIDDEN: Resource not accessible by integration',
    'FORBIDDEN: reader does not have the correct permissions to execute `CreateCommitOnBranch`',
  ]);
  at.repository.archive();
  const [archived] = await errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { a: 'b' })));
  expect(archived).toMatchObject({ type: 'FORBIDDEN', message: 'Repository was archived so is read-only.' });
  expect(await at.repository.head()).toBe(head);
});

test('an App without the workflows permission cannot write a workflow', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  const change = commitInput(head, { '.github/workflows/ci.yml': 'on: push\n' });
  const [error] = await errorsOf(at.octokit.graphql(commitMutation, change));
  expect(error?.message).toBe(
    'refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission',
  );
});

test('what a GITHUB_TOKEN writes starts no workflows, what an App writes does', async () => {
  await using at = await startFixture();
  const byActions = at.as(at.github.actionsToken('acme/gitops'));
  await byActions.graphql(commitMutation, commitInput(await at.repository.head(), { a: '1' }));
  await at.octokit.graphql(commitMutation, commitInput(await at.repository.head(), { a: '2' }));
  expect(at.repository.events().map(({ actor, startsWorkflows }) => [actor, startsWorkflows])).toEqual([
    ['github-actions[bot]', false],
    ['kajitori[bot]', true],
  ]);
});

test('without a token, and with a wrong one, GraphQL answers 401', async () => {
  await using at = await startFixture();
  const query = '{ viewer { login } }';
  const anonymous = await fetch(at.github.graphqlUrl, { method: 'POST', body: JSON.stringify({ query }) });
  expect(anonymous.status).toBe(401);
  expect(await refusalOf(at.as('ghs_wrong').graphql(query))).toMatchObject({
    status: 401,
    message: 'Bad credentials',
  });
});
