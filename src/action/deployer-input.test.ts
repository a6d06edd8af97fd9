import { expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import { deployerInput } from './deployer-input.ts';

const client = createGitHubClient({
  apiUrl: 'http://127.0.0.1:1',
  token: undefined,
  timing: virtualTiming(),
});
const gitops = {
  on: { kind: 'github', client, target: { repository: { owner: 'acme', name: 'gitops' } } },
  open: async () => client,
  asApp: true,
} as const;

const run = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  GITHUB_REPOSITORY: 'acme/gitops',
  GITHUB_ACTOR: 'alice',
  GITHUB_TRIGGERING_ACTOR: 'alice',
  GITHUB_EVENT_NAME: 'workflow_dispatch',
  ...more,
});

test.each<[string, NodeJS.ProcessEnv, object]>([
  ['a form: the person', {}, { kind: 'person', login: 'alice' }],
  [
    'a run that somebody started again: that person',
    { GITHUB_TRIGGERING_ACTOR: 'bob' },
    { kind: 'person', login: 'bob' },
  ],
  ['a push, of any branch: the person', { GITHUB_EVENT_NAME: 'push' }, { kind: 'person', login: 'alice' }],
  [
    'a dispatch by the API: the person',
    { GITHUB_EVENT_NAME: 'repository_dispatch' },
    { kind: 'person', login: 'alice' },
  ],
  ['a schedule of the default branch: nobody', { GITHUB_EVENT_NAME: 'schedule' }, { kind: 'own-right' }],
  [
    'a run of another repository: that repository',
    { GITHUB_REPOSITORY: 'acme/web', GITHUB_EVENT_NAME: 'schedule' },
    { kind: 'repository', repository: 'acme/web' },
  ],
  ['the repository’s name in other letters', { GITHUB_REPOSITORY: 'Acme/GitOps' }, { kind: 'person' }],
])('%s', (_name, environment, deployer) => {
  expect(deployerInput(gitops, run(environment))).toMatchObject(deployer);
});

test('nobody is not anybody', () => {
  const environment = run({ GITHUB_ACTOR: undefined, GITHUB_TRIGGERING_ACTOR: undefined });
  expect(() => deployerInput(gitops, environment)).toThrowError(
    expect.objectContaining({ reason: 'no-actor', exitCode: 2 }),
  );
});
