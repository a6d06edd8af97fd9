import { nameHint } from '../config/nearest.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';

export interface OneOffJob {
  readonly app: string;
  /** Whose pods it is like; undefined: web, else the first. */
  readonly component: string | undefined;
  /** The words of the command; they take the place of `args`, as after `docker run IMAGE`. */
  readonly command: readonly string[];
  /** Tells it from other runs: lower-case letters and digits. */
  readonly id: string;
  /** Who asked, for whoever looks at the Job. */
  readonly person: string;
  /** URL of the run, where its output is kept. */
  readonly run: string | undefined;
  /** After this time it is ended. */
  readonly deadlineSeconds: number;
}

/** The output is in the run's log; what is left in the cluster is only for whoever looks at once. */
const TTL_SECONDS = 3_600;

/** What the chart calls a component (`app.kubernetes.io/component`). */
const COMPONENT = 'app.kubernetes.io/component';

type Fields = Readonly<Record<string, unknown>>;

/**
 * A Job that runs a command once in a pod like those of an app: the same image, settings, secrets, ServiceAccount, resources
 * and restrictions. It is not one of the component's pods: no Service sends it requests, no probe ends it, and Argo CD does
 * not know it.
 *
 * @param objects what `renderApp` gives
 * @throws Failure (exit 2, `unknown-component`) with the names there are
 */
export function oneOffJob(objects: readonly KubernetesObject[], job: OneOffJob): KubernetesObject {
  const templates = podTemplates(objects);
  const names = [...templates.keys()];
  const component = job.component ?? (templates.has('web') ? 'web' : names[0]) ?? '';
  const template = templates.get(component);
  if (template === undefined) {
    throw couldNot(
      `${job.app} has no component ${JSON.stringify(component)}. ${nameHint(component, names)}`,
      {
        todo: 'Use web, or the name of a worker or cron job in values.yaml that runs in this cluster.',
        reason: 'unknown-component',
      },
    );
  }
  const metadata = fields(template.metadata);
  const labels = { ...fields(metadata.labels), [COMPONENT]: 'run' };
  const spec = fields(template.spec);
  const [main, ...besides] = list(spec.containers);
  const { topologySpreadConstraints: _, ...pod } = spec;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${job.app}-run-${job.id}`,
      namespace: job.app,
      labels: labels as Record<string, string>,
      annotations: {
        'kajitori.dev/by': job.person,
        'kajitori.dev/component': component,
        'kajitori.dev/command': JSON.stringify(job.command),
        ...(job.run === undefined ? {} : { 'kajitori.dev/run': job.run }),
      },
    },
    spec: {
      // What a person asked for once is never done twice.
      backoffLimit: 0,
      activeDeadlineSeconds: job.deadlineSeconds,
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: {
        metadata: { ...metadata, labels },
        spec: {
          ...pod,
          restartPolicy: 'Never',
          containers: [{ ...withoutServing(fields(main)), name: 'run', args: [...job.command] }, ...besides],
        },
      },
    },
  };
}

/** By component, from what runs all the time before what runs at times. */
function podTemplates(objects: readonly KubernetesObject[]): ReadonlyMap<string, Fields> {
  const found = new Map<string, Fields>();
  for (const kind of ['Deployment', 'CronJob']) {
    for (const object of objects.filter((each) => each.kind === kind)) {
      const component = object.metadata.labels?.[COMPONENT];
      const spec = fields(object.spec);
      const template = kind === 'CronJob' ? fields(fields(spec.jobTemplate).spec).template : spec.template;
      if (component !== undefined && !found.has(component)) {
        found.set(component, fields(template));
      }
    }
  }
  return found;
}

/** A command serves nobody: it has no ports, nothing asks whether it is well, and nothing waits before it stops. */
function withoutServing(container: Fields): Fields {
  const {
    ports: _p,
    livenessProbe: _l,
    readinessProbe: _r,
    startupProbe: _s,
    lifecycle: _c,
    ...rest
  } = container;
  return rest;
}

const fields = (value: unknown): Fields => (isMap(value) ? value : {});

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
