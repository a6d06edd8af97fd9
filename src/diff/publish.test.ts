import { expect, test } from 'vitest';
import { createGitHubClient } from '../github/client.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { startFixture } from '../standin/github/fixture.ts';
import { type NotLookedAt, publishDiff, publishNotLookedAt } from './publish.ts';

const OLDER = {
  base: '1f3c9e2b7a6d',
  head: 'aaaaaaaaaaaa',
  applications: { total: 1, affected: 1 },
  notRendered: [{ application: 'web-eu', side: 'after', message: 'A chart is missing.' }],
  notLookedAt: [],
  blocks: [],
  capacity: [],
} as const;

/** What was thrown of the newest commit. */
const newest = (error: unknown): NotLookedAt => ({
  head: '0123456789abcdef0123456789abcdef01234567',
  error,
  runUrl: 'https://github.com/acme/gitops/actions/runs/7',
});

/** A pull request on the stand-in, and tokens of its runs. */
async function pullRequest() {
  const fixture = await startFixture();
  const { github, repository, octokit } = fixture;
  await repository.commit({ 'x.yaml': 'a: 1\n' }, { branch: 'work', message: 'Work' });
  await octokit.request('POST /repos/acme/gitops/pulls', { title: 'Work', head: 'work', base: 'main' });
  const clientOf = (access: 'read' | 'write') =>
    createGitHubClient({
      apiUrl: github.apiUrl,
      token: github.actionsToken('acme/gitops', { pull_requests: access }),
      timing: systemTiming,
    });
  return {
    on: { repository: { owner: 'acme', name: 'gitops' }, pullRequest: 1, name: 'render-diff' },
    writer: clientOf('write'),
    reader: clientOf('read'),
    bodies: async () => {
      const { data } = await octokit.request('GET /repos/acme/gitops/issues/1/comments');
      return (data as { body: string }[]).map(({ body }) => body);
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

test('the report of an older commit gives way to why the newest one could not be looked at', async () => {
  await using pull = await pullRequest();
  await publishDiff(OLDER, pull.writer, { ...pull.on, page: undefined });
  const failure = couldNot('kajitori.yaml is not\nYAML: <b>@acme/shop</b>', {
    at: { file: 'kajitori.yaml', line: 3, column: 5 },
    todo: 'Correct it.',
  });
  await publishNotLookedAt(newest(failure), pull.writer, pull.on);
  const [body = '', ...others] = await pull.bodies();
  expect(others).toEqual([]);
  expect(body).toMatch(
    /^<!-- kajitori:render-diff 1 -->\n## Not checked: commit `0123456789ab` could not be looked at\n/,
  );
  expect(body).toMatch(
    /^- `kajitori\.yaml:3:5`: kajitori\.yaml is not YAML: .*acme\/shop.* → Correct it\.$/m,
  );
  expect(body).not.toMatch(/<b>|@acme|web-eu/);
  expect(body).toContain('was of an older commit. [The run that failed](https://github.com/acme/gitops/');
  // The next commit that can be looked at has its report in the same place.
  await publishDiff(OLDER, pull.writer, { ...pull.on, page: undefined });
  expect(await pull.bodies()).toEqual([expect.stringContaining('web-eu')]);
});

test('a defect of ours takes the older report away too, and is called one', async () => {
  await using pull = await pullRequest();
  await publishDiff(OLDER, pull.writer, { ...pull.on, page: undefined });
  await publishNotLookedAt(newest(new TypeError('x is not a function')), pull.writer, pull.on);
  expect(await pull.bodies()).toEqual([expect.stringContaining('a defect of Kajitori')]);
});

test('where there is no report of ours nothing is written, so a token that may only read is enough', async () => {
  await using pull = await pullRequest();
  await publishNotLookedAt(newest(couldNot('No helm.')), pull.reader, pull.on);
  expect(await pull.bodies()).toEqual([]);
});
