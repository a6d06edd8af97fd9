import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { expect, test } from 'vitest';
import { type GitHubStandin, type StandinApp, startGitHub } from './server.ts';

const mutation = /* GraphQL */ `
  mutation Commit($input: CreateCommitOnBranchInput!) {
    createCommitOnBranch(input: $input) { commit { oid message author { name email } } ref { name } }
  }
`;

interface Made {
  createCommitOnBranch: { commit: { oid: string }; ref: { name: string } };
}

async function setUp(options: Parameters<GitHubStandin['createRepository']>[1] = {}) {
  const github = await startGitHub();
  const repository = await github.createRepository('acme/gitops', {
    files: { 'apps/web/release.yaml': 'tag: "1"\n', 'README.md': 'Hello\n' },
    ...options,
  });
  const app: StandinApp = github.createApp({ slug: 'kajitori', permissions: { contents: 'write' } });
  app.install('acme');
  const octokit = as(github, app.token('acme'));
  return { github, repository, app, octokit, [Symbol.asyncDispose]: () => github[Symbol.asyncDispose]() };
}

const as = (github: GitHubStandin, token: string): Octokit =>
  new Octokit({ baseUrl: github.apiUrl, auth: token });

const input = (expectedHeadOid: string, fileChanges: object = {}) => ({
  branch: { repositoryNameWithOwner: 'acme/gitops', branchName: 'main' },
  expectedHeadOid,
  message: { headline: 'Deploy web', body: 'Kajitori-App: web' },
  fileChanges,
});

const add = (path: string, text: string) => ({ path, contents: Buffer.from(text).toString('base64') });

const errorsOf = async (work: Promise<unknown>): Promise<{ type: string; message: string }[]> =>
  work.then(
    () => [],
    (error: { errors?: { type: string; message: string }[] }) => {
      if (error.errors === undefined) throw error;
      return error.errors;
    },
  );

test('a commit by an App is one signed commit of the bot, with all its files', async () => {
  await using at = await setUp();
  const head = await at.repository.head();
  const made = await at.octokit.graphql<Made>(mutation, {
    input: input(head, {
      additions: [add('apps/web/release.yaml', 'tag: "2"\n'), add('apps/api/release.yaml', 'tag: "9"\n')],
      deletions: [{ path: 'README.md' }],
    }),
  });
  const [commit] = await at.repository.commits();
  expect(commit).toMatchObject({
    oid: made.createCommitOnBranch.commit.oid,
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
  await using at = await setUp();
  const head = await at.repository.head();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      errorsOf(at.octokit.graphql(mutation, { input: input(head, { additions: [add('a', `${index}`)] }) })),
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

test("Octokit with the App's key gets itself a token and reads the snapshot at the head", async () => {
  await using at = await setUp();
  const octokit = new Octokit({
    baseUrl: at.github.apiUrl,
    authStrategy: createAppAuth,
    auth: {
      appId: at.app.appId,
      privateKey: at.app.privateKey,
      installationId: at.app.installationId('acme'),
    },
  });
  const read = await octokit.graphql(
    `query Snapshot { repository(owner: "acme", name: "gitops") { isArchived viewerPermission ref(qualifiedName: "refs/heads/main") { id name target { oid ... on Commit {
       web: file(path: "apps/web/release.yaml") { mode type object { ... on Blob { text isBinary isTruncated byteSize } } }
       none: file(path: "apps/none") { mode }
       apps: file(path: "apps") { type object { ... on Tree { entries { name path type mode } } } }
       history(first: 5) { nodes { oid message } pageInfo { hasNextPage endCursor } } } } } } }`,
  );
  const head = await at.repository.head();
  expect(read).toMatchObject({
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
