import { randomUUID } from 'node:crypto';
import * as core from '@actions/core';
import { openGitHub } from '../github/access.ts';
import type { TokenPermissions } from '../github/app-token.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { systemTiming } from '../github/timing.ts';
import type { VerdictsOf } from '../history/past-releases.ts';
import { readVerdicts } from '../release/verdict.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { accessInputs, input, requiredInput, runnerContext } from './inputs.ts';
import { logText } from './log-text.ts';

/** The GitOps repository of the inputs `repository` and `branch`, and clients for it by need. */
export interface GitopsInputs {
  readonly on: Extract<GitopsRepository, { kind: 'github' }>;
  /** A client with other permissions: a token of its own, so that the one that writes can do nothing else. */
  readonly open: (permissions: TokenPermissions) => Promise<GitHubClient>;
  /** Reads verdicts there, with a token that can do nothing else. */
  readonly verdictsOf: VerdictsOf;
  /** Signed in as a GitHub App: a token then surely has the permissions that it was asked for. */
  readonly asApp: boolean;
  /** Unique to this attempt of this run. */
  readonly key: string;
  readonly onRetry: (reason: string, attempt: number, pauseMs: number) => void;
}

/** Signs in by the inputs that every action has which writes. */
export async function gitopsInputs(): Promise<GitopsInputs> {
  const { apiUrl, runKey } = runnerContext();
  const repository = parseRepositoryName(requiredInput('repository'));
  const access = accessInputs();
  const open = (permissions: TokenPermissions) =>
    openGitHub(access, { apiUrl, repository, permissions, timing: systemTiming, onToken: core.setSecret });
  const client = await open({ contents: 'write', pull_requests: 'write' });
  return {
    on: { kind: 'github', client, target: { repository, branch: input('branch') } },
    open,
    verdictsOf: async (commits) =>
      readVerdicts(await open({ contents: 'read', statuses: 'read' }), repository, commits),
    asApp: access.appId !== undefined,
    key: `${runKey}/${randomUUID()}`,
    onRetry: (reason, attempt, pauseMs) =>
      logText(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
  };
}
