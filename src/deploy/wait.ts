import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Timing } from '../github/timing.ts';
import { readVerdicts, verdictOf } from '../release/verdict.ts';
import { Failure } from '../report/failure.ts';
import { type Compensated, compensate } from './compensate.ts';
import type { DeployCommit } from './deploy-history.ts';
import { type Following, follow, type Limits, limitsFor, type Outcome } from './follow.ts';
import type { Awaited, Lookout } from './lookout.ts';
import {
  type Deploy,
  type DeployQuestion,
  type ReadDeployDeps,
  readDeploy,
  supersededApps,
} from './read-deploy.ts';
import { type Tell, Teller } from './tell.ts';
import { VerdictRecord } from './verdict-record.ts';

export interface WaitInputs extends DeployQuestion {
  /** Where an app's own app.yaml says nothing else. */
  readonly limits: Limits;
  /** How long runs before have waited for it, milliseconds. Default 0. */
  readonly spentMs?: number;
  /** What happens when a cluster fails: `auto` puts the whole environment back. */
  readonly rollback: 'auto' | 'never';
  /** The page of the run. */
  readonly run: string | undefined;
}

export interface WaitDeps extends ReadDeployDeps {
  readonly timing: Timing;
  /** Opened when it is clear that something must be waited for. */
  readonly lookout: (config: KajitoriConfig, environment: string) => Promise<Lookout>;
  readonly report: WaitReporter;
  /** Tells people where they look; undefined: nobody is told. It never changes the verdict. */
  readonly tell?: Tell | undefined;
}

/** Where the progress goes. */
export interface WaitReporter {
  /** Something new about one application. */
  readonly application: (following: Following) => void;
  /** Something new about the deploy as a whole: one sentence. */
  readonly step: (words: string) => void;
}

/**
 * - `healthy`: every cluster runs it. `failed`: one does not.
 * - `superseded`: somebody deployed again before it was known; that deploy's own wait decides.
 * - `unknown`: could not be found out.
 */
export type WaitVerdict = 'healthy' | 'failed' | 'superseded' | 'unknown';

export interface WaitedApplication {
  readonly app: string;
  readonly cluster: string;
  readonly application: string;
  /** Undefined: not decided, because another one failed first. */
  readonly outcome: Outcome | undefined;
  /** What was seen last. */
  readonly words: string;
}

/**
 * What was done about a failure: what `compensate` did, or nothing, because it was not to be done (`never`), or because
 * the commit is no deploy (`not-a-deploy`: a person's change of values or charts, which is theirs to revert, or a
 * rollback, which would bring back what failed before).
 */
export type Remedy = Compensated | { readonly kind: 'never' | 'not-a-deploy' };

export interface WaitOutputs {
  readonly verdict: WaitVerdict;
  readonly environment: string;
  readonly commit: DeployCommit;
  readonly applications: readonly WaitedApplication[];
  /** It was found healthy before: nothing was waited for. */
  readonly knownBefore: boolean;
  /** Undefined when nothing failed. */
  readonly remedy: Remedy | undefined;
  /** How each application came back to the earlier release; empty when nothing was put back. */
  readonly back: readonly WaitedApplication[];
  /** What people could not be told, a sentence each. */
  readonly untold: readonly string[];
  readonly startedAt: Date;
  readonly endedAt: Date;
}

/**
 * Waits until every cluster of an environment runs a commit and is healthy. When one of them fails, one commit puts the
 * whole environment back, and that is waited for too (design: "Promises that tests hold": both or none).
 *
 * The verdict is recorded on the commit, for each app and cluster, from the first moment (pending) on: a run that dies is
 * known by it, and the next one finishes what it left (see unfinished.ts).
 *
 * @throws Failure: exit 1 when the run may not deploy the app, exit 2 for bad input or when GitHub does not answer. How
 * the deploy went is in the outputs, and is no error
 */
export async function runWait(inputs: WaitInputs, deps: WaitDeps): Promise<WaitOutputs> {
  const startedAt = new Date(deps.timing.now());
  const deploy = await readDeploy(inputs, deps);
  const about = { environment: deploy.environment, commit: deploy.commit, startedAt };
  const recorded = await readVerdicts(deps.client, deps.target.repository, [deploy.commit.oid]);
  const isHealthy = (app: string) =>
    verdictOf(app, deploy.clusters, recorded.get(deploy.commit.oid) ?? []) === 'healthy';
  if (deploy.apps.every(isHealthy)) {
    return {
      ...about,
      verdict: 'healthy',
      applications: deploy.awaited.map((each) => ({
        ...namesOf(each),
        outcome: { kind: 'healthy' },
        words: 'found healthy before',
      })),
      knownBefore: true,
      remedy: undefined,
      back: [],
      untold: [],
      endedAt: new Date(deps.timing.now()),
    };
  }
  const lookout = await deps.lookout(deploy.config, deploy.environment);
  try {
    return {
      ...about,
      ...(await waitFor(deploy, inputs, deps, lookout)),
      endedAt: new Date(deps.timing.now()),
    };
  } finally {
    lookout.close();
  }
}

async function waitFor(
  deploy: Deploy,
  inputs: WaitInputs,
  deps: WaitDeps,
  lookout: Lookout,
): Promise<Pick<WaitOutputs, 'verdict' | 'applications' | 'knownBefore' | 'remedy' | 'back' | 'untold'>> {
  const record = recordOf(deploy.commit.oid, inputs, deps);
  await record.begin(deploy.awaited);
  const teller = new Teller(deps, deps.tell, inputs.run);
  teller.begin(deploy, new Date(deps.timing.now()));
  const limitsOf = limitsFor(inputs.limits, inputs.spentMs);
  const following = follow(deploy.awaited, {
    lookout,
    timing: deps.timing,
    limitsOf,
    superseded: () => supersededApps(deploy, deps),
    onChange: deps.report.application,
    meanwhile: allOf(
      (each) => record.alive(each),
      // Of a deploy before ours, which hangs: it had its time, and ours does not begin before it ends.
      endingOperations(lookout, (each) => limitsOf(each).deadlineMs / 2, deps),
    ),
  });
  const all = await following.catch(async (error: unknown) => {
    if (error instanceof Failure) {
      await record.gaveUp(deploy.awaited, error.message);
      await teller.end(
        deploy,
        deploy.awaited.map((awaited) => ({
          awaited,
          sight: undefined,
          seenAt: undefined,
          outcome: { kind: 'unknown', cause: error.message, todo: undefined },
        })),
        { rolledBack: false, at: new Date(deps.timing.now()), open: '' },
      );
    }
    throw error;
  });
  await record.decided(all);
  const verdict = verdictOfAll(all);
  const { remedy, back } =
    verdict === 'failed'
      ? await undo(inputs, deps, deploy, all, lookout, teller)
      : { remedy: undefined, back: [] };
  const open = closingWords(all, remedy);
  await record.close(all, open);
  await teller.end(deploy, all, {
    rolledBack: back.length > 0 && back.every(({ outcome }) => outcome?.kind === 'healthy'),
    at: new Date(deps.timing.now()),
    open,
  });
  return {
    verdict: remedy?.kind === 'superseded' ? 'superseded' : verdict,
    applications: all.map(waited),
    knownBefore: false,
    remedy,
    back: back.map(waited),
    untold: teller.untold(),
  };
}

const recordOf = (commit: string, inputs: WaitInputs, deps: WaitDeps): VerdictRecord =>
  new VerdictRecord(
    {
      client: deps.client,
      repository: deps.target.repository,
      timing: deps.timing,
      run: inputs.run,
      onTrouble: deps.report.step,
    },
    commit,
  );

/** One that failed decides for all; what nobody knows is not healthy. */
function verdictOfAll(all: readonly Following[]): WaitVerdict {
  const kinds = new Set(all.map(({ outcome }) => outcome?.kind));
  if (kinds.has('failed')) {
    return 'failed';
  }
  if (kinds.has('unknown') || kinds.has(undefined)) {
    return 'unknown';
  }
  return kinds.has('superseded') ? 'superseded' : 'healthy';
}

const NOT_UNDONE = new Set(['rollback', '']);

async function undo(
  inputs: WaitInputs,
  deps: WaitDeps,
  deploy: Deploy,
  all: readonly Following[],
  lookout: Lookout,
  teller: Teller,
): Promise<{ readonly remedy: Remedy; readonly back: readonly Following[] }> {
  const failed = all.filter(({ outcome }) => outcome?.kind === 'failed');
  // All that the commit deployed there belongs together, also where only some of it was waited for.
  const apps = deploy.commit.deploys
    .filter(({ environment, action }) => environment === deploy.environment && !NOT_UNDONE.has(action))
    .map(({ app }) => app);
  if (!failed.some(({ awaited }) => apps.includes(awaited.app))) {
    return { remedy: { kind: 'not-a-deploy' }, back: [] };
  }
  if (inputs.rollback === 'never') {
    return { remedy: { kind: 'never' }, back: [] };
  }
  // First the end, then the commit: Argo CD does not sync what it compared with while a sync ran that then ended badly
  // (controller, `alreadyAttemptedSync`). Nor may what hangs stand in the way of the next deploy.
  await Promise.all(failed.map((each) => endIfHanging(each.awaited, lookout, deps)));
  const remedy = await compensate(
    {
      commit: deploy.commit,
      apps,
      environment: deploy.environment,
      reason: reasonOf(failed),
      run: inputs.run,
    },
    {
      ...deps,
      onRetry: (reason, attempt) => deps.report.step(`${reason}; attempt ${attempt + 1}`),
    },
  );
  if (remedy.kind !== 'written' && remedy.kind !== 'done-before') {
    return { remedy, back: [] };
  }
  deps.report.step(
    `${deploy.environment} goes back to the release before, by commit ${remedy.commit.slice(0, 8)}`,
  );
  return { remedy, back: await followBack(inputs, deps, deploy, remedy, failed, lookout, teller) };
}

async function endIfHanging(
  awaited: Awaited,
  lookout: Lookout,
  { report }: Pick<WaitDeps, 'report'>,
): Promise<void> {
  if (await lookout.endOperation(awaited)) {
    report.step(`${awaited.application}: ended its operation, which hung`);
  }
}

/** The first cause names the cluster: it is what people read in the hold. */
function reasonOf(failed: readonly Following[]): string {
  const [first] = failed;
  const cause = first?.outcome?.kind === 'failed' ? first.outcome.cause : '';
  return `deploy failed in ${first?.awaited.cluster ?? ''}: ${cause}`.slice(0, 400);
}

/** An operation of what is undone may end by itself for so long (milliseconds): a migration is not to be cut in two. */
const END_OPERATION_AFTER_MS = 60_000;

/** Waits until every cluster runs the earlier release again. What fails then is told: nothing is left to go back to. */
async function followBack(
  inputs: WaitInputs,
  deps: WaitDeps,
  deploy: Deploy,
  remedy: Extract<Compensated, { kind: 'written' | 'done-before' }>,
  failed: readonly Following[],
  lookout: Lookout,
  teller: Teller,
): Promise<readonly Following[]> {
  const earlier = await readDeploy(
    { apps: remedy.apps, environment: deploy.environment, commit: remedy.commit },
    deps,
  );
  const record = recordOf(remedy.commit, inputs, deps);
  await record.begin(earlier.awaited);
  const hanging = new Set(failed.map(({ awaited }) => awaited.application));
  const back = await follow(earlier.awaited, {
    lookout,
    timing: deps.timing,
    limitsOf: limitsFor(inputs.limits),
    superseded: () => supersededApps(earlier, deps),
    onChange: deps.report.application,
    meanwhile: allOf(
      (each) => record.alive(each),
      endingOperations(lookout, () => END_OPERATION_AFTER_MS, deps, hanging),
    ),
    untilAllAreDecided: true,
  });
  await record.decided(back);
  await teller.end(earlier, back, { rolledBack: false, at: new Date(deps.timing.now()), open: '' });
  return back;
}

type Meanwhile = (all: readonly Following[]) => Promise<void>;

const allOf =
  (...each: readonly Meanwhile[]): Meanwhile =>
  async (all) => {
    for (const one of each) {
      await one(all);
    }
  };

/**
 * Ends operations of an older commit that keep ours from being applied (shared/rig-argocd/README.md): Argo CD starts no
 * other one before they end, and a hook that waits for an image never does.
 *
 * @param patienceOf how long (milliseconds) one may end by itself
 * @param hanging names of applications that are known to hang: there at once
 */
function endingOperations(
  lookout: Lookout,
  patienceOf: (awaited: Awaited) => number,
  { timing, report }: Pick<WaitDeps, 'timing' | 'report'>,
  hanging: ReadonlySet<string> = new Set(),
): Meanwhile {
  const since = new Map<string, number>();
  return async (all) => {
    for (const { awaited, sight, outcome } of all) {
      if (outcome !== undefined || sight?.blocked !== true) {
        since.delete(awaited.application);
        continue;
      }
      const from = since.get(awaited.application) ?? timing.now();
      since.set(awaited.application, from);
      const isDue = hanging.has(awaited.application) || timing.now() - from >= patienceOf(awaited);
      if (isDue && (await lookout.endOperation(awaited))) {
        report.step(`${awaited.application}: ended the operation of an older commit that was in the way`);
        // Were another one to come, it would get its time too.
        since.delete(awaited.application);
      }
    }
  };
}

/** For the clusters that were not judged, because another one decided for all. */
function closingWords(all: readonly Following[], remedy: Remedy | undefined): string {
  const cluster = all.find(({ outcome }) => outcome?.kind === 'failed')?.awaited.cluster ?? '';
  return remedy?.kind === 'written' || remedy?.kind === 'done-before'
    ? `not judged: it failed in ${cluster}, and all clusters went back`
    : `not judged: it failed in ${cluster}`;
}

const namesOf = ({ app, cluster, application }: Awaited) => ({ app, cluster, application });

const waited = ({ awaited, outcome, sight }: Following): WaitedApplication => ({
  ...namesOf(awaited),
  outcome,
  words: sight?.words ?? '',
});
