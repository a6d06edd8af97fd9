import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient, type GitHubClient } from '../github/client.ts';
import { type GitHubStandin, startGitHub } from '../standin/github/server.ts';
import { type AnnouncedDeploy, type AnnouncedVerdict, announce } from './announce.ts';
import { type Send, slackWebhook } from './slack-webhook.ts';
import type { VerdictState } from './verdict.ts';

const AT = new Date('2026-11-21T12:03:00Z');

describe('announce', () => {
  let github: GitHubStandin;
  let client: GitHubClient;
  let deploy: AnnouncedDeploy;
  const web = () => github.repository('acme/web');
  const verdict = (
    first: VerdictState,
    second: VerdictState,
    more: Partial<AnnouncedVerdict> = {},
  ): AnnouncedVerdict => ({
    clusters: [
      { cluster: 'prod-1', state: first, words: `prod-1 is ${first}` },
      { cluster: 'prod-2', state: second, words: `prod-2: the image\ncannot be pulled <!channel>` },
    ],
    rolledBack: false,
    at: AT,
    ...more,
  });
  const as = (token: string) => createGitHubClient({ apiUrl: github.apiUrl, token, timing: virtualTiming() });

  beforeEach(async () => {
    github = await startGitHub();
    await github.createRepository('acme/web', { files: { 'main.ts': '0\n' }, private: true });
    await web().commit({ 'main.ts': '1\n' }, { branch: 'feature', message: 'A feature' });
    const token = github.actionsToken('acme/web', {
      contents: 'write',
      deployments: 'write',
      statuses: 'write',
      pull_requests: 'write',
    });
    client = as(token);
    const owner = github.createApp({
      slug: 'dev',
      permissions: { contents: 'write', pull_requests: 'write' },
    });
    owner.install('acme');
    const developer = as(owner.token('acme'));
    const of = { owner: 'acme', repo: 'web' };
    const { data } = await developer.rest<{ number: number }>('POST /repos/{owner}/{repo}/pulls', {
      ...of,
      title: 'A feature',
      head: 'feature',
      base: 'main',
    });
    await developer.rest('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      ...of,
      pull_number: data.number,
      merge_method: 'squash',
    });
    deploy = {
      app: 'web',
      environment: 'production',
      production: true,
      source: { repository: 'acme/web', commit: await web().head() },
      commit: { oid: 'a'.repeat(40), url: `https://github.com/acme/gitops/commit/${'a'.repeat(40)}` },
      run: 'https://github.com/acme/web/actions/runs/7',
      url: 'https://shop.example.com',
    };
  });
  afterEach(() => github[Symbol.asyncDispose]());

  const deployments = () =>
    web()
      .deployments()
      .map(({ environment, sha, statuses }) => ({
        environment,
        sha,
        states: statuses.map(({ state }) => state),
      }));
  const comments = () => web().pullRequests()[0]?.comments ?? [];
  const writes = () =>
    github.log.filter(({ method, path }) => method !== 'GET' && !path.endsWith('/graphql')).length;

  test('a deployment for each cluster, a status on the commit, a comment on the merged pull request', async () => {
    expect(await announce(deploy, verdict('pending', 'pending'), { client, webhook: undefined })).toEqual([]);
    expect(comments(), 'nobody is notified of the beginning').toEqual([]);
    expect(await announce(deploy, verdict('success', 'success'), { client, webhook: undefined })).toEqual([]);
    const { commit } = deploy.source;
    expect(deployments()).toEqual([
      { environment: 'web/production/prod-2', sha: commit, states: ['success', 'in_progress'] },
      { environment: 'web/production/prod-1', sha: commit, states: ['success', 'in_progress'] },
    ]);
    expect(web().deployments()[0]?.statuses[0]).toMatchObject({
      environmentUrl: 'https://shop.example.com',
      logUrl: deploy.run,
    });
    expect(web().statuses(commit).at(-1)).toMatchObject({
      context: 'kajitori/web/production',
      state: 'success',
      description: 'in production since 12:03 UTC, both clusters (prod-1, prod-2)',
    });
    expect(comments()).toHaveLength(1);
    expect(comments()[0]?.body).toContain('✅ `web` is in production since 12:03 UTC');
  });

  test('said once: the same again writes nothing', async () => {
    await announce(deploy, verdict('success', 'success'), { client, webhook: undefined });
    const before = writes();
    await announce(deploy, verdict('success', 'success'), { client, webhook: undefined });
    expect(writes()).toBe(before);
  });

  test('a failure names the cluster and the cause, and replaces what was said before', async () => {
    await announce(deploy, verdict('success', 'success'), { client, webhook: undefined });
    await announce(deploy, verdict('success', 'failure', { rolledBack: true }), {
      client,
      webhook: undefined,
    });
    expect(comments()).toHaveLength(1);
    expect(comments()[0]?.body).toContain(
      'prod-2: prod-2: the image cannot be pulled &#60;&#33;channel&#62;',
    );
    expect(comments()[0]?.body).toContain('All clusters run the earlier release again');
    expect(web().statuses(deploy.source.commit).at(-1)).toMatchObject({ state: 'failure' });
    expect(deployments().map(({ states }) => states[0])).toEqual(['failure', 'success']);
  });

  test('the same commit deployed again is another deployment; the history stays', async () => {
    await announce(deploy, verdict('success', 'success'), { client, webhook: undefined });
    const again = { ...deploy, commit: { ...deploy.commit, oid: 'b'.repeat(40) } };
    await announce(again, verdict('success', 'success'), { client, webhook: undefined });
    expect(deployments()).toHaveLength(4);
  });

  test('what the token may not write is a sentence, and the rest is said', async () => {
    const token = github.actionsToken('acme/web', {
      contents: 'read',
      statuses: 'write',
      pull_requests: 'write',
    });
    const problems = await announce(deploy, verdict('success', 'success'), {
      client: as(token),
      webhook: undefined,
    });
    expect(problems).toEqual([expect.stringContaining('Resource not accessible by integration')]);
    expect(web().statuses(deploy.source.commit)).toHaveLength(1);
    expect(comments()).toHaveLength(1);
  });

  test('the chat hears of the end only, and nothing in it notifies anybody', async () => {
    const said: string[] = [];
    const webhook = async (text: string) => {
      said.push(text);
    };
    await announce(deploy, verdict('pending', 'pending'), { client: undefined, webhook });
    expect(said).toEqual([]);
    await announce(deploy, verdict('success', 'failure'), { client: undefined, webhook });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('cannot be pulled &lt;!channel&gt;');
    expect(said[0]).toContain('<https://github.com/acme/web/actions/runs/7|run>');
  });

  test('a chat that fails never fails a deploy', async () => {
    const webhook = slackWebhook('https://hooks.example.com/services/T0/B0/geheim', async () => ({
      ok: false,
      status: 404,
    }));
    expect(await announce(deploy, verdict('success', 'success'), { client: undefined, webhook })).toEqual([
      'The chat was not told: its webhook answered with status 404.',
    ]);
  });
});

describe('the webhook', () => {
  const SECRET = 'https://hooks.example.com/services/T0/B0/geheim';

  test('gets JSON that Slack reads', async () => {
    const sent: Parameters<Send>[] = [];
    await slackWebhook(SECRET, async (...request) => {
      sent.push(request);
      return { ok: true, status: 200 };
    })('hello "you"');
    expect(sent[0]?.[0]).toBe(SECRET);
    expect(sent[0]?.[1]).toMatchObject({
      method: 'POST',
      redirect: 'error',
      body: '{"text":"hello \\"you\\""}',
    });
  });

  test.each<[string, Send]>([
    ['an answer that is no', async () => ({ ok: false, status: 500 })],
    ['no answer', async () => Promise.reject(new TypeError(`fetch failed: ${SECRET}`))],
  ])('its URL is in no message: %s', async (_name, send) => {
    const failure = await slackWebhook(SECRET, send)('hello').catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: 'webhook', exitCode: 2 });
    expect([String(failure), JSON.stringify(failure), (failure as Error).stack].join(' ')).not.toMatch(
      /geheim|hooks\.example/,
    );
    expect((failure as Error).cause).toBeUndefined();
  });

  test.each(['http://hooks.example.com/geheim', 'geheim', 'file:///etc/passwd'])('%s is none', (url) => {
    let failure: unknown;
    try {
      slackWebhook(url);
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ reason: 'bad-webhook', exitCode: 2 });
    expect(String(failure)).not.toMatch(/geheim|passwd/);
  });
});
