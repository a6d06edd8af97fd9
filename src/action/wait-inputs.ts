import * as core from '@actions/core';
import { applicationNames } from '../deploy/application-name.ts';
import { type LookoutAccess, lookoutOpener } from '../deploy/open-lookout.ts';
import type { WaitDeps } from '../deploy/wait.ts';
import { logReporter } from '../deploy/wait-reporter.ts';
import { type Access, openGitHub } from '../github/access.ts';
import { createGitHubClient, type GitHubClient } from '../github/client.ts';
import { openRenewedClient } from '../github/renewed-client.ts';
import { formatRepositoryName, parseRepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import { systemTiming } from '../github/timing.ts';
import { announcer } from '../release/announcer.ts';
import { couldNot } from '../report/failure.ts';
import { accessInputs, input, oidcToken, requiredInput, runnerContext } from './inputs.ts';
import { logText } from './log-text.ts';

/** What waiting needs of the runner: clients, the clock, the log. */
export async function waitDeps(): Promise<WaitDeps> {
  const { apiUrl, repository: caller } = runnerContext();
  const repository = parseRepositoryName(requiredInput('repository'));
  const access = accessInputs();
  const client = await openRenewedClient(
    () =>
      openGitHub(access, {
        apiUrl,
        repository,
        permissions: { contents: 'write', pull_requests: 'write', statuses: 'write' },
        timing: systemTiming,
        onToken: core.setSecret,
      }),
    systemTiming,
  );
  const target = { repository, branch: input('branch') };
  return {
    client,
    target,
    timing: systemTiming,
    // A run of the GitOps repository itself does what was merged there; any other one may only wait for its own apps.
    deployer: sameRepositoryName(caller, formatRepositoryName(repository))
      ? { kind: 'own-right' }
      : { kind: 'repository', repository: caller },
    lookout: lookoutOpener(lookoutAccess(), { client, target, timing: systemTiming }),
    applicationName: applicationNames(requiredInput('application')),
    report: logReporter(logText, systemTiming.now),
    tell: announcer({
      clientOf: (source) => announcingClient(source, access),
      webhook: input('webhook'),
    }),
  };
}

/**
 * A client that may tell of a deploy in an app's repository. The job's own token is good for the repository of the run only;
 * in another one the GitHub App can, where it is installed there.
 */
async function announcingClient(source: string, access: Access): Promise<GitHubClient | undefined> {
  const { apiUrl, repository: caller } = runnerContext();
  if (sameRepositoryName(source, caller)) {
    const token = input('source-token');
    return token === undefined ? undefined : createGitHubClient({ apiUrl, token, timing: systemTiming });
  }
  return access.appId === undefined
    ? undefined
    : openRenewedClient(
        () =>
          openGitHub(access, {
            apiUrl,
            repository: parseRepositoryName(source),
            permissions: {
              contents: 'read',
              deployments: 'write',
              pull_requests: 'write',
              statuses: 'write',
            },
            timing: systemTiming,
            onToken: core.setSecret,
          }),
        systemTiming,
      );
}

function lookoutAccess(): LookoutAccess {
  const kind = input('argocd') ?? 'api';
  switch (kind) {
    case 'notifications':
      return { kind };
    case 'api':
      return {
        kind,
        server: input('argocd-server'),
        token: input('argocd-token'),
        connector: input('argocd-connector'),
        idToken: () => oidcToken('argocd'),
        ca: input('argocd-ca'),
        onToken: core.setSecret,
      };
    default:
      throw couldNot(`The input argocd is ${JSON.stringify(kind)}.`, {
        todo: 'Write api or notifications.',
        reason: 'bad-input',
      });
  }
}
