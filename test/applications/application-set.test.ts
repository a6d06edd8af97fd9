import { describe, expect, test } from 'vitest';
import { type DiscoverOptions, discoverApplications } from '../../src/applications/discover.ts';
import { formatPlace } from '../../src/report/failure.ts';
import { treeOf, URL_HERE } from './tree-of.ts';

/** What judged.test.ts cannot show: what we say where Argo CD is not the judge. */

const KAJITORI = `apiVersion: kajitori.dev/v1
repository: { url: "${URL_HERE}" }
environments: { production: { clusters: [prod-1, prod-2] } }
clusters:
  prod-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
registries: [registry.example.com]
`;

const set = (
  generators: string,
  { name = '"{{.name}}"', destination = 'name: prod-1', more = '' } = {},
): string =>
  `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: made }
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - ${generators}
  template:
    metadata: { name: ${name}${more} }
    spec:
      project: default
      destination: { ${destination}, namespace: web }
      source: { repoURL: "${URL_HERE}", path: web }
`;

async function made(
  text: string,
  options: DiscoverOptions = {},
  files: Readonly<Record<string, string>> = { 'kajitori.yaml': KAJITORI },
) {
  const { applications, notRead } = await discoverApplications(
    treeOf({ ...files, 'set.yaml': text }),
    options,
  );
  return {
    applications: applications.map(({ name, destination }) => [
      name,
      destination.name,
      destination.server,
      destination.cluster?.name,
    ]),
    notRead: notRead.map(({ at, failure }) => `${formatPlace(at)}: ${failure.message}`),
    reasons: notRead.map(({ failure }) => failure.reason),
  };
}

describe('the cluster generator', () => {
  test('knows the clusters of kajitori.yaml, also as {{server}}', async () => {
    expect(await made(set('clusters: {}', { destination: 'server: "{{.server}}"' }))).toMatchObject({
      applications: [
        ['prod-1', 'prod-1', undefined, 'prod-1'],
        ['prod-2', 'prod-2', undefined, 'prod-2'],
        ['in-cluster', undefined, 'https://kubernetes.default.svc', undefined],
      ],
      notRead: [],
    });
  });

  test('knows the URLs and labels that it is given', async () => {
    const clusters = [
      { name: 'prod-2', server: 'https://two.example.com', labels: { tier: 'a' } },
      { name: 'prod-1', server: 'https://one.example.com', labels: {} },
    ];
    const text = set('clusters: { selector: { matchLabels: { tier: a } } }', {
      destination: 'server: "{{.server}}"',
    });
    expect(await made(text, { clusters })).toMatchObject({
      applications: [['prod-2', undefined, 'https://two.example.com', 'prod-2']],
      notRead: [],
    });
  });

  test.each([
    [
      'labels to select by',
      set('clusters: { selector: { matchLabels: { tier: a } } }'),
      'set.yaml:8:17: It selects clusters by labels',
    ],
    [
      'labels to fill in',
      set('clusters: {}', { name: '"{{.metadata.labels.tier}}"' }),
      'set.yaml:8:17: It selects clusters by labels, or uses',
    ],
    [
      'URLs elsewhere than in the destination',
      set('clusters: { selector: { matchLabels: { argocd.argoproj.io/secret-type: cluster } } }', {
        destination: 'name: "{{.name}}"',
        more: ', annotations: { url: "{{.server}}" }',
      }),
      'set.yaml:1: Application/prod-1 uses the URL',
    ],
  ])('says so where kajitori.yaml has no %s', async (_what, text, message) => {
    const { applications, notRead, reasons } = await made(text);
    expect(applications).toEqual([]);
    expect(notRead[0]).toContain(message);
    expect(new Set(reasons)).toEqual(new Set(['not-rendered']));
  });

  test('says so where nothing names clusters', async () => {
    expect((await made(set('clusters: {}'), {}, {})).notRead).toEqual([
      'set.yaml:8:17: It is not known which clusters Argo CD has.',
    ]);
  });
});

describe('an ApplicationSet is not read, with its place,', () => {
  test.each([
    [
      'when a parameter is missing',
      set('list: { elements: [{ name: web }] }', { name: '"{{.nothing}}"' }),
      'set.yaml:10: ApplicationSet/made: "{{.nothing}}": there is no parameter .nothing.',
    ],
    [
      'when a function finds nothing',
      set('list: { elements: [{ name: web }] }', { name: "'{{ .nothing | upper }}'" }),
      'set.yaml:10: ApplicationSet/made: "{{ .nothing | upper }}": there is no parameter .nothing.',
    ],
    [
      'when its generator has a slip',
      set('list: { elements: nothing }'),
      'set.yaml:8:25: This must be a list.',
    ],
    ['when there is no such generator', set('lists: {}'), 'set.yaml:8:7: "lists" is no generator.'],
    [
      'when its template has none',
      set('list: {}').replace('  template:', '  templates:'),
      'set.yaml:5:3: An ApplicationSet needs spec.template.',
    ],
    [
      'when an option is unknown',
      set('list: {}').replace('missingkey=error', 'missingkey=errors'),
      'set.yaml:6:22: There is no option "missingkey=errors".',
    ],
    [
      'when it reads another repository',
      set('git: { repoURL: "https://github.com/acme/other", revision: main, directories: [{ path: "*" }] }'),
      'set.yaml:8:12: It reads https://github.com/acme/other at main',
    ],
    [
      'when it reads another branch',
      set(`git: { repoURL: "${URL_HERE}", revision: next, directories: [{ path: "*" }] }`),
      `set.yaml:8:12: It reads ${URL_HERE} at next`,
    ],
    [
      'when a selector is none',
      set('{ list: {}, selector: { matchExpressions: [{ key: a, operator: Is }] } }'),
      'set.yaml:8:29: The selector cannot be read: there is no operator "Is".',
    ],
    // Argo CD panics, and makes nothing (seen with 3.5).
    [
      'when a list element has `values` for those of a generator',
      set(
        `merge: { mergeKeys: [name], generators: [{ clusters: { values: { a: b } } }, { list: { elements: [{ name: prod-1, values: { a: c } }] } }] }`,
      ),
      'set.yaml:8:14: The parameters cannot be merged',
    ],
  ])('%s', async (_what, text, message) => {
    const { applications, notRead } = await made(text);
    expect(applications).toEqual([]);
    expect(notRead).toEqual([expect.stringContaining(message)]);
  });

  test('when helm is needed and not there', async () => {
    const text = set('list: { elements: [{ name: web }] }', { name: '"{{ .name | upper }}"' });
    expect(await made(text, { helm: 'no-such-helm' })).toMatchObject({
      applications: [],
      reasons: ['tool-missing'],
    });
  });

  test('when it makes more than anybody can look at', async () => {
    const many = `list: { elements: [${Array.from({ length: 400 }, (_, n) => `{ n${n}: a }`).join(', ')}] }`;
    const text = set(`matrix: { generators: [{ ${many} }, { ${many} }] }`);
    expect((await made(text)).notRead).toEqual([
      'set.yaml:8:15: It makes more than 100000 sets of parameters.',
    ]);
  });
});

test('templates that only name parameters need no helm', async () => {
  const text = set('list: { elements: [{ name: web }] }');
  expect((await made(text, { helm: 'no-such-helm' })).applications).toEqual([
    ['web', 'prod-1', undefined, 'prod-1'],
  ]);
});
