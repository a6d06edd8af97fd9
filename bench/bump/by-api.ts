import { openGitHub } from '../../src/github/access.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepositoryName } from '../../src/github/repository-name.ts';
import { systemTiming, type Timing } from '../../src/github/timing.ts';
import { type BumpOutputs, runBump } from '../../src/release/bump.ts';
import { bumpRequest } from '../../src/release/bump-request.ts';
import { gitHubSourceHistory, NO_HISTORY } from '../../src/release/source-history.ts';
import { Failure } from '../../src/report/failure.ts';
import { imageOf } from './gitops-files.ts';
import type { Standin } from './standin.ts';
import type { Deploy, Writer } from './writer.ts';

export interface ByApi {
  readonly standin: Standin;
  readonly repository: string;
  readonly commits: readonly string[];
  /** Undefined: signs in as the GitHub App first. */
  readonly token: string | undefined;
  readonly timing?: Timing;
  /** How long to keep trying. Default: as the action's. */
  readonly patienceMs?: number;
}

/** One bump by our own code, as actions/bump-values puts it together. */
export async function bumpByApi(at: ByApi, { app, nth, key }: Writer): Promise<BumpOutputs> {
  const { apiUrl } = at.standin;
  const timing = at.timing ?? systemTiming;
  const repository = parseRepositoryName(at.repository);
  const image = imageOf(app, nth);
  const request = bumpRequest({
    app,
    environment: 'production',
    image: `${image.repository}:${image.tag}@${image.digest}`,
    tag: undefined,
    digest: undefined,
    files: undefined,
    set: undefined,
    source: `acme/web@${at.commits[nth]}`,
    build: String(nth),
    workflow: undefined,
    force: false,
    override: undefined,
    reason: undefined,
    run: undefined,
    pullRequest: undefined,
  });
  const client =
    at.token === undefined
      ? await openGitHub(
          { appId: at.standin.app.clientId, privateKey: at.standin.app.privateKey },
          { apiUrl, repository, permissions: { contents: 'write' }, timing },
        )
      : createGitHubClient({ apiUrl, token: at.token, timing });
  return runBump(
    {
      request,
      dryRun: false,
      labels: [],
      autoMerge: false,
      ...(at.patienceMs === undefined ? {} : { patienceMs: at.patienceMs }),
    },
    {
      on: { kind: 'github', client, target: { repository } },
      history: request.kind === 'apps' ? gitHubSourceHistory(client, request.build.source) : NO_HISTORY,
      timing,
      key,
    },
  );
}

export const deployByApi =
  (at: ByApi): Deploy =>
  async (writer) => {
    try {
      const { changed, attempts } = await bumpByApi(at, writer);
      return { said: changed ? 'wrote' : 'nothing-to-do', attempts };
    } catch (error) {
      if (error instanceof Failure) {
        return { said: 'gave-up', attempts: 0 };
      }
      throw error;
    }
  };

/**
 * Our code with the peer's pauses between attempts: any time up to ten seconds. The pauses of our code are replaced
 * where it waits, so that everything else stays as it is.
 */
export const peersPauses = (): Timing => ({
  ...systemTiming,
  sleep: () => systemTiming.sleep(Math.random() * 10_000),
});
