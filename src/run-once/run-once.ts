import { parseAppName } from '../config/app-name.ts';
import { environmentOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Timing } from '../github/timing.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot } from '../report/failure.ts';
import type { Cluster, JobName, JobOutcome } from './cluster.ts';
import { type OneOffJob, oneOffJob } from './job-manifest.ts';

/** One-off jobs need no more; what takes longer is a cron job or a worker. */
export const LONGEST_MINUTES = 360;

export interface RunOnceInputs extends OneOffJob {
  readonly environment: string;
  /** One of the environment's clusters; undefined: its active one. */
  readonly cluster: string | undefined;
  /** Show the Job and create nothing. */
  readonly dryRun: boolean;
}

export interface RunOnceDeps {
  readonly config: KajitoriConfig;
  /** What Argo CD applies for the app in a cluster. */
  readonly render: (cluster: string) => Promise<readonly KubernetesObject[]>;
  /** Opened only when something is created. */
  readonly cluster: (cluster: string) => Promise<Cluster>;
  /** A line of the command's output, as it comes. */
  readonly line: (text: string) => void;
  readonly timing: Pick<Timing, 'now' | 'sleep'>;
}

export interface RunOnceOutputs {
  readonly cluster: string;
  readonly job: KubernetesObject;
  /** Undefined for a dry run. */
  readonly outcome: JobOutcome | undefined;
}

const POLL_MS = 2_000;
/** The API server ends the Job at its deadline; only if it does not answer any more we stop looking by ourselves. */
const GRACE_MS = 120_000;

/**
 * Runs a command once in a pod like those of an app, instead of `kubectl exec` into one that serves people: the same image and
 * settings, a deadline, no retry, the output in the log, and nothing left after an hour.
 *
 * @throws Failure (exit 2): `unknown-environment`, `unknown-cluster`, `no-active-cluster`, `unknown-component`, those of
 * rendering, `kubectl`, `out-of-time`
 */
export async function runOnce(inputs: RunOnceInputs, deps: RunOnceDeps): Promise<RunOnceOutputs> {
  parseAppName(inputs.app);
  const cluster = clusterOf(deps.config, inputs.environment, inputs.cluster);
  const job = oneOffJob(await deps.render(cluster), inputs);
  if (inputs.dryRun) {
    return { cluster, job, outcome: undefined };
  }
  const target = await deps.cluster(cluster);
  await target.create(job);
  const name: JobName = { namespace: inputs.app, name: job.metadata.name };
  await target.follow(name, deps.line);
  return { cluster, job, outcome: await waitForEnd(target, name, inputs.deadlineSeconds, deps.timing) };
}

function clusterOf(config: KajitoriConfig, environment: string, name: string | undefined): string {
  const { clusters } = environmentOf(config, environment);
  const names = clusters.map((each) => each.name).join(', ');
  const found = clusters.find((each) => (name === undefined ? each.active : each.name === name));
  if (found !== undefined) {
    return found.name;
  }
  throw name === undefined
    ? couldNot(`${environment} has several clusters and none of them is active.`, {
        todo: `Name one: ${names}.`,
        reason: 'no-active-cluster',
      })
    : couldNot(`${environment} has no cluster ${JSON.stringify(name.slice(0, 60))}.`, {
        todo: `Name one: ${names}.`,
        reason: 'unknown-cluster',
      });
}

async function waitForEnd(
  cluster: Cluster,
  job: JobName,
  deadlineSeconds: number,
  timing: RunOnceDeps['timing'],
): Promise<JobOutcome> {
  const until = timing.now() + deadlineSeconds * 1_000 + GRACE_MS;
  for (;;) {
    const outcome = await cluster.outcome(job);
    if (outcome !== undefined) {
      return outcome;
    }
    if (timing.now() > until) {
      throw couldNot(`The job ${job.name} did not end in time, and it is not known what became of it.`, {
        todo: `Look at it: kubectl describe job ${job.name} -n ${job.namespace}`,
        reason: 'out-of-time',
      });
    }
    await timing.sleep(POLL_MS);
  }
}

/** One sentence for people. */
export function outcomeWords({ cluster, job, outcome }: RunOnceOutputs): string {
  const name = job.metadata.name;
  if (outcome === undefined) {
    return `Would create ${name} in ${cluster} (dry run, nothing created).`;
  }
  return outcome.exitCode === undefined
    ? `${name} in ${cluster} did not run to its end: ${outcome.reason}.`
    : `${name} in ${cluster} ended with exit code ${outcome.exitCode} (${outcome.reason}).`;
}
