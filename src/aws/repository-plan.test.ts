import { describe, expect, test } from 'vitest';
import {
  cacheTag,
  lifecyclePolicy,
  liveTag,
  pullPolicy,
  type RepositoryPlan,
  type RepositoryState,
  releaseTag,
  repositoryDrift,
  UNKNOWN,
} from './repository-plan.ts';

const PLAN: RepositoryPlan = {
  environments: ['staging', 'production'],
  keepReleases: 2,
  keepUnusedDays: 14,
  keepUnreleasedDays: 60,
  pullAccounts: ['111111111111', '222222222222'],
};

interface Image {
  readonly tags: readonly string[];
  readonly days: number;
}

/**
 * What ECR would expire ("Lifecycle policies" in its user guide): rules by priority; an image that matches the tags of a
 * rule cannot be expired by a later one; all patterns of a rule have to match.
 */
function expired(plan: RepositoryPlan, images: Readonly<Record<string, Image>>): string[] {
  const gone = new Set<string>();
  const spokenFor = new Set<string>();
  for (const { selection } of lifecyclePolicy(plan).rules) {
    const {
      tagStatus,
      tagPatternList = [],
      countType,
      countNumber,
    } = selection as {
      tagStatus: string;
      tagPatternList?: readonly string[];
      countType: string;
      countNumber: number;
    };
    const patterns = tagPatternList.map(
      (pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`),
    );
    const matching = Object.entries(images)
      .filter(([, { tags }]) =>
        tagStatus === 'untagged'
          ? tags.length === 0
          : tagStatus === 'any' || patterns.every((pattern) => tags.some((tag) => pattern.test(tag))),
      )
      .sort(([, a], [, b]) => a.days - b.days);
    const over =
      countType === 'imageCountMoreThan'
        ? matching.slice(countNumber)
        : matching.filter(([, { days }]) => days > countNumber);
    for (const [name] of over) if (!spokenFor.has(name)) gone.add(name);
    for (const [name] of matching) spokenFor.add(name);
  }
  return [...gone].sort();
}

describe('the lifecycle policy', () => {
  test('keeps what runs for ever, and the last releases of each environment', () => {
    const images = {
      'runs, years old': { tags: ['live-production', 'c0', releaseTag('production', 1)], days: 900 },
      'released last': { tags: ['c9', releaseTag('production', 9), releaseTag('staging', 9)], days: 70 },
      'released before': { tags: ['c8', releaseTag('production', 8)], days: 80 },
      'released long ago': { tags: ['c7', releaseTag('production', 7)], days: 90 },
      'on staging last': { tags: ['c12', releaseTag('staging', 12)], days: 61 },
      'on staging before': { tags: ['c11', releaseTag('staging', 11)], days: 62 },
      'on staging long ago': { tags: ['c10', releaseTag('staging', 10)], days: 63 },
      'cache of today': { tags: [cacheTag('main')], days: 0 },
      'cache of a dead branch': { tags: [cacheTag('feature')], days: 20 },
      'built yesterday': { tags: ['c13'], days: 1 },
      'built and never released': { tags: ['c6'], days: 61 },
      'no tag since long': { tags: [], days: 15 },
      'no tag since yesterday': { tags: [], days: 1 },
    };
    expect(expired(PLAN, images)).toEqual([
      'built and never released',
      'cache of a dead branch',
      'no tag since long',
      'on staging long ago',
      'released long ago',
    ]);
    const { keepUnreleasedDays: _, ...withoutLimit } = PLAN;
    expect(expired(withoutLimit, images)).not.toContain('built and never released');
  });

  test('does not take one environment for another that begins like it', () => {
    const plan = { ...PLAN, environments: ['prod', 'prod-eu'], keepReleases: 1 };
    const images = {
      eu: { tags: [releaseTag('prod-eu', 1)], days: 2 },
      us: { tags: [releaseTag('prod', 1)], days: 1 },
    };
    expect(expired(plan, images)).toEqual([]);
  });

  test('gives each rule a priority of its own, and `any` the last', () => {
    const { rules } = lifecyclePolicy(PLAN);
    const priorities = rules.map(({ rulePriority }) => rulePriority);
    expect(new Set(priorities).size).toBe(rules.length);
    expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
    expect(rules.at(-1)?.selection.tagStatus).toBe('any');
  });
});

describe('the pull policy', () => {
  test('lets the accounts of the clusters pull, in the partition of the region', () => {
    expect(pullPolicy(PLAN, 'cn-north-1')).toMatchObject({
      Statement: [
        { Principal: { AWS: ['arn:aws-cn:iam::111111111111:root', 'arn:aws-cn:iam::222222222222:root'] } },
      ],
    });
    expect(pullPolicy({ ...PLAN, pullAccounts: [] }, 'us-east-1')).toBeUndefined();
  });
});

describe('drift', () => {
  const AS_PLANNED: RepositoryState = {
    mutability: 'IMMUTABLE_WITH_EXCLUSION',
    exclusions: ['branch-*', 'cache-*', 'live-*'],
    scanOnPush: true,
    lifecycle: JSON.stringify(lifecyclePolicy(PLAN)),
    policy: JSON.stringify(pullPolicy(PLAN, 'us-east-1')),
  };
  const whats = (state: Partial<RepositoryState>) =>
    repositoryDrift(PLAN, { ...AS_PLANNED, ...state }).map(({ what }) => what);

  test('is none where everything is as planned, or more is allowed than was asked for', () => {
    expect(whats({})).toEqual([]);
    expect(whats({ exclusions: ['branch-*', 'cache-*', 'live-*', 'nightly-*'] })).toEqual([]);
    const lifecycle = JSON.stringify({
      rules: lifecyclePolicy(PLAN)
        .rules.map((rule) => ({ ...rule, description: 'ours', rulePriority: rule.rulePriority + 1 }))
        .reverse(),
    });
    expect(whats({ lifecycle })).toEqual([]);
    const policy = JSON.stringify({
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 'ecr:*' }],
    });
    expect(whats({ policy })).toEqual([]);
  });

  test.each<[string, Partial<RepositoryState>]>([
    ['tags', { mutability: 'MUTABLE' }],
    ['tags', { mutability: 'IMMUTABLE', exclusions: [] }],
    ['tags', { exclusions: ['cache-*'] }],
    ['scan', { scanOnPush: false }],
    ['lifecycle', { lifecycle: undefined }],
    ['lifecycle', { lifecycle: JSON.stringify(lifecyclePolicy({ ...PLAN, keepReleases: 1 })) }],
    ['pull', { policy: undefined }],
    [
      'pull',
      { policy: JSON.stringify(pullPolicy({ ...PLAN, pullAccounts: ['111111111111'] }, 'us-east-1')) },
    ],
    [
      'pull',
      {
        policy: JSON.stringify(pullPolicy(PLAN, 'us-east-1')).replace('"Action"', '"Condition":{},"Action"'),
      },
    ],
  ])('%s: %j', (what, state) => {
    expect(whats(state)).toEqual([what]);
  });

  test('says also what could not be looked at', () => {
    const drift = repositoryDrift(PLAN, { ...AS_PLANNED, lifecycle: UNKNOWN, policy: UNKNOWN });
    expect(drift.map(({ message }) => message)).toEqual([
      expect.stringContaining('Not checked'),
      expect.stringContaining('Not checked'),
    ]);
  });

  test('names tags that are ours', () => {
    expect([liveTag('production'), cacheTag('main'), releaseTag('production', 7)]).toEqual([
      'live-production',
      'cache-main',
      'release.production.7',
    ]);
  });
});
