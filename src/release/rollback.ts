import { environmentOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Timing } from '../github/timing.ts';
import { openRevisions } from '../history/open-revisions.ts';
import { type PastRelease, pastReleases, type VerdictsOf } from '../history/past-releases.ts';
import type { Revisions } from '../history/revisions.ts';
import { couldNot } from '../report/failure.ts';
import { type Brought, bring } from '../repository/bring.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import type { Tree } from '../repository/tree.ts';
import { filesOfApps, readConfig, readDefinition } from './app-files.ts';
import type { BumpDeps } from './bump.ts';
import { computeRollback, type RollbackResult } from './compute-rollback.ts';
import { checkDeployer, type Deployer } from './deployer.ts';
import { chooseRelease, type RollbackTarget } from './rollback-target.ts';

export interface RollbackInputs {
  /** Checked names, at least one. */
  readonly apps: readonly string[];
  readonly environment: string;
  readonly to: RollbackTarget;
  readonly reason: string;
  readonly by: string;
  /** The end of the hold that is left; undefined: until somebody ends it. */
  readonly holdUntil: Date | undefined;
  readonly run: string | undefined;
  readonly via: 'commit' | 'pull-request' | undefined;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
}

export interface RollbackDeps {
  readonly on: GitopsRepository;
  readonly deployer: Deployer;
  /** Undefined: nobody can be asked, and no release is known to be healthy. */
  readonly verdictsOf: VerdictsOf | undefined;
  /** Whether the clusters can still run the image; undefined: not checked, and said. */
  readonly checkImages: BumpDeps['checkImages'];
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

export interface RollbackOutputs extends Brought<RollbackResult> {
  /** The release that each app goes back to, and the one that is left; in the order of the request. */
  readonly plans: readonly { readonly from: PastRelease; readonly to: PastRelease }[];
  /** False: it was not checked whether the images still exist. */
  readonly imagesChecked: boolean;
}

/** How many commits of a release file are looked at: months, for most apps. */
const LOOK_BACK = 100;

/**
 * Takes apps back to an earlier release in every cluster of an environment, by one change of the GitOps repository, and
 * leaves a hold.
 *
 * @throws Failure: exit 1 when a policy refuses (`foreign-source`, `not-a-member`, `foreign-registry`), when somebody
 * deployed while it ran (`moved-on`) or an image is gone; exit 2 for bad input or when it could not be found out
 */
export async function runRollback(inputs: RollbackInputs, deps: RollbackDeps): Promise<RollbackOutputs> {
  const { apps, environment } = inputs;
  const now = () => new Date(deps.timing.now());
  const files = filesOfApps(apps, [environment]);
  const { tree, revisions } = await openRevisions(deps.on, files);
  const config = await readConfig(tree);
  const { clusters } = environmentOf(config, environment);
  const plans = await Promise.all(apps.map((app) => plan(app, inputs, deps, { tree, config, revisions })));
  const images = plans.flatMap(({ to }) => [...to.release.images.values()].map(({ image }) => image));
  await deps.checkImages?.(images, { clusters, registries: config.registries });
  const brought = await bring(
    (head) =>
      computeRollback(
        head,
        {
          ...inputs,
          apps: plans.map(({ from, to }) => ({ app: to.app, to: to.release, seen: from.release })),
        },
        { now: now(), deployer: deps.deployer },
      ),
    {
      ...deps,
      dryRun: inputs.dryRun,
      files,
      branch: `kajitori/rollback/${environment}/${[...apps].sort().join('+')}`,
      onRetry: deps.onRetry,
    },
  );
  return { ...brought, plans, imagesChecked: deps.checkImages !== undefined };
}

async function plan(
  app: string,
  { environment, to }: RollbackInputs,
  { deployer, verdictsOf }: RollbackDeps,
  { tree, config, revisions }: { tree: Tree; config: KajitoriConfig; revisions: Revisions },
) {
  // Before anything is looked up: who may not, learns nothing, and soon.
  await checkDeployer(config, app, await readDefinition(tree, config, app), deployer);
  const past = await pastReleases(revisions, config, app, environment, { limit: LOOK_BACK }, verdictsOf);
  const chosen = chooseRelease(past, to, { app, environment, judged: verdictsOf !== undefined });
  const [current] = past.releases;
  if (current === undefined) {
    throw couldNot(`${app} was never deployed to ${environment}.`, { reason: 'no-release' });
  }
  return { from: current, to: chosen };
}
