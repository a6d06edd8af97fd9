import { expect, test } from 'vitest';
import { buildRequest, type WrittenRequest } from './build-request.ts';

const written: WrittenRequest = {
  repository: 'shop/web',
  targets:
    '111111111111/ap-northeast-1\n222222222222.dkr.ecr.us-east-1.amazonaws.com arn:aws:iam::222222222222:role/push',
  role: 'arn:aws:iam::111111111111:role/build',
  context: undefined,
  dockerfile: undefined,
  stage: undefined,
  args: undefined,
  secrets: undefined,
  platforms: undefined,
  contexts: undefined,
  tags: undefined,
  cache: true,
  provenance: undefined,
  sbom: false,
  reproducible: false,
  createRepository: false,
};

test('a request as people write it', () => {
  const request = buildRequest({
    ...written,
    platforms: 'linux/arm64, linux/amd64',
    args: 'A=1\nB=x=y\nEMPTY=',
    secrets: 'npm=env:NPM_TOKEN\nrc=file:conf/npmrc',
    contexts: 'shared=../shared\nbase=docker-image://alpine@sha256:1',
    tags: 'stable, other',
  });
  expect(request).toMatchObject({
    targets: [
      { account: '111111111111', region: 'ap-northeast-1', roles: ['arn:aws:iam::111111111111:role/build'] },
      { account: '222222222222', region: 'us-east-1', roles: ['arn:aws:iam::222222222222:role/push'] },
    ],
    platforms: ['linux/amd64', 'linux/arm64'],
    args: { A: '1', B: 'x=y', EMPTY: '' },
    secrets: [
      { id: 'npm', from: 'env', name: 'NPM_TOKEN' },
      { id: 'rc', from: 'file', name: 'conf/npmrc' },
    ],
    contexts: { shared: '../shared', base: 'docker-image://alpine@sha256:1' },
    tags: ['stable', 'other'],
    provenance: 'max',
  });
});

test.each<[string, Partial<WrittenRequest>, string, string]>([
  ['no target', { targets: '' }, 'bad-target', 'ap-northeast-1'],
  [
    'a target twice',
    { targets: '111111111111/us-east-1\n111111111111/us-east-1' },
    'bad-target',
    'one a line',
  ],
  ['Docker Hub', { targets: 'docker.io/acme' }, 'bad-target', 'one a line'],
  ['a role that is none', { targets: '111111111111/us-east-1 admin' }, 'bad-target', 'role'],
  [
    'a repository with the host',
    { repository: 'example.com:5000/web' },
    'bad-repository',
    'without the registry',
  ],
  [
    'a platform with a typing error',
    { platforms: 'linux/amd46' },
    'bad-platform',
    'Did you mean linux/amd64?',
  ],
  ['an argument without a value', { args: 'TOKEN' }, 'bad-argument', 'NAME=VALUE'],
  ['the value of a secret', { secrets: 'npm=npm_canary' }, 'bad-secret', 'Never the value itself'],
  [
    'a context elsewhere',
    { contexts: 'x=https://example.com/x.git' },
    'bad-context',
    'folder of this repository',
  ],
  ['an unknown provenance', { provenance: 'full' }, 'bad-input', 'max, min or none'],
  ['a stage with a shell in it', { stage: '$(id)' }, 'bad-input', 'FROM'],
])('%s is refused, with what to do', (_, change, reason, todo) => {
  expect(() => buildRequest({ ...written, ...change })).toThrow(
    expect.objectContaining({ exitCode: 2, reason, todo: expect.stringContaining(todo) }),
  );
});

test('what looks like a secret is not repeated in the message', () => {
  expect(() => buildRequest({ ...written, secrets: 'npm=canary-1234' })).not.toThrow('canary-1234');
  expect(() => buildRequest({ ...written, args: 'canary-1234' })).not.toThrow('canary-1234');
});
