import { createHash } from 'node:crypto';
import { type Cluster, environmentOf } from '../config/kajitori-yaml.ts';
import type { Timing } from '../github/timing.ts';
import type { Applied } from '../repository/apply.ts';
import { bring } from '../repository/bring.ts';
import type { Change, ComputeChange } from '../repository/change.ts';
import type { CommitReference } from '../repository/commit.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import type { PullRequestReference } from '../repository/pull-request.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import { formatPath } from '../yaml/path.ts';
import { filesOfApps, readConfig } from './app-files.ts';
import { type BumpRequest, type BumpResult, computeBump } from './compute-bump.ts';
import { computeExplicit, type ExplicitRequest, filesOfExplicit } from './compute-explicit.ts';
import { formatImage, type ImageReference } from './image-reference.ts';
import type { SourceHistory } from './source-history.ts';

export interface BumpInputs {
  readonly request:
    | ({ readonly kind: 'apps' } & BumpRequest)
    | ({ readonly kind: 'explicit' } & ExplicitRequest);
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
  /** For a pull request. */
  readonly labels: readonly string[];
  readonly autoMerge: boolean;
  /** How long to keep trying, in milliseconds. */
  readonly patienceMs?: number;
}

export interface BumpDeps {
  readonly on: GitopsRepository;
  /** Who is newer, when two commits of the source repository must be compared. */
  readonly history: SourceHistory;
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  /**
   * Looks whether the clusters can run images, and throws a Failure when they cannot (src/build/check-images.ts). Asked
   * for what would be written, before it is; once for each image.
   */
  readonly checkImages?: (
    images: readonly ImageReference[],
    of: { readonly clusters: readonly Cluster[]; readonly registries: readonly string[] },
  ) => Promise<void>;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

/**
 * - `bumped`: written. `would-bump`: a dry run that would write.
 * - `already-there`, `older`: nothing to do. `nothing`: in the explicit mode, all values are there already.
 */
export type BumpReason = 'bumped' | 'would-bump' | 'already-there' | 'older' | 'nothing';

export interface BumpOutputs extends BumpResult {
  readonly changed: boolean;
  readonly reason: BumpReason;
  readonly edits: FileEdits;
  readonly commit: CommitReference | undefined;
  readonly pullRequest: PullRequestReference | undefined;
  readonly merging: Applied<unknown>['merging'];
  /** How often the repository was read and tried. */
  readonly attempts: number;
}

/**
 * Deploys images to every cluster of an environment by one change of the GitOps repository (design: "How a bump is
 * written").
 *
 * @throws Failure: exit 1 when a policy refuses (foreign source or registry, hold, freeze, diverged), exit 2 for bad
 * input, or when GitHub refuses or does not answer. Nothing is written then, except after `unknown-outcome`, where it
 * is not known.
 */
export async function runBump(inputs: BumpInputs, deps: BumpDeps): Promise<BumpOutputs> {
  const checked = new Set<string>();
  const compute: ComputeChange<BumpResult> = async (tree) => {
    const change = await computeFor(inputs, deps, tree);
    await checkOnce(change.result, tree, deps, checked);
    return change;
  };
  const { request } = inputs;
  const brought = await bring(compute, {
    ...deps,
    dryRun: inputs.dryRun,
    files:
      request.kind === 'apps' ? filesOfApps(request.apps, [request.environment]) : filesOfExplicit(request),
    branch: proposalBranch(inputs),
    labels: inputs.labels,
    autoMerge: inputs.autoMerge,
    patienceMs: inputs.patienceMs,
  });
  const reason = reasonOf(inputs, brought);
  return {
    ...brought.result,
    changed: brought.changed,
    reason,
    edits: brought.changed || reason === 'would-bump' ? brought.edits : new Map(),
    commit: brought.commit,
    pullRequest: brought.pullRequest,
    merging: brought.merging,
    attempts: brought.attempts,
  };
}

async function checkOnce(
  { environment, images }: BumpResult,
  tree: Tree,
  { checkImages }: BumpDeps,
  checked: Set<string>,
): Promise<void> {
  const unchecked = images
    .filter(({ outcome, after }) => outcome === 'bumped' && !checked.has(formatImage(after)))
    .map(({ after }) => after);
  if (checkImages === undefined || environment === undefined || unchecked.length === 0) return;
  const config = await readConfig(tree);
  const { clusters } = environmentOf(config, environment);
  await checkImages(unchecked, { clusters, registries: config.registries });
  for (const image of unchecked) checked.add(formatImage(image));
}

function computeFor({ request }: BumpInputs, deps: BumpDeps, tree: Tree): Promise<Change<BumpResult>> {
  return request.kind === 'apps'
    ? computeBump(tree, request, { history: deps.history, now: new Date(deps.timing.now()) })
    : computeExplicit(tree, request);
}

/**
 * One pull request for each set of apps and environment: a later build replaces what an earlier one proposed. Where files and
 * values are named instead, those are the set.
 */
function proposalBranch({ request }: BumpInputs): string {
  return request.kind === 'apps'
    ? `kajitori/bump/${request.environment}/${[...request.apps].sort().join('+')}`
    : `kajitori/bump/files-${placesOf(request)}`;
}

/** Short, and the same for the same places in whatever order. */
function placesOf({ files, assignments }: ExplicitRequest): string {
  const places = [[...files].sort(), assignments.map(({ path }) => formatPath(path)).sort()];
  return createHash('sha256').update(JSON.stringify(places)).digest('hex').slice(0, 12);
}

function reasonOf(inputs: BumpInputs, applied: Applied<BumpResult>): BumpReason {
  if (applied.changed) {
    return 'bumped';
  }
  const { images } = applied.result;
  if (
    inputs.dryRun &&
    (images.some(({ outcome }) => outcome === 'bumped') || applied.result.originals.size > 0)
  ) {
    return 'would-bump';
  }
  if (images.some(({ outcome }) => outcome === 'older')) {
    return 'older';
  }
  return images.length === 0 ? 'nothing' : 'already-there';
}
