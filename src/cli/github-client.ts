import { createGitHubClient, type GitHubClient, type GitHubClientOptions } from '../github/client.ts';
import { systemTiming } from '../github/timing.ts';
import { tellOutage } from './outage.ts';

/** GitHub, for a command that somebody may be waiting for at a terminal. */
export const commandClient = (access: Pick<GitHubClientOptions, 'apiUrl' | 'token'>): GitHubClient =>
  createGitHubClient({ ...access, timing: systemTiming, onOutage: tellOutage });
