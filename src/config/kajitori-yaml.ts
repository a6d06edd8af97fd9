import { z } from 'zod';
import { couldNot, Failure } from '../report/failure.ts';
import { parsePath } from '../yaml/path.ts';
import { dateTime } from './date-time.ts';
import { duration } from './duration.ts';
import { parseBySchema } from './mistakes.ts';
import { clusterName, environmentName } from './names.ts';
import { nameHint, nearestName } from './nearest.ts';
import { ambiguousNames, pathPattern, placeholdersOf } from './path-pattern.ts';

/** The file at the root of the GitOps repository. */
export const KAJITORI_FILE = 'kajitori.yaml';

const KUBERNETES_WORDS = 'must be a version in quotes, like "1.30": without quotes YAML reads the number 1.3';
const ACCOUNT_WORDS =
  'must be 12 digits in quotes, like "012345678901": without quotes YAML reads a number and drops a leading zero';
const CHART_WORDS = 'must be like oci://333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/charts/app:1.2.3';
const REGISTRY_WORDS =
  'must be a host and perhaps a path, without https://, like 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';
const VERSION_WORDS = 'must be a tag of kajitori/kajitori, like v1 or v1.4.2';
const URL_WORDS =
  'must be the URL that Argo CD reads, without a password in it, like https://github.com/acme/gitops.git or git@github.com:acme/gitops.git';

const freezeWindow = z
  .strictObject({
    from: dateTime.describe('The first moment at which no deploy is made, like 2026-12-29T18:00+09:00.'),
    to: dateTime.describe('The first moment at which deploys are made again.'),
    reason: z.string().min(1).describe('Shown to everybody whose deploy is refused.'),
  })
  .refine((window) => window.from < window.to, { path: ['to'], error: 'must be later than "from"' });

const registry = z.string(REGISTRY_WORDS).regex(
  // A first part without dot or port is a user of Docker Hub, not a host.
  /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?|[a-z0-9-]+:\d{1,5})(?:\/[a-z0-9][a-z0-9._-]*)*$/,
  REGISTRY_WORDS,
);

const promotion = z.strictObject({
  soak: duration
    .optional()
    .describe('How long a release must be healthy in every cluster of promoteFrom first, like 30m or 2d.'),
  checks: z
    .array(z.string().min(1).max(200))
    .max(20)
    .default([])
    .describe(
      'Check runs or commit statuses that must be green on the source commit, like the end-to-end tests of the team.',
    ),
  automatic: z
    .boolean()
    .default(false)
    .describe('Promote by itself what has passed (kajitori promote --due, by a schedule or after a run).'),
  registry: registry
    .optional()
    .describe(
      'Where this environment pulls images from, when it is another registry than that of promoteFrom.',
    ),
});

const environmentSchema = z.strictObject({
  clusters: z
    .array(z.string())
    .min(1)
    .describe('The clusters of this environment. They are always deployed together.'),
  promoteFrom: z
    .string()
    .optional()
    .describe('The environment whose images this one takes over; it stands above this one.'),
  promote: promotion.optional().describe('What a promotion into this environment must pass.'),
  freeze: z.array(freezeWindow).default([]).describe('Windows in which deploys are refused.'),
  via: z
    .enum(['commit', 'pull-request'])
    .default('commit')
    .describe('How a deploy is written: a commit on the branch, or a pull request.'),
});

const clusterSchema = z.strictObject({
  kubernetes: z
    .string(KUBERNETES_WORDS)
    .regex(/^1\.\d{1,3}$/, KUBERNETES_WORDS)
    .describe('The minor version of Kubernetes that the cluster runs, in quotes, like "1.34".'),
  region: z
    .string()
    .regex(/^[a-z]+(?:-[a-z]+)+-\d{1,2}$/, 'must be an AWS region, like ap-northeast-1')
    .describe('The AWS region, like ap-northeast-1.'),
  account: z
    .string(ACCOUNT_WORDS)
    .regex(/^\d{12}$/, ACCOUNT_WORDS)
    .describe('The AWS account: 12 digits, in quotes.'),
  active: z
    .boolean()
    .default(false)
    .describe(
      'Cron jobs and queue consumers run in the active cluster of an environment, unless they say otherwise. The only cluster of an environment is active.',
    ),
  architecture: z
    .array(z.enum(['amd64', 'arm64']))
    .min(1)
    .default(['amd64'])
    .describe('The processor architectures of its nodes.'),
  apiVersions: z
    .array(
      z
        .string()
        .regex(
          /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/v\d+(?:(?:alpha|beta)\d+)?(?:\/[A-Z][A-Za-z0-9]*)?$/,
          'must be like monitoring.coreos.com/v1 or monitoring.coreos.com/v1/ServiceMonitor',
        ),
    )
    .default([])
    .describe(
      'What the cluster serves by CustomResourceDefinitions, like monitoring.coreos.com/v1/ServiceMonitor. Charts ask for it (`.Capabilities.APIVersions`).',
    ),
  argocd: z
    .strictObject({
      server: z
        .url({ protocol: /^https?$/, error: 'must be a URL, like https://argocd.example.com' })
        .describe('The URL of the Argo CD that syncs this cluster.'),
    })
    .optional()
    .describe('How waiting asks Argo CD about this cluster.'),
});

const ociChart = z
  .string(CHART_WORDS)
  .regex(/^oci:\/\/[a-z0-9.-]+(?::\d{1,5})?(?:\/[a-z0-9][a-z0-9._-]*)+:[\w][\w.-]{0,127}$/, CHART_WORDS);

/** What stands in kajitori.yaml, before what one part says of another is compared. */
const shape = z.strictObject({
  apiVersion: z.literal('kajitori.dev/v1').describe('The version of this format: kajitori.dev/v1.'),
  repository: z
    .strictObject({
      url: z
        .string(URL_WORDS)
        .regex(
          /^(?:https?:\/\/[\w.-]+(?::\d{1,5})?\/|ssh:\/\/(?:git@)?[\w.-]+(?::\d{1,5})?\/|git@[\w.-]+:)[\w./-]+$/,
          URL_WORDS,
        )
        .describe('The URL by which Argo CD reads this repository.'),
      branch: z
        .string()
        .regex(/^[\w][\w./-]{0,199}$/, 'must be the name of a branch')
        .default('main')
        .describe('The branch that Argo CD reads.'),
    })
    .optional()
    .describe('This repository, as Argo CD sees it. Generated ApplicationSets need it.'),
  environments: z
    .record(environmentName, environmentSchema)
    .refine((each) => Object.keys(each).length > 0, 'must name at least one environment')
    .describe('The environments, in promotion order.'),
  clusters: z.record(clusterName, clusterSchema).describe('The clusters. Each belongs to one environment.'),
  registries: z
    .array(registry)
    .min(1)
    .describe('Where images may come from: registry hosts, perhaps with a path. Others are refused.'),
  teams: z
    .strictObject({
      pattern: z
        .string()
        .regex(/^@[A-Za-z0-9-]+\/[\w.-]*\*[\w.-]*$/, 'must be like @acme/*, where * is the team of app.yaml')
        .describe('The GitHub team that owns an app: * is the team in app.yaml.'),
      platform: z
        .string()
        .regex(/^@[A-Za-z0-9-]+\/[\w.-]+$/, 'must be a GitHub team, like @acme/platform')
        .optional()
        .describe('The GitHub team that owns everything that is not an app, like @acme/platform.'),
    })
    .optional()
    .describe('Who owns apps. CODEOWNERS is generated from it.'),
  chart: z
    .union([ociChart, z.record(environmentName, ociChart)], CHART_WORDS)
    .optional()
    .describe(
      'An OCI chart for all apps, or one for each environment. Without it: charts/app of this repository.',
    ),
  version: z
    .string(VERSION_WORDS)
    .regex(/^v\d+(?:\.\d+\.\d+)?$/, VERSION_WORDS)
    .default('v1')
    .describe('The version of Kajitori that generates files here and that the generated workflows call.'),
  argocd: z
    .strictObject({
      notifications: z
        .boolean()
        .default(false)
        .describe(
          "Whether argocd/notifications.yaml is generated: Argo CD's notifications then write commit statuses, which waiting reads where it cannot reach Argo CD. It is the whole ConfigMap argocd-notifications-cm.",
        ),
    })
    .optional()
    .describe('What Argo CD is told besides the applications.'),
  newApp: z
    .strictObject({
      merge: z
        .enum(['manual', 'automatic'])
        .default('manual')
        .describe(
          'Who merges the pull request of a new app: people, or Kajitori after its checks, when whoever asked belongs to the owning team.',
        ),
      reserved: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'Names that no app can get, because namespaces of the platform have them, like monitoring.',
        ),
    })
    .optional()
    .describe('What the new-app form may do.'),
  apps: z
    .strictObject({
      release: pathPattern(['app', 'environment', 'cluster'])
        .optional()
        .describe('The values files that hold the image, like deploy/{app}/values-{environment}.yaml.'),
      image: z
        .string()
        .min(1)
        .default('image')
        .describe(
          'The path of the image in those files, like image or web.container."image.name". {image} stands for the name of an image, when an app has several.',
        ),
      definition: pathPattern(['app'])
        .default('apps/{app}/app.yaml')
        .describe('Where app.yaml of an app is.'),
      digest: z
        .enum(['required', 'optional'])
        .optional()
        .describe(
          'Whether an image must come with its digest. Default: required; optional when `release` is given.',
        ),
    })
    .optional()
    .describe('Only for a repository with another layout than apps/<app>/release.<environment>.yaml.'),
});

type Shape = z.output<typeof shape>;

/** The schema of kajitori.yaml; parsed, dates are `Date` and defaults are filled in. */
export const kajitoriSchema = shape.superRefine((config, context) => {
  for (const { path, message } of contradictions(config)) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
});

/** kajitori.yaml as the code sees it. */
export type KajitoriConfig = z.output<typeof kajitoriSchema>;

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function contradictions(config: Shape): Contradiction[] {
  return [
    ...clusterContradictions(config),
    ...applicationNameContradictions(config),
    ...promotionContradictions(config),
    ...gateContradictions(config),
    ...chartContradictions(config),
    ...patternContradictions(config),
  ];
}

function* clusterContradictions(config: Shape): Generator<Contradiction> {
  const names = Object.keys(config.clusters);
  const environmentOfCluster = new Map<string, string>();
  for (const [environment, { clusters }] of Object.entries(config.environments)) {
    for (const [index, cluster] of clusters.entries()) {
      const path = ['environments', environment, 'clusters', index];
      const other = environmentOfCluster.get(cluster);
      if (!names.includes(cluster)) {
        yield {
          path,
          message: `there is no cluster "${cluster}" under clusters. ${nameHint(cluster, names)}`,
        };
      } else if (other !== undefined) {
        yield { path, message: `cluster "${cluster}" is already in ${other}; it belongs to one environment` };
      }
      environmentOfCluster.set(cluster, environment);
    }
    const active = clusters.filter((cluster) => names.includes(cluster) && config.clusters[cluster]?.active);
    for (const cluster of new Set(active.slice(1))) {
      yield {
        path: ['clusters', cluster, 'active'],
        message: `${active[0]} is already the active cluster of ${environment}; cron jobs would run twice`,
      };
    }
  }
  for (const cluster of names) {
    if (!environmentOfCluster.has(cluster)) {
      yield { path: ['clusters', cluster], message: 'belongs to no environment; name it under environments' };
    }
  }
}

/**
 * Applications are named `<app>-<cluster>`: with clusters `prod` and `eu-prod`, app `web-eu` in one and app `web` in
 * the other would have one name, and Argo CD would stop the whole ApplicationSet.
 */
function* applicationNameContradictions(config: Shape): Generator<Contradiction> {
  const names = config.apps?.release === undefined ? Object.keys(config.clusters) : [];
  for (const long of names) {
    const short = names.find((name) => long.endsWith(`-${name}`));
    if (short !== undefined) {
      yield {
        path: ['clusters', long],
        message: `must not end with "-${short}", which is a cluster too: two Applications <app>-<cluster> could have one name. Rename one of them (here and in Argo CD)`,
      };
    }
  }
}

/** Gates of a promotion that cannot be, and a registry whose images would be refused. */
function* gateContradictions(config: Shape): Generator<Contradiction> {
  for (const [environment, { promote, promoteFrom }] of Object.entries(config.environments)) {
    if (promote !== undefined && promoteFrom === undefined) {
      yield {
        path: ['environments', environment, 'promote'],
        message: 'needs promoteFrom: nothing is promoted into this environment',
      };
    }
    if (promote?.registry !== undefined && !config.registries.includes(promote.registry)) {
      yield {
        path: ['environments', environment, 'promote', 'registry'],
        message: 'must be one of registries, or its images would be refused',
      };
    }
  }
}

/** An earlier environment only: promotion order is the order of the file, and so there is no circle. */
function* promotionContradictions(config: Shape): Generator<Contradiction> {
  const above: string[] = [];
  for (const [environment, { promoteFrom }] of Object.entries(config.environments)) {
    if (promoteFrom !== undefined && !above.includes(promoteFrom)) {
      const known = promoteFrom === environment || Object.hasOwn(config.environments, promoteFrom);
      yield {
        path: ['environments', environment, 'promoteFrom'],
        message: known
          ? `must name an environment that stands above ${environment}; environments are in promotion order`
          : `there is no environment "${promoteFrom}". ${nameHint(promoteFrom, above)}`,
      };
    }
    above.push(environment);
  }
}

function* chartContradictions(config: Shape): Generator<Contradiction> {
  const names = Object.keys(config.environments);
  for (const environment of Object.keys(typeof config.chart === 'object' ? config.chart : {})) {
    if (!names.includes(environment)) {
      yield {
        path: ['chart', environment],
        message: `there is no environment "${environment}". ${nameHint(environment, names)}`,
      };
    }
  }
}

function* patternContradictions(config: Shape): Generator<Contradiction> {
  const mistake = mistakeInPath(config.apps?.image ?? 'image');
  if (mistake !== undefined) {
    yield { path: ['apps', 'image'], message: mistake };
  }
  const pattern = config.apps?.release;
  if (pattern === undefined) {
    return;
  }
  const path = ['apps', 'release'];
  const environments = Object.keys(config.environments);
  const placeholders = placeholdersOf(pattern);
  if (environments.length > 1 && !placeholders.includes('environment') && !placeholders.includes('cluster')) {
    yield {
      path,
      message: 'must contain {environment} or {cluster}, or all environments would share one file',
    };
  }
  const confused =
    ambiguousNames(pattern, 'environment', environments) ??
    ambiguousNames(pattern, 'cluster', Object.keys(config.clusters));
  if (confused !== undefined) {
    yield {
      path,
      message: `is ambiguous: with "${confused[0]}" and "${confused[1]}" two apps could share one file; put a / or . between the placeholders`,
    };
  }
}

function mistakeInPath(text: string): string | undefined {
  try {
    parsePath(text);
    return undefined;
  } catch (error) {
    return error instanceof Failure ? error.message : String(error);
  }
}

/**
 * Reads kajitori.yaml.
 *
 * @throws one Failure (exit 2, `invalid-file`) that lists every mistake with file:line:column
 */
export function parseKajitoriYaml(source: string, file: string = KAJITORI_FILE): KajitoriConfig {
  return parseBySchema(kajitoriSchema, source, file);
}

/**
 * A cluster, as in kajitori.yaml, with its name. The only cluster of an environment is its active one, also without
 * saying so: else cron jobs would run nowhere.
 */
export type Cluster = KajitoriConfig['clusters'][string] & { readonly name: string };

/** No deploys from `from` (inclusive) until `to` (exclusive). */
export interface FreezeWindow {
  readonly from: Date;
  readonly to: Date;
  readonly reason: string;
}

/** What a promotion into an environment must pass. */
export interface Promotion {
  /** Milliseconds. */
  readonly soak: number;
  readonly checks: readonly string[];
  readonly automatic: boolean;
  /** Host and perhaps a path; undefined: images stay where they are. */
  readonly registry: string | undefined;
}

export interface Environment {
  readonly name: string;
  /** At least one, in the order of kajitori.yaml. */
  readonly clusters: readonly Cluster[];
  readonly promoteFrom?: string;
  readonly promote: Promotion;
  readonly freeze: readonly FreezeWindow[];
  readonly via: 'commit' | 'pull-request';
}

/**
 * One environment with its clusters.
 *
 * @throws Failure (exit 2, `unknown-environment`) with the nearest name and the list
 */
export function environmentOf(config: KajitoriConfig, name: string): Environment {
  const found = Object.hasOwn(config.environments, name) ? config.environments[name] : undefined;
  if (found === undefined) {
    const names = Object.keys(config.environments);
    const nearest = nearestName(name, names);
    throw couldNot(`There is no environment ${JSON.stringify(name)}. ${nameHint(name, names)}`, {
      at: { file: KAJITORI_FILE },
      todo: nearest === undefined ? 'Use one of these names.' : `Use ${nearest}, if that is what you meant.`,
      reason: 'unknown-environment',
    });
  }
  return {
    name,
    clusters: found.clusters.flatMap((cluster) => {
      const known = config.clusters[cluster];
      const active = known?.active === true || found.clusters.length === 1;
      return known === undefined ? [] : [{ ...known, active, name: cluster }];
    }),
    ...(found.promoteFrom === undefined ? {} : { promoteFrom: found.promoteFrom }),
    promote: {
      soak: found.promote?.soak ?? 0,
      checks: found.promote?.checks ?? [],
      automatic: found.promote?.automatic ?? false,
      registry: found.promote?.registry,
    },
    freeze: found.freeze,
    via: found.via,
  };
}

/** All environments, in promotion order. */
export const environmentsOf = (config: KajitoriConfig): readonly Environment[] =>
  Object.keys(config.environments).map((name) => environmentOf(config, name));
