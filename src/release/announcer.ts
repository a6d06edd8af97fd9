import type { GitHubClient } from '../github/client.ts';
import { Failure } from '../report/failure.ts';
import { type AnnouncedDeploy, type AnnouncedVerdict, announce } from './announce.ts';
import { type Send, slackWebhook } from './slack-webhook.ts';

export interface AnnouncerOptions {
  /**
   * A client for an app's repository, `owner/name`. Asked once for each. Undefined where this run has no right there, and
   * nobody expects it to.
   */
  readonly clientOf: (repository: string) => Promise<GitHubClient | undefined>;
  /** The URL of a Slack-compatible webhook; a secret. */
  readonly webhook: string | undefined;
  readonly send?: Send;
}

/**
 * What tells of deploys wherever it can. What it cannot do (a webhook that is none, an App that is not installed) is among
 * the sentences that it gives back, never an error.
 */
export function announcer({
  clientOf,
  webhook,
  send,
}: AnnouncerOptions): (deploy: AnnouncedDeploy, verdict: AnnouncedVerdict) => Promise<readonly string[]> {
  const clients = new Map<string, Promise<GitHubClient | undefined>>();
  return async (deploy, verdict) => {
    const { repository } = deploy.source;
    const opened = clients.get(repository) ?? clientOf(repository);
    clients.set(repository, opened);
    const problems: string[] = [];
    const orProblem = async <Value>(
      get: () => Promise<Value> | Value,
      words: string,
    ): Promise<Value | undefined> => {
      try {
        return await get();
      } catch (error) {
        if (!(error instanceof Failure)) {
          throw error;
        }
        problems.push(`${words}: ${error.message}`);
        return undefined;
      }
    };
    const client = await orProblem(() => opened, repository);
    const chat =
      webhook === undefined ? undefined : await orProblem(() => slackWebhook(webhook, send), 'the chat');
    return [...problems, ...(await announce(deploy, verdict, { client, webhook: chat }))];
  };
}
