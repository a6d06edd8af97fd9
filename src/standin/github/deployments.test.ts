import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './fixture.ts';

describe('deployments of GitHub', () => {
  let at: Fixture;
  const of = { owner: 'acme', repo: 'gitops' };
  const create = (more: object = {}) =>
    at.octokit.request('POST /repos/{owner}/{repo}/deployments', {
      ...of,
      ref: 'main',
      auto_merge: false,
      required_contexts: [],
      environment: 'stage',
      ...more,
    });
  const setState = (id: number, state: 'success' | 'failure', more: object = {}) =>
    at.octokit.request('POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
      ...of,
      deployment_id: id,
      state,
      ...more,
    });
  const created = async (more: object = {}): Promise<number> => {
    const { data } = await create(more);
    return 'id' in data ? Number(data.id) : 0;
  };
  beforeAll(async () => {
    at = await startFixture({}, { contents: 'write', deployments: 'write', statuses: 'write' });
  });
  afterAll(() => at[Symbol.asyncDispose]());

  test('a later success makes an earlier one of the same place inactive, but not one of production', async () => {
    const earlier = await created();
    const other = await created({ environment: 'other' });
    const production = await created({ environment: 'production' });
    for (const id of [earlier, other, production]) await setState(id, 'success');
    await setState(await created(), 'success');
    await setState(await created({ environment: 'production' }), 'success');
    const newest = async (id: number) => {
      const { data } = await at.octokit.request(
        'GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
        {
          ...of,
          deployment_id: id,
        },
      );
      return data[0]?.state;
    };
    expect([await newest(earlier), await newest(other), await newest(production)]).toEqual([
      'inactive',
      'success',
      'success',
    ]);
  });

  test.each<[string, object, number]>([
    ['a ref that is not there', { ref: 'nowhere' }, 422],
    ['merging, which the stand-in does not do', { auto_merge: true }, 501],
    ['a field that it does not know', { nonsense: 1 }, 501],
  ])('%s is refused', async (_name, more, status) => {
    await expect(create(more)).rejects.toMatchObject({ status });
  });

  test('statuses of the commit must be green, but for those that are not required', async () => {
    const head = await at.repository.commit({ x: '1' });
    await at.repository.setStatus(head, 'ci', 'pending');
    await expect(create({ required_contexts: undefined })).rejects.toMatchObject({ status: 409 });
    expect(await created()).toBeGreaterThan(0);
  });

  test('a state, a description and a URL are checked', async () => {
    const id = await created();
    for (const more of [
      { state: 'fine' },
      { description: 'x'.repeat(141) },
      { environment_url: 'javascript:x' },
    ]) {
      await expect(setState(id, 'success', more)).rejects.toMatchObject({ status: 422 });
    }
  });

  test('without the permission nothing is written', async () => {
    const octokit = at.as(at.github.actionsToken('acme/gitops', { contents: 'write' }));
    await expect(
      octokit.request('POST /repos/{owner}/{repo}/deployments', { ...of, ref: 'main', auto_merge: false }),
    ).rejects.toMatchObject({ status: 403 });
  });
});
