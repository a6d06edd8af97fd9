import { environmentOf, environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { CheckState } from '../github/checks.ts';
import { GitHubError } from '../github/client.ts';
import type { Timing } from '../github/timing.ts';
import { openRevisions } from '../history/open-revisions.ts';
import { type PastRelease, pastReleases, type VerdictsOf } from '../history/past-releases.ts';
import type { Revisions } from '../history/revisions.ts';
import { couldNot, Failure, refused } from '../report/failure.ts';
import { type Brought, bring } from '../repository/bring.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import type { Tree } from '../repository/tree.ts';
import { readAllApps } from './all-apps.ts';
import { filesOfApps, readConfig, readDefinition } from './app-files.ts';
import type { BumpDeps } from './bump.ts';
import {
  computePromotion,
  neverDeployed,
  type PromotionResult,
  promotedFrom,
  promotedImage,
} from './compute-promotion.ts';
import type { Overriding } from './deploy-policy.ts';
import { checkDeployer, type Deployer } from './deployer.ts';
import { formatImage, type ImageReference } from './image-reference.ts';
import { allPassed, type Gate, judgeGates } from './promotion-gates.ts';
import { readRelease, sameReleased } from './release-record.ts';
import type { Source } from './source.ts';
import type { SourceHistory } from './source-history.ts';

export interface PromoteInputs {
  /** Checked names, at least one; all or none. */
  readonly apps: readonly string[];
  readonly to: string;
  readonly overriding: Overriding;
  /** Set the gates aside; needs a reason. */
  readonly withoutGates: boolean;
  readonly by: string;
  readonly run: string | undefined;
  readonly via: 'commit' | 'pull-request' | undefined;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
}

export interface PromoteDeps {
  readonly on: GitopsRepository;
  readonly deployer: Deployer;
  /** Undefined: nobody can be asked, and nothing is known to be healthy. */
  readonly verdictsOf: VerdictsOf | undefined;
  readonly historyOf: (source: Source) => SourceHistory;
  /** Named checks of a source commit. */
  readonly checksOf: (source: Source, names: readonly string[]) => Promise<ReadonlyMap<string, CheckState>>;
  /** Whether the clusters can run the images; undefined: not checked. */
  readonly checkImages: BumpDeps['checkImages'];
  /** Brings an image to another registry, the same digest; undefined: nobody does. */
  readonly copyImage: ((from: ImageReference, to: ImageReference) => Promise<void>) | undefined;
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

/** What an app must pass, and how far it is. */
export interface Candidate {
  readonly app: string;
  /** What runs in the environment before. */
  readonly release: PastRelease;
  readonly gates: readonly Gate[];
}

export interface PromoteOutputs extends Brought<PromotionResult> {
  readonly candidates: readonly Candidate[];
}

/** The release that runs is the newest; what stood before it tells whether it is one. */
const LOOK_BACK = 20;

/**
 * Promotes apps: what runs in the environment before becomes what runs in this one, all of them in one change or none.
 *
 * @throws Failure: exit 1 when a gate is not passed (`gates`) or a policy refuses (hold, freeze, diverged, not theirs);
 * exit 2 for bad input, when a gate could not be found out (`gates-unknown`), or GitHub refuses or does not answer
 */
export async function runPromote(inputs: PromoteInputs, deps: PromoteDeps): Promise<PromoteOutputs> {
  const { apps, to } = inputs;
  const files = filesOfApps(apps, [to]);
  const opened = await openRevisions(deps.on, files);
  const config = await readConfig(opened.tree);
  const from = promotedFrom(config, to);
  const candidates = await Promise.all(
    apps.map(async (app) => {
      const definition = await readDefinition(opened.tree, config, app);
      await checkDeployer(config, app, definition, deps.deployer);
      return candidateOf(app, from, to, config, opened.revisions, deps);
    }),
  );
  if (!inputs.withoutGates) {
    refuseUnpassed(candidates, to);
  } else if ((inputs.overriding.reason ?? '').trim() === '') {
    throw couldNot('Setting aside gates needs a reason.', {
      todo: 'Add --reason "…" (input reason): it is recorded in the commit.',
      reason: 'no-reason',
    });
  }
  return { ...(await promote(candidates, inputs, deps, { config, tree: opened.tree })), candidates };
}

async function candidateOf(
  app: string,
  from: string,
  to: string,
  config: KajitoriConfig,
  revisions: Revisions,
  deps: PromoteDeps,
): Promise<Candidate> {
  const past = await pastReleases(revisions, config, app, from, { limit: LOOK_BACK }, deps.verdictsOf);
  const [release] = past.releases;
  if (release === undefined) {
    throw neverDeployed(app, from);
  }
  const { promote } = environmentOf(config, to);
  const clusters = environmentOf(config, from).clusters.map(({ name }) => name);
  const checks = promote.checks.length === 0 ? new Map() : await checksOf(release, promote.checks, deps);
  const gates = judgeGates(promote, { release, clusters, checks }, new Date(deps.timing.now()));
  return { app, release, gates };
}

/** Green is what is green on the commit of every image. */
async function checksOf(
  { release }: PastRelease,
  names: readonly string[],
  deps: PromoteDeps,
): Promise<ReadonlyMap<string, CheckState> | { readonly unread: string }> {
  const worst = new Map<string, CheckState>();
  const order: readonly CheckState[] = ['green', 'missing', 'waiting', 'failed'];
  for (const { build } of release.images.values()) {
    if (build === undefined) {
      return { unread: 'the source commit of an image is not recorded' };
    }
    try {
      for (const [name, state] of await deps.checksOf(build.source, names)) {
        const before = worst.get(name) ?? 'green';
        worst.set(name, order.indexOf(state) > order.indexOf(before) ? state : before);
      }
    } catch (error) {
      if (error instanceof GitHubError || error instanceof Failure) {
        return { unread: error.message };
      }
      throw error;
    }
  }
  return worst;
}

function refuseUnpassed(candidates: readonly Candidate[], to: string): void {
  const open = candidates.flatMap(({ app, gates }) =>
    gates.filter(({ state }) => state !== 'passed').map((gate) => ({ app, ...gate })),
  );
  if (open.length === 0) {
    return;
  }
  const what = open.map(({ app, words }) => `${app}: ${words}`).join('; ');
  throw open.some(({ state }) => state === 'unknown')
    ? couldNot(`Not promoted to ${to}: ${what}.`, {
        todo: 'What is not known has not passed. Let wait-for-sync judge the deploy there (docs/setup.md), or set the gates aside: --override gates --reason "…".',
        reason: 'gates-unknown',
      })
    : refused(`Not promoted to ${to} yet: ${what}.`, {
        todo: open.some(({ state }) => state === 'failed')
          ? 'Deploy a commit that passes. If this one is meant, run it again with --override gates --reason "…": both are recorded.'
          : 'Run it again later. If it cannot wait, run it again with --override gates --reason "…": both are recorded.',
        reason: 'gates',
      });
}

async function promote(
  candidates: readonly Candidate[],
  inputs: PromoteInputs,
  deps: PromoteDeps,
  { config, tree }: { readonly config: KajitoriConfig; readonly tree: Tree },
): Promise<Brought<PromotionResult>> {
  const apps = candidates.map(({ app }) => app);
  const request = {
    ...inputs,
    apps,
    judged: new Map(candidates.map(({ app, release }) => [app, release.release])),
  };
  const knowledge = () => ({
    now: new Date(deps.timing.now()),
    deployer: deps.deployer,
    historyOf: deps.historyOf,
  });
  // What a policy refuses is refused before an image is sent anywhere.
  const first = await computePromotion(tree, request, knowledge());
  if (!inputs.dryRun) {
    await bringImages(first.result, config, deps);
  }
  return bring((head) => computePromotion(head, request, knowledge()), {
    ...deps,
    dryRun: inputs.dryRun,
    files: filesOfApps(apps, [inputs.to, promotedFrom(config, inputs.to)]),
    branch: `kajitori/promote/${inputs.to}/${[...apps].sort().join('+')}`,
    onRetry: deps.onRetry,
  });
}

async function bringImages(
  { images, environment }: PromotionResult,
  config: KajitoriConfig,
  { copyImage, checkImages }: PromoteDeps,
): Promise<void> {
  const bumped = images.filter(({ outcome }) => outcome === 'bumped');
  for (const { from, after } of bumped) {
    if (promotedImage(from.image, config, environment).repository === from.image.repository) {
      continue;
    }
    if (copyImage !== undefined) {
      await copyImage(from.image, after);
    } else if (checkImages === undefined) {
      throw couldNot(
        `${formatImage(after)} is in another registry than ${formatImage(from.image)}, and nobody looks whether it is there.`,
        {
          todo: 'Add --copy-image (copy-image), or --check-image (check-image) where the registries replicate.',
          reason: 'image-unchecked',
        },
      );
    }
  }
  const { clusters } = environmentOf(config, environment);
  if (bumped.length > 0) {
    await checkImages?.(
      bumped.map(({ after }) => after),
      { clusters, registries: config.registries },
    );
  }
}

/** What became of one app of one environment when everything that is due was promoted. */
export interface DueOutcome {
  readonly app: string;
  readonly to: string;
  /**
   * - `promoted`, `would-promote`: all gates passed. `waiting`: a gate has not. `refused`: a hold, a freeze…
   * - `unknown`: could not be found out.
   */
  readonly state: 'promoted' | 'would-promote' | 'waiting' | 'refused' | 'unknown';
  readonly gates: readonly Gate[];
  /** For people: what it waits for, or why it was refused. */
  readonly words: string;
  readonly commit: string | undefined;
}

/**
 * Promotes what has passed its gates, in every environment that kajitori.yaml promotes to automatically: an app a commit,
 * so that one that is refused stops no other. To be run by a schedule, or after each deploy. Apps that run the same in
 * both environments are not mentioned.
 *
 * @throws Failure (exit 2) when the repository cannot be read; what is wrong with one app is in its outcome
 */
export async function promoteDue(
  inputs: Pick<PromoteInputs, 'by' | 'run' | 'dryRun'>,
  deps: PromoteDeps,
): Promise<readonly DueOutcome[]> {
  const { tree, config, apps } = await readAllApps(deps.on);
  const { revisions } = await openRevisions(deps.on, []);
  const outcomes: DueOutcome[] = [];
  for (const { name: to, promote: gate, promoteFrom: from } of environmentsOf(config)) {
    if (!gate.automatic || from === undefined) {
      continue;
    }
    for (const app of apps.keys()) {
      if (await differs(tree, config, app, from, to)) {
        outcomes.push(await promoteOneDue(app, from, to, config, tree, revisions, inputs, deps));
      }
    }
  }
  return outcomes;
}

/** Whether an app runs something in one environment that the next one does not run. */
async function differs(
  tree: Tree,
  config: KajitoriConfig,
  app: string,
  from: string,
  to: string,
): Promise<boolean> {
  const [before, after] = await Promise.all(
    [from, to].map((environment) => readRelease((file) => tree.read(file), config, app, environment)),
  );
  return [...(before?.images ?? [])].some(
    ([name, released]) =>
      !sameReleased(
        { ...released, image: promotedImage(released.image, config, to) },
        after?.images.get(name),
      ),
  );
}

async function promoteOneDue(
  app: string,
  from: string,
  to: string,
  config: KajitoriConfig,
  tree: Tree,
  revisions: Revisions,
  { by, run, dryRun }: Pick<PromoteInputs, 'by' | 'run' | 'dryRun'>,
  deps: PromoteDeps,
): Promise<DueOutcome> {
  let gates: readonly Gate[] = [];
  try {
    const candidate = await candidateOf(app, from, to, config, revisions, deps);
    gates = candidate.gates;
    if (!allPassed(gates)) {
      const open = gates.filter(({ state }) => state !== 'passed');
      const state = open.some((each) => each.state === 'unknown') ? 'unknown' : 'waiting';
      return { app, to, state, gates, words: open.map(({ words }) => words).join('; '), commit: undefined };
    }
    const inputs: PromoteInputs = {
      apps: [app],
      to,
      overriding: { overrides: new Set(), reason: undefined },
      withoutGates: false,
      by,
      run,
      via: undefined,
      dryRun,
    };
    const key = `${deps.key}/${to}/${app}`;
    const brought = await promote([candidate], inputs, { ...deps, key }, { config, tree });
    const older = brought.result.images.every(({ outcome }) => outcome !== 'bumped');
    return {
      app,
      to,
      state: older ? 'refused' : dryRun ? 'would-promote' : 'promoted',
      gates,
      words: older ? `${to} runs a newer build already` : `passed all gates of ${to}`,
      commit: brought.commit?.oid,
    };
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error;
    }
    const state = error.exitCode === 1 ? 'refused' : 'unknown';
    return { app, to, state, gates, words: error.message, commit: undefined };
  }
}
