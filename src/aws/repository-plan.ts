import { partitionOf } from './statements.ts';

/** Tags that move: the newest of a branch (`branch-main`), its cache (`cache-main`), and what an environment runs (`live-production`). */
export const MOVING_TAGS = ['branch-*', 'cache-*', 'live-*'] as const;

/** The tag of the cache of a branch; the branch's name must be safe for tags already. */
export const cacheTag = (branch: string): string => `cache-${branch}`;
/** The tag on what an environment runs. */
export const liveTag = (environment: string): string => `live-${environment}`;
/** The tag of one release; the dots keep `prod` and `prod-eu` apart, since names of environments have none. */
export const releaseTag = (environment: string, build: number | string): string =>
  `release.${environment}.${build}`;

/** How a repository should be. */
export interface RepositoryPlan {
  /** In promotion order. */
  readonly environments: readonly string[];
  /** How many releases of each environment are kept. */
  readonly keepReleases: number;
  /** Days until a cache that nobody wrote any more, and what no tag points to, go. */
  readonly keepUnusedDays: number;
  /** Days until an image that was never released goes; without it such images stay. */
  readonly keepUnreleasedDays?: number;
  /** Accounts, other than the repository's own, whose clusters pull. */
  readonly pullAccounts: readonly string[];
}

interface LifecycleRule {
  readonly rulePriority: number;
  readonly description: string;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly action: { readonly type: 'expire' };
}

/** More images than a repository may hold ("Amazon ECR service quotas"): a rule that never expires anything. */
const NEVER = 100_000;

/**
 * The lifecycle policy of a plan.
 *
 * An image that matches the tags of a rule cannot be expired by a rule of lower priority ("Lifecycle policies", ECR user
 * guide): so what is live comes first and never expires, then the releases, the last environment of the promotion first.
 * Several patterns in one rule would all have to match one image: each has its own rule. Images of an index stay as long
 * as the index does.
 */
export function lifecyclePolicy(plan: RepositoryPlan): { readonly rules: readonly LifecycleRule[] } {
  const tagged = (pattern: string) => ({ tagStatus: 'tagged', tagPatternList: [pattern] });
  const count = (countNumber: number) => ({ countType: 'imageCountMoreThan', countNumber });
  const days = (countNumber: number) => ({
    countType: 'sinceImagePushed',
    countUnit: 'days',
    countNumber,
  });
  const rules: { description: string; selection: Record<string, unknown> }[] = [
    { description: 'what runs stays', selection: { ...tagged('live-*'), ...count(NEVER) } },
    ...plan.environments.toReversed().map((environment) => ({
      description: `the last releases of ${environment} stay`,
      selection: { ...tagged(releaseTag(environment, '*')), ...count(plan.keepReleases) },
    })),
    {
      description: 'caches that nobody writes go',
      selection: { ...tagged('cache-*'), ...days(plan.keepUnusedDays) },
    },
    {
      description: 'what no tag points to goes',
      selection: { tagStatus: 'untagged', ...days(plan.keepUnusedDays) },
    },
  ];
  if (plan.keepUnreleasedDays !== undefined) {
    rules.push({
      description: 'what was never released goes',
      selection: { tagStatus: 'any', ...days(plan.keepUnreleasedDays) },
    });
  }
  return {
    rules: rules.map((rule, index) => ({
      rulePriority: (index + 1) * 10,
      ...rule,
      action: { type: 'expire' },
    })),
  };
}

const PULL_ACTIONS = ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'];

/** The repository policy of a plan; undefined where nobody else pulls. */
export function pullPolicy(plan: RepositoryPlan, region: string): object | undefined {
  if (plan.pullAccounts.length === 0) return undefined;
  const principals = plan.pullAccounts.map((account) => `arn:${partitionOf(region)}:iam::${account}:root`);
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'KajitoriPull', Effect: 'Allow', Principal: { AWS: principals }, Action: PULL_ACTIONS },
    ],
  };
}

/** How a repository is. */
export interface RepositoryState {
  readonly mutability: string;
  readonly exclusions: readonly string[];
  readonly scanOnPush: boolean;
  /** The policies' texts; undefined: none; `unknown`: this role may not read them. */
  readonly lifecycle: string | undefined | typeof UNKNOWN;
  readonly policy: string | undefined | typeof UNKNOWN;
}

export const UNKNOWN = Symbol('unknown');

/** One difference between how a repository is and how it should be. */
export interface RepositoryDrift {
  readonly what: 'tags' | 'scan' | 'lifecycle' | 'pull';
  readonly message: string;
}

/** What differs. More than the plan asks for is no difference: other exclusions, other statements, a scan by the registry. */
export function repositoryDrift(plan: RepositoryPlan, state: RepositoryState): RepositoryDrift[] {
  const drift: RepositoryDrift[] = [];
  const missing = MOVING_TAGS.filter((tag) => !state.exclusions.includes(tag));
  if (!state.mutability.startsWith('IMMUTABLE')) {
    drift.push({ what: 'tags', message: 'Tags can be overwritten: a tag does not say for ever what ran.' });
  } else if (missing.length > 0) {
    drift.push({
      what: 'tags',
      message: `Tags that must move cannot: no exclusion for ${missing.join(', ')}.`,
    });
  }
  if (!state.scanOnPush)
    drift.push({ what: 'scan', message: 'Images are not scanned when they are pushed.' });
  if (state.lifecycle === UNKNOWN) {
    drift.push({ what: 'lifecycle', message: 'Not checked: this role may not read the lifecycle policy.' });
  } else if (state.lifecycle === undefined) {
    drift.push({ what: 'lifecycle', message: 'There is no lifecycle policy: images pile up.' });
  } else if (!sameRules(state.lifecycle, JSON.stringify(lifecyclePolicy(plan)))) {
    drift.push({
      what: 'lifecycle',
      message: 'The lifecycle policy is another: see that it spares live-* and the releases.',
    });
  }
  if (state.policy === UNKNOWN) {
    drift.push({ what: 'pull', message: 'Not checked: this role may not read the repository policy.' });
  } else {
    const without = plan.pullAccounts.filter(
      (account) => !mayPull(state.policy as string | undefined, account),
    );
    if (without.length > 0) {
      drift.push({ what: 'pull', message: `Clusters of ${without.join(', ')} may not pull.` });
    }
  }
  return drift;
}

/** Whether two lifecycle policies do the same: in the same order, whatever they call it. */
function sameRules(one: string, other: string): boolean {
  const essence = (text: string): string => {
    const { rules = [] } = JSON.parse(text) as { rules?: readonly LifecycleRule[] };
    return JSON.stringify(
      rules
        .toSorted((a, b) => a.rulePriority - b.rulePriority)
        .map(({ selection, action }) => [
          Object.entries(selection).toSorted(([a], [b]) => (a < b ? -1 : 1)),
          action.type,
        ]),
    );
  };
  return essence(one) === essence(other);
}

const list = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string');

function mayPull(policy: string | undefined, account: string): boolean {
  const { Statement = [] } = JSON.parse(policy ?? '{}') as {
    Statement?: readonly { Effect?: string; Principal?: unknown; Action?: unknown; Condition?: unknown }[];
  };
  return PULL_ACTIONS.every((action) =>
    Statement.some(({ Effect, Principal, Action, Condition }) => {
      const who = list(
        typeof Principal === 'object' && Principal !== null && 'AWS' in Principal ? Principal.AWS : Principal,
      );
      return (
        Effect === 'Allow' &&
        // A condition may say no: then a person has to look.
        Condition === undefined &&
        who.some((one) => one === '*' || one === account || one.endsWith(`:iam::${account}:root`)) &&
        list(Action).some((one) => one === action || one === 'ecr:*' || one === '*')
      );
    }),
  );
}
