import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const commit = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const event = z.object({
  pull_request: z.object({ number: z.number().int().positive(), base: commit, head: commit }),
});

/** The pull request that caused a run, as it was when the event happened. */
export interface PullRequestOfRun {
  readonly number: number;
  /** The base branch's commit then: often older than the one that GitHub merged the pull request into for this run. */
  readonly base: string;
  readonly head: string;
}

/** The pull request of this run; undefined for another event (docs: "Variables reference", GITHUB_EVENT_PATH). */
export async function pullRequestOfRun(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<PullRequestOfRun | undefined> {
  const file = environment.GITHUB_EVENT_PATH;
  if (file === undefined || file === '') return undefined;
  const { data } = event.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (data === undefined) return undefined;
  const { number, base, head } = data.pull_request;
  return { number, base: base.sha, head: head.sha };
}
