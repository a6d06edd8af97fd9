import { expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient, type GitHubClient } from '../github/client.ts';
import { startGitHub } from '../standin/github/server.ts';
import { approvalEnvironment, demandApproval } from './approval.ts';

const REPOSITORY = { owner: 'acme', name: 'gitops' };

/** GitHub's answer for an environment, as its REST documentation shows it; the stand-in has no environments. */
const answering = (data: object): GitHubClient => ({
  rest: async <Data>(route: string, parameters: Readonly<Record<string, unknown>> = {}) => {
    expect(route).toBe('GET /repos/{owner}/{repo}/environments/{environment_name}');
    expect(parameters).toMatchObject({ environment_name: 'web.production' });
    return { status: 200, data: data as Data, headers: {} };
  },
  graphql: () => Promise.reject(new Error('not asked for')),
});

test('an environment with reviewers lets a command run', async () => {
  const rule = {
    id: 1,
    type: 'required_reviewers',
    reviewers: [{ type: 'Team', reviewer: { slug: 'shop' } }],
  };
  const client = answering({
    name: 'web.production',
    protection_rules: [{ id: 2, type: 'wait_timer' }, rule],
  });
  await expect(
    demandApproval(client, REPOSITORY, approvalEnvironment('web', 'production')),
  ).resolves.toBeUndefined();
});

test.each([
  ['GitHub has just made it by itself', { protection_rules: [] }],
  ['it only waits', { protection_rules: [{ type: 'wait_timer' }, { type: 'branch_policy' }] }],
  ['its list of reviewers is empty', { protection_rules: [{ type: 'required_reviewers', reviewers: [] }] }],
  ['nothing is said', {}],
])('nobody approved, so it is refused, when %s', async (_, data) => {
  await expect(demandApproval(answering(data), REPOSITORY, 'web.production')).rejects.toMatchObject({
    exitCode: 1,
    reason: 'no-approval',
    todo: expect.stringContaining('Settings → Environments → web.production'),
  });
});

test('what could not be seen is never taken for an approval', async () => {
  await using github = await startGitHub();
  await github.createRepository('acme/gitops', { private: true, files: { a: 'b' } });
  const token = github.actionsToken('acme/gitops', { contents: 'read' });
  const client = createGitHubClient({ apiUrl: github.apiUrl, token, timing: virtualTiming() });
  await expect(demandApproval(client, REPOSITORY, 'web.production')).rejects.toMatchObject({ exitCode: 2 });
});
