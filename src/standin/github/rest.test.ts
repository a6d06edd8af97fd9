import { expect, test } from 'vitest';
import { refusalOf, startFixture } from './fixture.ts';

const repository = { owner: 'acme', repo: 'gitops' };

test('a commit is made of a blob, a tree and a ref; Octokit escapes the slash in heads/main', async () => {
  await using at = await startFixture();
  const { octokit } = at;
  const base = await octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', {
    ...repository,
    ref: 'heads/main',
  });
  const head = base.data.object.sha;
  expect(head).toBe(await at.repository.head());
  expect(at.github.log.at(-1)?.path).toContain('heads%2Fmain');
  const blob = await octokit.request('POST /repos/{owner}/{repo}/git/blobs', {
    ...repository,
    content: 'new\n',
  });
  const tree = await octokit.request('POST /repos/{owner}/{repo}/git/trees', {
    ...repository,
    base_tree: head,
    tree: [
      { path: 'bin/run', mode: '100755', type: 'blob', sha: blob.data.sha },
      { path: 'README.md', mode: '100644', type: 'blob', sha: null },
    ],
  });
  const body = { ...repository, message: 'Run', tree: tree.data.sha, parents: [head] };
  const signed = await octokit.request('POST /repos/{owner}/{repo}/git/commits', body);
  expect(signed.data.verification).toMatchObject({ verified: true, reason: 'valid' });
  await octokit.request('PATCH /repos/{owner}/{repo}/git/refs/{ref}', {
    ...repository,
    ref: 'heads/main',
    sha: signed.data.sha,
  });
  expect(await at.repository.files()).toEqual(['apps/web/release.yaml', 'bin/run']);
  expect(await at.repository.mode('bin/run')).toBe('100755');

  const author = { name: 'Ann', email: 'ann@example.com' };
  const unsigned = await octokit.request('POST /repos/{owner}/{repo}/git/commits', { ...body, author });
  expect(unsigned.data.verification).toMatchObject({ verified: false, reason: 'unsigned' });
});

test('a ref is not moved backwards unless forced, not made twice, not to an unknown object', async () => {
  await using at = await startFixture();
  const first = await at.repository.head();
  const second = await at.repository.commit({ a: 'b' });
  const move = (sha: string, force = false): Promise<unknown> =>
    at.octokit.request('PATCH /repos/{owner}/{repo}/git/refs/{ref}', {
      ...repository,
      ref: 'heads/topic',
      sha,
      force,
    });
  const make = (ref: string, sha: string): Promise<unknown> =>
    at.octokit.request('POST /repos/{owner}/{repo}/git/refs', { ...repository, ref, sha });
  await make('refs/heads/topic', second);
  const refused = [
    make('refs/heads/topic', second),
    make('refs/heads/x', 'f'.repeat(40)),
    move(first),
    move('f'.repeat(40)),
  ];
  expect(
    (await Promise.all(refused.map(refusalOf))).map(({ status, message }) => `${status} ${message}`),
  ).toEqual([
    '422 Reference already exists',
    '422 Object does not exist',
    '422 Update is not a fast forward',
    '422 Object does not exist',
  ]);
  await move(first, true);
  expect(await at.repository.head('topic')).toBe(first);
  await at.octokit.request('DELETE /repos/{owner}/{repo}/git/refs/{ref}', {
    ...repository,
    ref: 'heads/topic',
  });
  expect(await at.repository.branches()).toEqual(['main']);
});

test('updateRefs moves all or none, compared with beforeOid', async () => {
  await using at = await startFixture();
  const first = await at.repository.head();
  const second = await at.repository.commit({ a: 'b' }, { branch: 'next' });
  const { repository: found } = await at.octokit.graphql<{ repository: { id: string } }>(
    '{ repository(owner: "acme", name: "gitops") { id } }',
  );
  const update = (beforeOid: string): Promise<unknown> =>
    at.octokit.graphql(
      'mutation ($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }',
      {
        input: {
          repositoryId: found.id,
          refUpdates: [
            { name: 'refs/heads/stable', beforeOid: '0'.repeat(40), afterOid: first },
            { name: 'refs/heads/main', beforeOid, afterOid: second },
          ],
        },
      },
    );
  await expect(update(second)).rejects.toThrow(/is at .* but expected/);
  expect(await at.repository.branches()).toEqual(['main', 'next']);
  await update(first);
  expect([await at.repository.head('main'), await at.repository.head('stable')]).toEqual([second, first]);
});

test('compare says how two commits stand to each other', async () => {
  await using at = await startFixture();
  const root = await at.repository.head();
  const left = await at.repository.commit({ a: '1' }, { branch: 'left' });
  const right = await at.repository.commit({ b: '1' });
  const later = await at.repository.commit({ b: '2' });
  const compare = async (base: string, head: string): Promise<object> => {
    const basehead = `${base}...${head}`;
    const { data } = await at.octokit.request('GET /repos/{owner}/{repo}/compare/{basehead}', {
      ...repository,
      basehead,
    });
    const { status, ahead_by, behind_by, merge_base_commit, commits } = data;
    return {
      status,
      ahead_by,
      behind_by,
      base: merge_base_commit.sha,
      commits: commits.map(({ sha }) => sha),
    };
  };
  expect(await compare(root, later)).toEqual({
    status: 'ahead',
    ahead_by: 2,
    behind_by: 0,
    base: root,
    commits: [right, later],
  });
  expect(await compare('main', root)).toEqual({
    status: 'behind',
    ahead_by: 0,
    behind_by: 2,
    base: root,
    commits: [],
  });
  expect(await compare('main', later)).toEqual({
    status: 'identical',
    ahead_by: 0,
    behind_by: 0,
    base: later,
    commits: [],
  });
  expect(await compare('left', 'main')).toMatchObject({
    status: 'diverged',
    ahead_by: 2,
    behind_by: 1,
    base: root,
  });
  expect(left).not.toBe(right);
  await expect(compare('main', 'f'.repeat(40))).rejects.toMatchObject({ status: 404 });
});

test('a file is written against the blob it had: stale 409, missing 422', async () => {
  await using at = await startFixture();
  const route = 'PUT /repos/{owner}/{repo}/contents/{path}';
  const file = {
    ...repository,
    path: 'README.md',
    message: 'Say more',
    content: Buffer.from('More\n').toString('base64'),
  };
  const { data } = await at.octokit.request('GET /repos/{owner}/{repo}/contents/{path}', {
    ...repository,
    path: 'README.md',
  });
  const { sha } = data as { sha: string };
  expect((await refusalOf(at.octokit.request(route, file))).status).toBe(422);
  expect(await refusalOf(at.octokit.request(route, { ...file, sha: 'f'.repeat(40) }))).toMatchObject({
    status: 409,
  });
  await at.octokit.request(route, { ...file, sha });
  expect(await at.repository.read('README.md')).toBe('More\n');
  expect((await at.repository.commits())[0]?.signed).toBe(true);
});

test('a tree is listed whole or one folder at a time', async () => {
  await using at = await startFixture();
  const list = async (recursive?: string): Promise<unknown> => {
    const asked = { ...repository, tree_sha: 'main', ...(recursive === undefined ? {} : { recursive }) };
    const { data } = await at.octokit.request('GET /repos/{owner}/{repo}/git/trees/{tree_sha}', asked);
    return data.tree.map(({ path, type, mode }) => `${mode} ${type} ${path}`);
  };
  expect(await list()).toEqual(['100644 blob README.md', '040000 tree apps']);
  expect(await list('1')).toEqual([
    '100644 blob README.md',
    '040000 tree apps',
    '040000 tree apps/web',
    '100644 blob apps/web/release.yaml',
  ]);
});

test('the newest status of each context makes the combined state; lists have pages with Link headers', async () => {
  await using at = await startFixture();
  const sha = await at.repository.head();
  const set = (context: string, state: 'pending' | 'success' | 'failure'): Promise<unknown> =>
    at.octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', { ...repository, sha, context, state });
  const combined = async (): Promise<string> =>
    (
      await at.octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/status', {
        ...repository,
        ref: 'main',
      })
    ).data.state;
  expect(await combined()).toBe('pending');
  await set('a', 'failure');
  await set('a', 'success');
  expect(await combined()).toBe('success');
  await set('b', 'failure');
  expect(await combined()).toBe('failure');
  const listed = await at.octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/statuses', {
    ...repository,
    ref: sha,
    per_page: 2,
  });
  expect(listed.data.map(({ context }) => context)).toEqual(['b', 'a']);
  expect(listed.headers.link).toMatch(/page=2>; rel="next", .*page=2>; rel="last"/);
});

test('the link of a status is of http or https, or there is none', async () => {
  await using at = await startFixture();
  const sha = await at.repository.head();
  const set = (target_url: string) =>
    at.octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
      ...repository,
      sha,
      state: 'success',
      target_url,
    });
  // What Argo CD writes where its template names an URL that is not there.
  expect(await refusalOf(set('<no value>/applications/web'))).toMatchObject({
    status: 422,
    body: { errors: [{ field: 'target_url', message: 'target_url must use http(s) scheme' }] },
  });
  expect((await set('')).status).toBe(201);
  expect((await set('https://argocd.example.com/applications/web')).status).toBe(201);
});

test('a check run takes 50 annotations a call, and only from an App', async () => {
  await using at = await startFixture({ collaborators: { ann: 'write' } }, { checks: 'write' });
  const run = { ...repository, name: 'guard', head_sha: await at.repository.head() };
  const annotation = {
    path: 'a',
    start_line: 1,
    end_line: 1,
    annotation_level: 'failure' as const,
    message: 'm',
  };
  const output = (count: number) => ({
    title: 't',
    summary: 's',
    annotations: Array.from({ length: count }, () => annotation),
  });
  const route = 'POST /repos/{owner}/{repo}/check-runs';
  expect((await refusalOf(at.octokit.request(route, { ...run, output: output(51) }))).status).toBe(422);
  expect((await refusalOf(at.as(at.github.createUser('ann').token).request(route, run))).status).toBe(422);
  const { data } = await at.octokit.request(route, { ...run, output: output(50) });
  await at.octokit.request('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', {
    ...repository,
    check_run_id: data.id,
    conclusion: 'failure',
    output: output(10),
  });
  expect(at.repository.checkRuns(run.head_sha)).toMatchObject([
    { status: 'completed', conclusion: 'failure', output: { annotations: { length: 60 } } },
  ]);
});
