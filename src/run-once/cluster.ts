import { execa } from 'execa';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot } from '../report/failure.ts';

/** How a Job ended. */
export interface JobOutcome {
  /** Of its container; undefined when none ran to an end (no image, out of time). */
  readonly exitCode: number | undefined;
  /** Kubernetes' own word: Completed, Error, OOMKilled, DeadlineExceeded, ImagePullBackOff… */
  readonly reason: string;
}

/** One cluster, as far as one-off jobs need it. */
export interface Cluster {
  create(object: KubernetesObject): Promise<void>;
  /** Hands over each line of output until the pod ends; returns at once when there is none to follow. */
  follow(job: JobName, line: (text: string) => void): Promise<void>;
  /** Undefined while it runs. */
  outcome(job: JobName): Promise<JobOutcome | undefined>;
}

export interface JobName {
  readonly namespace: string;
  readonly name: string;
}

interface PodList {
  readonly items: readonly {
    readonly status?: {
      readonly containerStatuses?: readonly {
        readonly name: string;
        readonly state?: {
          readonly waiting?: { readonly reason?: string };
          readonly terminated?: { readonly exitCode: number; readonly reason?: string };
        };
      }[];
    };
  }[];
}

interface JobObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
}

/**
 * A cluster by `kubectl`, which is on PATH of GitHub's runners and knows every way to sign in.
 *
 * @param kubeconfig a file; undefined: as kubectl finds it
 */
export function kubectlCluster(kubeconfig: string | undefined, environment: NodeJS.ProcessEnv = {}): Cluster {
  const options = { env: environment, stripFinalNewline: true, reject: false } as const;
  const flags = kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`];
  const kubectl = async (args: readonly string[], input?: string) => {
    const result = await execa('kubectl', [...flags, ...args], {
      ...options,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
    if (result.failed) {
      throw couldNot(`kubectl ${args[0]} failed: ${String(result.stderr) || result.shortMessage}`, {
        todo: 'Check the name of the cluster and what the role of this run may do there (docs/run-a-command.md).',
        reason: 'kubectl',
      });
    }
    return String(result.stdout);
  };
  return {
    create: async (object) => {
      // Not apply: a Job of this name that is there already was another run.
      await kubectl(['create', '--filename=-'], JSON.stringify(object));
    },
    follow: async ({ namespace, name }, line) => {
      const args = [`--namespace=${namespace}`, 'logs', '--follow', '--container=run', `job/${name}`];
      const running = execa('kubectl', [...flags, ...args, '--pod-running-timeout=10m'], {
        ...options,
        stdin: 'ignore',
        buffer: false,
        lines: true,
      });
      for await (const text of running.iterable({ from: 'all' })) {
        line(text);
      }
      // Whether the job did well is for `outcome` to say; a broken connection is no end of it.
      await running;
    },
    outcome: async ({ namespace, name }) => {
      const within = [`--namespace=${namespace}`, '--output=json'];
      const job = JSON.parse(await kubectl(['get', 'job', name, ...within])) as JobObject;
      const pods = JSON.parse(
        await kubectl(['get', 'pods', `--selector=batch.kubernetes.io/job-name=${name}`, ...within]),
      ) as PodList;
      return outcomeOf(job, pods);
    },
  };
}

/** A pod that waits for these will wait for ever. */
const HOPELESS = ['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'CreateContainerConfigError'];

/** How a Job ended, from what the API server says of it and its pods. */
export function outcomeOf(job: JobObject, pods: PodList): JobOutcome | undefined {
  const states = pods.items.flatMap(({ status }) =>
    (status?.containerStatuses ?? []).flatMap(({ name, state }) => (name === 'run' ? [state] : [])),
  );
  const ended = states.find((state) => state?.terminated !== undefined)?.terminated;
  const condition = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (condition !== undefined) {
    const reason =
      condition.type === 'Complete' ? 'Completed' : (ended?.reason ?? condition.reason ?? 'Failed');
    return { exitCode: condition.type === 'Complete' ? 0 : ended?.exitCode, reason };
  }
  const waiting = states.find((state) => HOPELESS.includes(state?.waiting?.reason ?? ''))?.waiting?.reason;
  return waiting === undefined ? undefined : { exitCode: undefined, reason: waiting };
}
