import { expect, test } from 'vitest';
import { startFixture } from '../standin/github/fixture.ts';
import { createGitHubClient } from './client.ts';
import { type StickyComments, writeStickyComments } from './sticky-comment.ts';
import { systemTiming } from './timing.ts';

/** A pull request on the stand-in, and ways to write to it as different people. */
async function pullRequest() {
  const fixture = await startFixture();
  const { github, repository, octokit } = fixture;
  await repository.commit({ 'x.yaml': 'a: 1\n' }, { branch: 'work', message: 'Work' });
  await octokit.request('POST /repos/acme/gitops/pulls', { title: 'Work', head: 'work', base: 'main' });
  const clientOf = (permissions: Readonly<Record<string, 'read' | 'write'>>) =>
    createGitHubClient({
      apiUrl: github.apiUrl,
      token: github.actionsToken('acme/gitops', permissions),
      timing: systemTiming,
    });
  const client = clientOf({ pull_requests: 'write' });
  return {
    client,
    readOnly: clientOf({ pull_requests: 'read' }),
    comment: (body: string) => octokit.request('POST /repos/acme/gitops/issues/1/comments', { body }),
    bodies: async () => {
      const { data } = await octokit.request('GET /repos/acme/gitops/issues/1/comments?per_page=100');
      return (data as { body: string }[]).map(({ body }) => body);
    },
    say: (pages: readonly string[], more: Partial<StickyComments> = {}) =>
      writeStickyComments(client, {
        repository: { owner: 'acme', name: 'gitops' },
        pullRequest: 1,
        name: 'kajitori:test',
        pages,
        whenEmpty: 'Nothing any more.',
        ...more,
      }),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

test('a second run edits the comment of the first, and an equal one writes nothing', async () => {
  await using pull = await pullRequest();
  expect(await pull.say(['one'])).toMatchObject({ created: 1, updated: 0, removed: 0 });
  expect(await pull.say(['two'])).toMatchObject({
    created: 0,
    updated: 1,
    removed: 0,
    url: expect.stringContaining('#issuecomment-'),
  });
  expect(await pull.say(['two'])).toMatchObject({ created: 0, updated: 0, removed: 0 });
  expect(await pull.bodies()).toEqual(['<!-- kajitori:test 1 -->\ntwo']);
});

test('pages come and go', async () => {
  await using pull = await pullRequest();
  await pull.say(['a', 'b', 'c']);
  expect(await pull.say(['a', 'B'])).toMatchObject({ created: 0, updated: 1, removed: 1 });
  expect(await pull.bodies()).toEqual(['<!-- kajitori:test 1 -->\na', '<!-- kajitori:test 2 -->\nB']);
});

test('nothing to say writes nothing, but takes back what was said', async () => {
  await using pull = await pullRequest();
  expect(await pull.say([])).toEqual({ created: 0, updated: 0, removed: 0, url: undefined });
  await pull.say(['a', 'b']);
  expect(await pull.say([])).toMatchObject({ updated: 1, removed: 1 });
  expect(await pull.bodies()).toEqual(['<!-- kajitori:test 1 -->\nNothing any more.']);
});

test('comments of others stay as they are, also with our marker, and ours is found behind a hundred of them', async () => {
  await using pull = await pullRequest();
  await pull.comment('<!-- kajitori:test 1 -->\nforged');
  await pull.say(['ours']);
  for (let index = 0; index < 101; index += 1) await pull.comment(`chat ${index}`);
  await pull.say(['other'], { name: 'kajitori:other' });
  expect(await pull.say(['ours, new'], {})).toMatchObject({ created: 0, updated: 1 });
  expect(await pull.say(['other, new'], { name: 'kajitori:other' })).toMatchObject({
    created: 0,
    updated: 1,
  });
  expect((await pull.bodies())[0]).toBe('<!-- kajitori:test 1 -->\nforged');
});

test('a token that cannot write, as on pull requests from forks, is exit 2 with words', async () => {
  await using pull = await pullRequest();
  await expect(
    writeStickyComments(pull.readOnly, {
      repository: { owner: 'acme', name: 'gitops' },
      pullRequest: 1,
      name: 'kajitori:test',
      pages: ['x'],
      whenEmpty: '',
    }),
  ).rejects.toMatchObject({ exitCode: 2, reason: 'github-denied', todo: expect.stringContaining('forks') });
});
