import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const event = z.object({ pull_request: z.object({ number: z.number().int().positive() }) });

/** The number of the pull request that caused this run; undefined for another event (docs: "Variables reference", GITHUB_EVENT_PATH). */
export async function pullRequestOfRun(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number | undefined> {
  const file = environment.GITHUB_EVENT_PATH;
  if (file === undefined || file === '') return undefined;
  const { data } = event.safeParse(JSON.parse(await readFile(file, 'utf8')));
  return data?.pull_request.number;
}
