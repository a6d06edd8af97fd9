import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { type GitHubStandin, type StandinApp, startGitHub } from '../standin/github/server.ts';
import { openGitHub } from './access.ts';

let github: GitHubStandin;
let app: StandinApp;
const repository = { owner: 'acme', name: 'gitops' };

beforeAll(async () => {
  github = await startGitHub();
  await github.createRepository('acme/gitops', { files: { a: 'x' }, private: true });
  await github.createRepository('acme/other', { files: { a: 'x' }, private: true });
  app = github.createApp({ slug: 'kajitori', permissions: { contents: 'write', metadata: 'read' } });
  app.install('acme', ['gitops']);
});
afterAll(() => github[Symbol.asyncDispose]());

// The stand-in checks the JWT against the real clock.
const options = (permissions: Record<string, 'read' | 'write'> = { contents: 'write' }) => ({
  apiUrl: github.apiUrl,
  repository,
  permissions,
  timing: virtualTiming(Date.now()),
});

describe('signing in', () => {
  test('as a GitHub App: a token for one repository, told before it is used', async () => {
    const tokens: string[] = [];
    const client = await openGitHub(
      { appId: app.clientId, privateKey: app.privateKey },
      { ...options(), onToken: (token) => tokens.push(token) },
    );
    expect(tokens).toHaveLength(1);
    const answer = await client.rest<{ full_name: string }>('GET /repos/{owner}/{repo}', {
      owner: 'acme',
      repo: 'gitops',
    });
    expect(answer.data.full_name).toBe('acme/gitops');
    await expect(
      client.rest('GET /repos/{owner}/{repo}', { owner: 'acme', repo: 'other' }),
    ).rejects.toMatchObject({ fault: { kind: 'missing' } });
  });

  test('a key pasted into one line works as well', async () => {
    const privateKey = app.privateKey.replaceAll('\n', '\\n');
    await openGitHub({ appId: app.clientId, privateKey }, options());
  });

  test.each([
    ['nothing', {}, 'nothing to sign in', 'app-id with private-key or kms-key'],
    ['an App without key', { appId: '1' }, 'has no key', 'empty text'],
    ['a key that is none', { appId: '1', privateKey: 'hunter2-not-a-key' }, 'cannot be read', 'BEGIN'],
  ])('%s: says what to do', async (_name, access, message, todo) => {
    const failure = await openGitHub(access, options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 2, todo: expect.stringContaining(todo) });
    expect(String(failure)).toContain(message);
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });

  test("another App's key is refused", async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await expect(openGitHub({ appId: app.clientId, privateKey: pem }, options())).rejects.toMatchObject({
      exitCode: 2,
      reason: 'github-denied',
      todo: expect.stringContaining('same GitHub App'),
    });
  });

  test('an App that is not installed there', async () => {
    const elsewhere = { ...options(), repository: { owner: 'acme', name: 'other' } };
    await expect(
      openGitHub({ appId: app.clientId, privateKey: app.privateKey }, elsewhere),
    ).rejects.toMatchObject({
      exitCode: 2,
      todo: expect.stringContaining('Install the GitHub App on acme/other'),
    });
  });

  test('an App without the permission', async () => {
    await expect(
      openGitHub(
        { appId: app.clientId, privateKey: app.privateKey },
        options({ contents: 'write', pull_requests: 'write' }),
      ),
    ).rejects.toMatchObject({ exitCode: 2, todo: expect.stringContaining('pull_requests: write') });
  });
});
