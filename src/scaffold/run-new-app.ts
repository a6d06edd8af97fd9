import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { formatRepositoryName } from '../github/repository-name.ts';
import type { Timing } from '../github/timing.ts';
import { Failure, refused } from '../report/failure.ts';
import type { ComputeChange } from '../repository/change.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import type { BranchTarget } from '../repository/snapshot.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { type Asking, computeNewApp, filesOfNewApp, type NewAppResult } from './compute-new-app.ts';
import { type MergeOutcome, mergeAfterChecks } from './merge-after-checks.ts';
import type { NewApp } from './new-app.ts';
import type { TeamDirectory } from './team-directory.ts';

export interface NewAppInputs {
  readonly request: NewApp;
  readonly asking: Asking;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
  readonly labels: readonly string[];
  /** How long the checks of the pull request may take before a person must merge it, in milliseconds. */
  readonly patienceMs: number;
}

export interface NewAppDeps {
  readonly on: GitopsRepository;
  readonly teams: TeamDirectory;
  /** A client that may also read checks; asked for only where kajitori.yaml says `newApp.merge: automatic`. */
  readonly checks: () => Promise<GitHubClient>;
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

export interface NewAppOutputs extends CarriedOut<NewAppResult> {
  /** Undefined where people merge, as kajitori.yaml says. */
  readonly merge: MergeOutcome | undefined;
}

/**
 * Proposes everything that a new app needs as one pull request of the GitOps repository, or writes it into a working
 * copy. The same answers give the same pull request. Where kajitori.yaml allows it, and whoever asks was seen to belong
 * to the owning team, it is merged when its checks are green.
 *
 * @throws Failure: exit 1 `taken` (also by an open pull request) or `not-a-member`; exit 2 for bad input, or when GitHub
 * refuses or does not answer
 */
export async function runNewApp(inputs: NewAppInputs, deps: NewAppDeps): Promise<NewAppOutputs> {
  const { request, asking } = inputs;
  const compute: ComputeChange<NewAppResult> = (tree) => computeNewApp(tree, request, asking, deps.teams);
  const branch = `kajitori/new-app/${request.app}`;
  try {
    const done = await carryOut(compute, {
      ...deps,
      dryRun: inputs.dryRun,
      files: filesOfNewApp(request.app),
      branch,
      labels: inputs.labels,
      onRetry: deps.onRetry,
    });
    return { ...done, merge: await mergeIfAllowed(done, compute, inputs, deps) };
  } catch (error) {
    if (error instanceof Failure && error.reason === 'taken' && deps.on.kind === 'github') {
      throw await takenBy(error, request.app, branch, deps.on);
    }
    throw error;
  }
}

async function mergeIfAllowed(
  { result, pullRequest }: CarriedOut<NewAppResult>,
  compute: ComputeChange<NewAppResult>,
  { patienceMs }: NewAppInputs,
  { on, checks, timing }: NewAppDeps,
): Promise<MergeOutcome | undefined> {
  if (pullRequest === undefined || on.kind !== 'github' || result.merge === 'manual') {
    return undefined;
  }
  if (!result.checks.verified) {
    return { merged: false, why: 'it was not seen that whoever asks belongs to the owning team' };
  }
  try {
    const { repository } = on.target;
    return await mergeAfterChecks({
      client: await checks(),
      repository,
      pullRequest,
      compute,
      timing,
      patienceMs,
    });
  } catch (error) {
    throw error instanceof GitHubError
      ? explainFault(error, `merge pull request #${pullRequest.number}`)
      : error;
  }
}

/** The name may be taken by a pull request that is not merged yet: then its number is what people look for. */
async function takenBy(
  failure: Failure,
  app: string,
  branch: string,
  { client, target }: { readonly client: GitHubClient; readonly target: BranchTarget },
): Promise<Failure> {
  const { owner, name } = target.repository;
  try {
    const { data } = await client.rest<readonly { readonly number: number; readonly html_url: string }[]>(
      'GET /repos/{owner}/{repo}/pulls',
      { owner, repo: name, state: 'open', head: `${owner}:${branch}` },
    );
    const [pull] = data;
    return pull === undefined
      ? failure
      : refused(
          `${failure.message.replace(/\.$/, '')}, in pull request #${pull.number} of ${formatRepositoryName(target.repository)}, which is still open.`,
          {
            todo: `Look at ${pull.html_url}: merge or close it, or choose another name for ${app}.`,
            reason: 'taken',
            cause: failure,
          },
        );
  } catch (error) {
    if (error instanceof GitHubError) {
      return failure;
    }
    throw error;
  }
}
