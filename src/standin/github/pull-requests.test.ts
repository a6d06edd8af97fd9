import { expect, test } from 'vitest';
import { commitInput, commitMutation, errorsOf, type Fixture, refusalOf, startFixture } from './fixture.ts';
import type { RepositoryOptions, Ruleset } from './server.ts';

const repository = { owner: 'acme', repo: 'gitops' };

const open = async (at: Fixture, head = 'bump'): Promise<{ number: number; node_id: string }> =>
  (
    await at.octokit.request('POST /repos/{owner}/{repo}/pulls', {
      ...repository,
      title: 'Bump',
      head,
      base: 'main',
    })
  ).data;

const merge = (at: Fixture, number: number, options: object = {}): Promise<unknown> =>
  at.octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
    ...repository,
    pull_number: number,
    ...options,
  });

const autoMerge = (at: Fixture, pullRequestId: string): Promise<unknown> =>
  at.octokit.graphql(
    `mutation ($input: EnablePullRequestAutoMergeInput!) {
       enablePullRequestAutoMerge(input: $input) { pullRequest { autoMergeRequest { mergeMethod } } } }`,
    { input: { pullRequestId, mergeMethod: 'SQUASH' } },
  );

/** With a branch `bump` that changes the release file. */
async function withBranch(options: RepositoryOptions = {}): Promise<Fixture> {
  const at = await startFixture(options);
  await at.repository.commit({ 'apps/web/release.yaml': 'tag: "2"\n' }, { branch: 'bump' });
  return at;
}

const ruleset = (rules: Ruleset['rules'], bypassedBy?: number): Ruleset => ({
  name: 'protect main',
  rules,
  ...(bypassedBy === undefined
    ? {}
    : { bypass_actors: [{ actor_type: 'Integration', actor_id: bypassedBy, bypass_mode: 'always' }] }),
});

const checks = (...contexts: string[]): Ruleset['rules'][number] => ({
  type: 'required_status_checks',
  parameters: { required_status_checks: contexts.map((context) => ({ context })) },
});

test('a second pull request for the same branches is 422, in GitHub words', async () => {
  await using at = await withBranch();
  await open(at);
  expect(await refusalOf(open(at))).toMatchObject({
    status: 422,
    message: 'Validation Failed',
    body: {
      errors: [
        { resource: 'PullRequest', code: 'custom', message: 'A pull request already exists for acme:bump.' },
      ],
    },
  });
  const { data } = await at.octokit.request('GET /repos/{owner}/{repo}/pulls', {
    ...repository,
    head: 'acme:bump',
    base: 'main',
  });
  expect(data).toHaveLength(1);
});

test('a pull request of nothing, or of an unknown branch, is 422', async () => {
  await using at = await withBranch();
  expect((await refusalOf(open(at, 'none'))).body).toMatchObject({
    errors: [{ field: 'head', code: 'invalid' }],
  });
  await at.octokit.request('POST /repos/{owner}/{repo}/git/refs', {
    ...repository,
    ref: 'refs/heads/same',
    sha: await at.repository.head(),
  });
  expect((await refusalOf(open(at, 'same'))).body).toMatchObject({
    errors: [{ message: 'No commits between main and same' }],
  });
});

test.each([
  ['merge', 2, 'Merge pull request #1 from acme/bump\n\nBump'],
  ['squash', 1, 'Bump (#1)'],
  ['rebase', 1, 'Change apps/web/release.yaml'],
])('a merge by %s', async (merge_method, parents, message) => {
  await using at = await withBranch({ deleteBranchOnMerge: true });
  const { number } = await open(at);
  await merge(at, number, { merge_method });
  const [commit] = await at.repository.commits();
  expect(commit).toMatchObject({ message, parents: { length: parents } });
  expect(await at.repository.read('apps/web/release.yaml')).toBe('tag: "2"\n');
  expect(await at.repository.branches()).toEqual(['main']);
  expect(await refusalOf(merge(at, number))).toMatchObject({
    status: 405,
    message: 'Pull Request is not mergeable',
  });
});

test('a merge of a head that moved is 409, of a conflict 405', async () => {
  await using at = await withBranch();
  const { number } = await open(at);
  const moved = merge(at, number, { sha: 'f'.repeat(40) });
  expect(await refusalOf(moved)).toMatchObject({
    status: 409,
    message: 'Head branch was modified. Review and try the merge again.',
  });
  await at.repository.commit({ 'apps/web/release.yaml': 'tag: "3"\n' });
  expect(await refusalOf(merge(at, number))).toMatchObject({
    status: 405,
    message: 'Pull Request is not mergeable',
  });
});

test('a direct commit against a ruleset is refused; a bypassing App may; classic protection binds it all the same', async () => {
  await using probe = await startFixture();
  const rules = [{ type: 'pull_request' }] as const;
  const commit = async (at: Fixture) =>
    errorsOf(at.octokit.graphql(commitMutation, commitInput(await at.repository.head(), { a: 'b' })));
  const message = 'Changes must be made through a pull request.';

  await using bound = await startFixture({ rulesets: [ruleset(rules)] });
  expect(await commit(bound)).toMatchObject([
    { type: 'UNPROCESSABLE', message: `Repository rule violations found\n\n${message}\n\n` },
  ]);
  // The ids of a fresh stand-in are the same each time, so the App's is known before it exists.
  await using free = await startFixture({ rulesets: [ruleset(rules, probe.app.appId + 1)] });
  expect(free.app.appId).toBe(probe.app.appId + 1);
  expect(await commit(free)).toEqual([]);

  await using classic = await startFixture({
    rulesets: [ruleset(rules, probe.app.appId + 1)],
    protection: { main: { pullRequest: {} } },
  });
  expect(await commit(classic)).toMatchObject([{ type: 'BRANCH_PROTECTION_RULE_VIOLATION', message }]);
});

test('auto-merge merges when the required checks are green, and not before', async () => {
  await using at = await withBranch({
    allowAutoMerge: true,
    rulesets: [ruleset([{ type: 'pull_request' }, checks('guard', 'diff')])],
  });
  const { node_id } = await open(at);
  await autoMerge(at, node_id);
  const head = await at.repository.head('bump');
  await at.repository.setStatus(head, 'guard', 'success');
  await at.repository.setStatus(head, 'diff', 'failure');
  expect(at.repository.pullRequests()[0]?.state).toBe('open');
  await at.repository.setStatus(head, 'diff', 'success');
  expect(at.repository.pullRequests()[0]).toMatchObject({ state: 'closed', merged: { by: 'kajitori[bot]' } });
  expect((await at.repository.commits())[0]?.message).toBe('Bump (#1)');
});

test('auto-merge is refused where there is nothing to wait for, and where the repository does not allow it', async () => {
  await using clean = await withBranch({ allowAutoMerge: true });
  expect(await errorsOf(autoMerge(clean, (await open(clean)).node_id))).toMatchObject([
    { type: 'UNPROCESSABLE', message: 'Pull request Pull request is in clean status' },
  ]);
  await using off = await withBranch({ rulesets: [ruleset([checks('guard')])] });
  expect(await errorsOf(autoMerge(off, (await open(off)).node_id))).toMatchObject([
    { type: 'UNPROCESSABLE', message: 'Auto merge is not allowed for this repository' },
  ]);
});

test('auto-merge is turned on once and off once; a push leaves it on', async () => {
  await using at = await withBranch({ allowAutoMerge: true, rulesets: [ruleset([checks('guard')])] });
  const { node_id: pullRequestId } = await open(at);
  const turnOff = (): Promise<unknown> =>
    at.octokit.graphql(
      `mutation ($input: DisablePullRequestAutoMergeInput!) {
         disablePullRequestAutoMerge(input: $input) { pullRequest { autoMergeRequest { mergeMethod } } } }`,
      { input: { pullRequestId } },
    );
  await autoMerge(at, pullRequestId);
  await at.repository.commit({ 'apps/web/release.yaml': 'tag: "3"\n' }, { branch: 'bump' });
  expect(await errorsOf(autoMerge(at, pullRequestId))).toMatchObject([
    { type: 'UNPROCESSABLE', message: 'Pull request Auto merge is already enabled' },
  ]);
  expect(await turnOff()).toEqual({
    disablePullRequestAutoMerge: { pullRequest: { autoMergeRequest: null } },
  });
  expect(await errorsOf(turnOff())).toMatchObject([
    { type: 'UNPROCESSABLE', message: "Can't disable auto-merge for this pull request." },
  ]);
});

const owners: RepositoryOptions = {
  files: {
    '.github/CODEOWNERS': '* @boss\n/apps/ @acme/shop @kajitori\n',
    'apps/web/release.yaml': 'tag: "1"\n',
  },
  collaborators: { boss: 'admin', kajitori: 'write' },
  teams: { shop: { members: ['ann'], permission: 'write' } },
  allowAutoMerge: true,
};
const ownersRule: Ruleset['rules'] = [
  { type: 'pull_request', parameters: { require_code_owner_review: true } },
];

test('where code owners must review, their approval merges; others do not count', async () => {
  await using at = await withBranch({ ...owners, rulesets: [ruleset(ownersRule)] });
  const { number, node_id } = await open(at);
  await autoMerge(at, node_id);
  await at.repository.review(number, 'boss');
  expect(await refusalOf(merge(at, number))).toMatchObject({
    status: 405,
    message:
      'Repository rule violations found\n\nWaiting on code owner review from acme/shop and/or kajitori.\n\n',
  });
  await at.repository.review(number, 'ann');
  expect(at.repository.pullRequests()[0]?.state).toBe('closed');
});

test('auto-merge ignores the bypass of the App that asked for it; its own merge by REST does not', async () => {
  await using probe = await startFixture({ teams: { shop: { members: [], permission: 'read' } } });
  await using at = await withBranch({ ...owners, rulesets: [ruleset(ownersRule, probe.app.appId + 1)] });
  const { number, node_id } = await open(at);
  await autoMerge(at, node_id);
  await at.repository.setStatus(await at.repository.head('bump'), 'any', 'success');
  expect(at.repository.pullRequests()[0]?.state).toBe('open');
  await merge(at, number, { sha: await at.repository.head('bump') });
  expect(at.repository.pullRequests()[0]?.state).toBe('closed');
});

test('a push to the branch moves the pull request, and takes away approvals where the ruleset says so', async () => {
  const parameters = { required_approving_review_count: 1, dismiss_stale_reviews_on_push: true };
  await using at = await withBranch({
    collaborators: { ann: 'write' },
    rulesets: [ruleset([{ type: 'pull_request', parameters }])],
  });
  const { number } = await open(at);
  await at.repository.review(number, 'ann');
  const head = await at.repository.commit({ a: 'b' }, { branch: 'bump' });
  const ref = await at.octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', {
    ...repository,
    ref: `pull/${number}/head`,
  });
  expect(ref.data.object.sha).toBe(head);
  expect(
    at.repository.events().filter(({ event, oid }) => event === 'pull_request' && oid === head),
  ).toHaveLength(1);
  expect((await refusalOf(merge(at, number))).message).toContain('At least 1 approving review is required');
  await at.repository.review(number, 'ann');
  await merge(at, number);
});

test('nobody approves their own pull request, and a GITHUB_TOKEN opens none unless allowed', async () => {
  await using at = await withBranch({ collaborators: { ann: 'write' } });
  const ann = at.as(at.github.createUser('ann').token);
  const mine = await ann.request('POST /repos/{owner}/{repo}/pulls', {
    ...repository,
    title: 'Mine',
    head: 'bump',
    base: 'main',
  });
  const approve = ann.request('POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews', {
    ...repository,
    pull_number: mine.data.number,
    event: 'APPROVE',
  });
  expect((await refusalOf(approve)).body).toMatchObject({
    errors: ['Review Can not approve your own pull request'],
  });
  const actions = at.as(at.github.actionsToken('acme/gitops'));
  const refused = actions.request('POST /repos/{owner}/{repo}/pulls', {
    ...repository,
    title: 'T',
    head: 'bump',
    base: 'main',
  });
  expect(await refusalOf(refused)).toMatchObject({
    status: 403,
    message: 'GitHub Actions is not permitted to create or approve pull requests.',
  });
});

test('labels are made when they are missing; a comment holds 65,536 characters', async () => {
  await using at = await withBranch();
  const { number } = await open(at);
  const issue = { ...repository, issue_number: number };
  const labels = await at.octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', {
    ...issue,
    labels: ['deploy'],
  });
  expect(labels.data.map(({ name }) => name)).toEqual(['deploy']);
  const comment = (body: string) =>
    at.octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', { ...issue, body });
  const { data } = await comment('x'.repeat(65_536));
  expect((await refusalOf(comment('x'.repeat(65_537)))).status).toBe(422);
  await at.octokit.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
    ...repository,
    comment_id: data.id,
    body: 'short',
  });
  expect(at.repository.pullRequests()[0]?.comments.map(({ body }) => body)).toEqual(['short']);
});

test('rules are listed for a branch, with their ruleset; another branch has none', async () => {
  await using at = await withBranch({ rulesets: [ruleset([{ type: 'pull_request' }, checks('guard')])] });
  const list = async (branch: string): Promise<string[]> =>
    (
      await at.octokit.request('GET /repos/{owner}/{repo}/rules/branches/{branch}', { ...repository, branch })
    ).data.map(({ type }) => type);
  expect(await list('main')).toEqual(['pull_request', 'required_status_checks']);
  expect(await list('bump')).toEqual([]);
  const { data } = await at.octokit.request('GET /repos/{owner}/{repo}/rulesets', repository);
  expect(data.map(({ name, enforcement }) => `${name}: ${enforcement}`)).toEqual(['protect main: active']);
});
