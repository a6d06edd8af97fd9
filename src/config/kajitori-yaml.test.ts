import { describe, expect, it } from 'vitest';
import { Failure, formatFailure } from '../report/failure.ts';
import { environmentOf, parseKajitoriYaml } from './kajitori-yaml.ts';

const GOOD = `apiVersion: kajitori.dev/v1
environments:                       # in promotion order
  staging:    { clusters: [stg-1] }
  production:
    clusters: [prod-1, prod-2]
    promoteFrom: staging
    freeze: [{ from: 2026-12-29T18:00+09:00, to: 2027-01-04T09:00+09:00, reason: year end }]
clusters:
  stg-1:  { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["333333333333.dkr.ecr.ap-northeast-1.amazonaws.com"]
teams: { pattern: "@acme/*" }
`;

/** The mistakes that are reported for a text, as a person sees them. */
function mistakesIn(source: string): string {
  try {
    parseKajitoriYaml(source);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).exitCode).toBe(2);
    return formatFailure(error as Failure);
  }
  throw new Error('no mistake was found');
}

const changed = (from: string, to: string): string => {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
};

describe('kajitori.yaml', () => {
  it('is read with its defaults filled in', () => {
    const production = environmentOf(parseKajitoriYaml(GOOD), 'production');
    expect(production).toEqual({
      name: 'production',
      clusters: [
        {
          name: 'prod-1',
          kubernetes: '1.33',
          region: 'ap-northeast-1',
          account: '222222222222',
          active: true,
          architecture: ['amd64'],
          apiVersions: [],
        },
        {
          name: 'prod-2',
          kubernetes: '1.34',
          region: 'ap-northeast-1',
          account: '222222222222',
          active: false,
          architecture: ['amd64'],
          apiVersions: [],
        },
      ],
      promoteFrom: 'staging',
      promote: { soak: 0, checks: [], automatic: false, registry: undefined },
      freeze: [
        {
          from: new Date('2026-12-29T09:00:00Z'),
          to: new Date('2027-01-04T00:00:00Z'),
          reason: 'year end',
        },
      ],
      via: 'commit',
    });
  });

  it('reads what a promotion must pass', () => {
    const gates = 'promote: { soak: 90m, checks: [e2e], automatic: true }';
    const config = parseKajitoriYaml(changed('promoteFrom: staging', `promoteFrom: staging\n    ${gates}`));
    expect(environmentOf(config, 'production').promote).toEqual({
      soak: 5_400_000,
      checks: ['e2e'],
      automatic: true,
      registry: undefined,
    });
  });

  it('tells every mistake at once, each with its place, and none in the words of a library', () => {
    const text = mistakesIn(
      GOOD.replace('"111111111111"', '012345678901')
        .replace('"1.33"', '1.30')
        .replace('registries:', 'registry:')
        .replace('region:', 'regions:')
        .replace('[stg-1] }', '[stg-1], via: pullrequest }'),
    );
    expect(text.split('\n')).toEqual([
      'kajitori.yaml: 7 mistakes:',
      '  kajitori.yaml:1:1: registries is missing: where images may come from: registry hosts, perhaps with a path',
      '  kajitori.yaml:3:41: environments.staging.via: must be one of: commit, pull-request. Did you mean "pull-request"?',
      '  kajitori.yaml:9:11: clusters.stg-1.region is missing: the AWS region, like ap-northeast-1',
      '  kajitori.yaml:9:33: clusters.stg-1.regions: there is no such key; did you mean "region"? (known: kubernetes, region, account, active, architecture, apiVersions, argocd)',
      '  kajitori.yaml:9:67: clusters.stg-1.account: must be 12 digits in quotes, like "012345678901": without quotes YAML reads a number and drops a leading zero',
      '  kajitori.yaml:10:25: clusters.prod-1.kubernetes: must be a version in quotes, like "1.30": without quotes YAML reads the number 1.3',
      '  kajitori.yaml:12:1: registry: there is no such key; did you mean "registries"? (known: apiVersion, repository, environments, clusters, registries, teams, chart, version, argocd, newApp, apps)',
      '  → Correct kajitori.yaml; editors complete and check it by its $schema line (docs/setup.md).',
    ]);
  });

  it.each([
    ['a cluster that nobody described', '[stg-1]', '[stg-2]', 'Did you mean "stg-1"?'],
    ['a cluster in two environments', '[stg-1]', '[stg-1, prod-1]', 'already in staging'],
    [
      'clusters that would give two Applications one name',
      'stg-1: ',
      'eu-prod-1: ',
      'must not end with "-prod-1"',
    ],
    ['a cluster named like a file of defaults/', 'stg-1: ', 'platform: ', 'must not be platform'],
    ['an environment named like a file of argocd/', 'staging:  ', 'root:  ', 'must not be one of: root'],
    [
      'a cluster in no environment',
      '[prod-1, prod-2]',
      '[prod-1]',
      'clusters.prod-2: belongs to no environment',
    ],
    ['an environment without clusters', '[stg-1]', '[]', 'must not be an empty list'],
    ['gates where nothing is promoted', '[stg-1] }', '[stg-1], promote: { soak: 1h } }', 'needs promoteFrom'],
    [
      'a soak time that is none',
      'promoteFrom: staging',
      'promoteFrom: staging\n    promote: { soak: 30 minutes }',
      'must be a time like 30m, 4h or 2d',
    ],
    [
      'a promotion to a registry that is not allowed',
      'promoteFrom: staging',
      'promoteFrom: staging\n    promote: { registry: 444444444444.dkr.ecr.ap-northeast-1.amazonaws.com }',
      'must be one of registries',
    ],
    ['a promotion from nowhere', 'promoteFrom: staging', 'promoteFrom: stagin', 'Did you mean "staging"?'],
    ['a promotion from itself', 'promoteFrom: staging', 'promoteFrom: production', 'stands above production'],
    ['a circle of promotions', '[stg-1] }', '[stg-1], promoteFrom: production }', 'stands above staging'],
    [
      'what a cluster serves, without a version',
      '222222" }',
      '222222", apiVersions: [monitoring.coreos.com] }',
      'must be like monitoring.coreos.com/v1',
    ],
    ['two active clusters', '222222" }', '222222", active: true }', 'cron jobs would run twice'],
    ['a freeze that ends before it begins', '2027-01-04', '2026-01-04', 'must be later than "from"'],
    ['a day that does not exist', '2026-12-29', '2026-02-30', 'is not a date of the calendar'],
    ['a time without offset', '2026-12-29T18:00+09:00', '2026-12-29T18:00', 'with its offset'],
    ['a registry with a scheme', '"333333333333.', '"https://333333333333.', 'without https://'],
    [
      'a registry that is a user of Docker Hub',
      '"333333333333.dkr.ecr.ap-northeast-1.amazonaws.com"',
      'acme',
      'must be a host',
    ],
    ['an unknown version', 'kajitori.dev/v1', 'v1', 'apiVersion: must be kajitori.dev/v1'],
    ['a name that Kubernetes would not take', 'stg-1: ', 'Stg_1: ', 'lower-case letters'],
    ['an empty part', '{ pattern: "@acme/*" }', '', 'teams: is empty; it must be a map'],
    ['a team pattern without a place for the team', '@acme/*', '@acme/shop', 'must be like @acme/*'],
    [
      'the chart of an unknown environment',
      'registries',
      'chart: { prod: "oci://r.example/app:1.0.0" }\nregistries',
      'There are: staging, production',
    ],
    [
      'a password in the URL',
      'registries',
      'repository: { url: "https://u:p@h.example/g.git" }\nregistries',
      'without a password',
    ],
  ])('refuses %s', (_, from, to, words) => {
    // A cluster's name stands twice: in its environment and by itself.
    const twice = from === 'stg-1: ' ? changed('[stg-1]', `[${to.slice(0, -2)}]`) : GOOD;
    expect(GOOD).toContain(from);
    expect(mistakesIn(twice.replace(from, to))).toContain(words);
  });

  it.each([
    ['nothing at all', '', 'the file: is empty'],
    ['a list', '[]', 'the file: must be a map (key: value), not a list'],
    ['text', 'hello', 'the file: must be a map (key: value), not text'],
  ])('refuses %s', (_, source, words) => {
    expect(mistakesIn(source)).toContain(words);
  });

  it.each([
    ['at the root', 'registries:', '__proto__: {}\nregistries:'],
    ['among clusters', '\nclusters:\n', '\nclusters:\n  __proto__: { x: 1 }\n'],
    ['in an environment', '    promoteFrom', '    __proto__: []\n    promoteFrom'],
  ])('refuses the key __proto__ %s', (_, from, to) => {
    expect(mistakesIn(changed(from, to))).toMatch(/__proto__: there is no such key/);
  });

  it('keeps the order of environments, which is the order of promotion', () => {
    expect(Object.keys(parseKajitoriYaml(GOOD).environments)).toEqual(['staging', 'production']);
  });
});

describe('environmentOf', () => {
  const config = parseKajitoriYaml(GOOD);

  it('names the nearest environment and all there are', () => {
    expect(() => environmentOf(config, 'prodution')).toThrow(
      'There is no environment "prodution". Did you mean "production"? There are: staging, production.',
    );
  });

  it.each(['constructor', '__proto__', 'toString', ''])('does not take %j for an environment', (name) => {
    expect(() => environmentOf(config, name)).toThrow(
      expect.objectContaining({ exitCode: 2, reason: 'unknown-environment' }),
    );
  });
});
