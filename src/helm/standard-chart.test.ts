import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { validateObject } from '../kubernetes/validate.ts';
import { KUBERNETES_VERSIONS } from '../kubernetes/versions.ts';
import { imagesOf } from '../render/images.ts';
import { CHART, CHART_CASES, chartCase, chartRelease } from './standard-chart-cases.ts';
import { renderTogether, valuesOf } from './standard-chart-umbrella.ts';
import { helmTemplate, helmTemplateText } from './template.ts';

// biome-ignore lint/suspicious/noExplicitAny: values and rendered objects are read at will here
type Values = Record<string, any>;

/** The typical app with some values changed; `null` takes a key away. */
const renderTypical = (values: Values = {}): Promise<KubernetesObject[]> =>
  helmTemplate(chartRelease('typical', values));

const find = (objects: readonly KubernetesObject[], kind: string, name: string): Values => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  expect(found, `${kind}/${name}`).toBeDefined();
  return found as Values;
};
/** What helm printed, as a sorted list of documents without the comments that say which template each came from. */
const documents = (...texts: readonly string[]): string[] =>
  texts
    .flatMap((text) => text.split(/^---$/m))
    .map((document) => document.replace(/^# Source: .*$/m, '').trim())
    .filter((document) => document !== '')
    .toSorted();

const kinds = (objects: readonly KubernetesObject[]): string[] =>
  objects.map((object) => `${object.kind}/${object.metadata.name}`);

describe('the standard chart', () => {
  it.each(CHART_CASES)('makes of tests/$name what was read and agreed', async ({ name, expected }) => {
    const agreed = parseManifests(await readFile(expected, 'utf8'), expected);
    expect(await helmTemplate(chartRelease(name))).toEqual(agreed);
  });

  it.each([
    ['mailer, which migrates', { mailer: { rollback: true } }, false],
    ['media, which does not', { media: { rollback: true } }, true],
    ['none', null, true],
  ])('renders a migration unless its own image went back: %s', async (_, images, migrates) => {
    const objects = await helmTemplate(chartRelease('images', { release: { images } }));
    expect(kinds(objects).includes('Job/mail-migrate')).toBe(migrates);
  });

  it.each(KUBERNETES_VERSIONS)('renders only what Kubernetes %s takes', async (kubernetes) => {
    for (const { name, expected } of CHART_CASES) {
      const agreed = parseManifests(await readFile(expected, 'utf8'), expected);
      const problems = await Promise.all(agreed.map((object) => validateObject(object, { kubernetes })));
      expect(problems.flat(), name).toEqual([]);
    }
  });

  it('is told in at most 20 lines: a web app, a worker on SQS, three cron jobs of 3 lines, two secrets', async () => {
    const file = path.join(chartCase('twenty-lines in prod-1').folder, 'values.yaml');
    const text = await readFile(file, 'utf8');
    const { web, workers, cron, secrets } = parse(text);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
    expect([web.host, workers.worker.queue, Object.keys(cron).length, secrets.length]).toEqual([
      'shop',
      'shop',
      3,
      2,
    ]);
    expect(text).toMatch(/^ {2}daily-report:\n {4}schedule: .+\n {4}run: .+\n {2}\S/m);
  });

  it('puts the image with its digest into every container', async () => {
    const { image } = parse(
      await readFile(path.join(CHART, 'tests/typical/release.production.yaml'), 'utf8'),
    );
    const images = imagesOf(await renderTypical());
    expect(images.map((each) => each.container)).toEqual(['web', 'worker', 'migrate']);
    expect(new Set(images.map((each) => each.image))).toEqual(
      new Set([`${image.repository}:${image.tag}@${image.digest}`]),
    );
  });

  it('runs no migration on a rollback', async () => {
    const before = kinds(await renderTypical());
    const after = kinds(await renderTypical({ release: { rollback: true } }));
    expect(before.filter((each) => !after.includes(each))).toEqual(['Job/shop-migrate']);
  });

  it('leaves out what the app has not', async () => {
    expect(kinds(await renderTypical({ web: null, workers: { worker: null }, migrate: null }))).toEqual([
      'Namespace/shop',
      'NetworkPolicy/shop',
      'ServiceAccount/shop',
    ]);
  });

  it('sends requests only to pods of web', async () => {
    const objects = await renderTypical();
    const { selector } = find(objects, 'Service', 'shop-web').spec;
    const matching = objects.filter((object) => {
      const labels: Values = (object as Values).spec?.template?.metadata.labels ?? {};
      return Object.entries(selector).every(([key, value]) => labels[key] === value);
    });
    expect(kinds(matching)).toEqual(['Deployment/shop-web']);
  });

  it('keeps the selector when everything else changes: it is immutable', async () => {
    const selector = async (values: Values) =>
      find(await renderTypical(values), 'Deployment', 'shop-web').spec.selector;
    expect(
      await selector({
        app: { team: 'other' },
        image: { tag: 'v2' },
        facts: { environment: 'staging', cluster: 'stg-1' },
      }),
    ).toEqual(await selector({}));
  });

  it.each([
    ['the default, memory limited to its request', {}, { cpu: '100m', memory: '256Mi' }, { memory: '256Mi' }],
    [
      'more memory, and the limit grows with it',
      { requests: { memory: '1Gi' } },
      { cpu: '100m', memory: '1Gi' },
      { memory: '1Gi' },
    ],
    [
      'a limit below the default request, which falls with it',
      { limits: { memory: '64Mi', cpu: '50m' } },
      { cpu: '50m', memory: '64Mi' },
      { cpu: '50m', memory: '64Mi' },
    ],
  ])('gives each container resources: %s', async (_, resources, requests, limits) => {
    const deployment = find(await renderTypical({ web: { resources } }), 'Deployment', 'shop-web');
    expect(deployment.spec.template.spec.containers[0].resources).toEqual({ requests, limits });
  });

  it('takes wanted nothings as wanted: no pods, no retries, an empty variable', async () => {
    const objects = await renderTypical({
      web: { scale: 0, env: { GREETING: '' } },
      migrate: { retries: 0 },
    });
    const web = find(objects, 'Deployment', 'shop-web').spec;
    expect(web.replicas).toBe(0);
    expect(web.template.spec.containers[0].env).toContainEqual({ name: 'GREETING', value: '' });
    expect(find(objects, 'Job', 'shop-migrate').spec.backoffLimit).toBe(0);
  });

  it.each([
    ['at the root', { worker: {} }, 'worker is not a key of this chart; did you mean "workers"?'],
    [
      'deep',
      { web: { health: { reddy: '/' } } },
      'web.health.reddy is not a key of this chart; did you mean "ready"?',
    ],
    [
      'in a worker',
      { workers: { worker: { resources: { limit: {} } } } },
      'workers.worker.resources.limit is not a key of this chart; did you mean "limits"?',
    ],
    ['in the platform defaults', { platform: { drain: 1 } }, 'platform.drain is not a key of this chart'],
    ['in app.yaml', { app: { tema: 'x' } }, 'app.tema is not a key of this chart; did you mean "team"?'],
    ['in the release', { release: { rolback: true } }, 'release.rolback is not a key of this chart'],
    [
      'in a cron job',
      { cron: { daily: { schedul: '0 3 * * *' } } },
      'cron.daily.schedul is not a key of this chart; did you mean "schedule"?',
    ],
  ])('refuses a key that it does not know, %s', async (_, values, words) => {
    await expect(renderTypical(values)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'values-refused',
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ['a range that is none', { web: { scale: '2..10' } }, "web.scale cannot be '2..10'"],
    [
      'a command for a shell',
      { workers: { worker: { run: 'a && b' } } },
      "workers.worker.run cannot be 'a && b'",
    ],
    ['a number as tag', { image: { tag: 4127 } }, 'image.tag must be text, not a number'],
    ['a variable that is a number', { env: { N: 1000000 } }, 'env.N must be text, not a number'],
    [
      'a name that Kubernetes refuses',
      { workers: { Mail_er: { run: 'x' } } },
      'workers.Mail_er cannot be called so',
    ],
    ['a worker without command', { workers: { mailer: {} } }, 'workers.mailer.run is missing'],
    ['an app name that is none', { facts: { app: '../web' } }, "facts.app cannot be '../web'"],
    ['an image without tag and digest', { image: { tag: null, digest: null } }, 'image'],
  ])('refuses %s', async (_, values, words) => {
    await expect(renderTypical(values)).rejects.toMatchObject({
      reason: 'values-refused',
      message: expect.stringContaining(words),
    });
  });

  it.each([
    [
      'an image',
      { image: null },
      'web: there is no image. A deploy writes it to apps/shop/release.production.yaml',
    ],
    ['its facts', { facts: null }, 'facts.app is missing'],
    ['a team', { app: null }, 'app.team is missing. apps/shop/app.yaml says'],
    [
      'a choice among images',
      { image: null, images: { a: { repository: 'r/a', tag: '1' }, b: { repository: 'r/b', tag: '1' } } },
      'web: which image? Name one of images in its key `image`: a, b.',
    ],
    [
      'an image of that name',
      { web: { image: 'c' } },
      'web: there is no image "c" in images. There are: none.',
    ],
    [
      'a default of the platform',
      { platform: { resources: { requests: { memory: null } } } },
      'platform.resources.requests.memory is missing',
    ],
    ['a free name for a worker', { workers: { web: { run: 'x' } } }, 'workers.web: the name is taken'],
  ])('says in plain words that it misses %s', async (_, values, words) => {
    // One component, so that it is clear which of them complains first.
    await expect(
      renderTypical({ migrate: null, workers: { worker: null }, ...values }),
    ).rejects.toMatchObject({
      exitCode: 2,
      reason: 'render-failed',
      message: expect.stringContaining(words),
      at: { file: expect.stringMatching(/charts\/app\/templates\/[a-z_]+\.(?:yaml|tpl)$/) },
    });
  });

  it('misses each fact that names something', async () => {
    const typical = chartRelease('typical', { facts: { app: 'shop' } });
    const valueFiles = typical.valueFiles.filter((file) => !file.endsWith('facts.yaml'));
    await expect(helmTemplate({ ...typical, valueFiles })).rejects.toMatchObject({
      message: expect.stringContaining('facts.environment is missing'),
    });
  });

  it('gives the same bytes for the same values, whatever the release is called', async () => {
    const release = chartRelease('twenty-lines in prod-1');
    const first = await helmTemplateText(release);
    expect(await helmTemplateText(release)).toBe(first);
    expect(await helmTemplateText({ ...release, name: 'another', namespace: 'another' })).toBe(first);
  });

  it('uses nothing in its templates that a shared release, another run or a cluster would change', async () => {
    const folder = path.join(CHART, 'templates');
    for (const file of await readdir(folder)) {
      const template = await readFile(path.join(folder, file), 'utf8');
      expect(template, file).not.toMatch(
        /\.(?:Release|Chart|Capabilities)\b|\b(?:lookup|rand\w*|uuidv4|now|date\w*|gen\w+)\b/,
      );
    }
  });

  it('renders each app the same, byte for byte, alone and as one of many dependencies of an umbrella chart', async () => {
    const releases = CHART_CASES.map(({ name }) => chartRelease(name));
    const together = documents(await renderTogether(await Promise.all(releases.map(valuesOf))));
    const apart = documents(...(await Promise.all(releases.map((release) => helmTemplateText(release)))));
    expect(together).toEqual(apart);
  });

  it('has a schema that is strict at every level, explained, and whole in itself', async () => {
    const schema = JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8'));
    expect(schema.properties.global).toBeDefined();
    const loose: string[] = [];
    const unexplained: string[] = [];
    const visit = (node: Values, at: string): void => {
      if (node.$ref !== undefined) {
        expect(Object.keys(schema.definitions)).toContain(node.$ref.replace('#/definitions/', ''));
        return;
      }
      if (node.description === undefined) {
        unexplained.push(at);
      }
      if ([node.type].flat().includes('object') && node.additionalProperties !== false) {
        loose.push(at);
      }
      for (const group of ['properties', 'patternProperties', 'definitions']) {
        for (const [key, child] of Object.entries<Values>(node[group] ?? {})) {
          visit(child, `${at}/${key}`);
        }
      }
      if (node.items !== undefined) {
        visit(node.items, `${at}[]`);
      }
    };
    visit(schema, '');
    expect(loose).toEqual(['/global']);
    expect(unexplained).toEqual([]);
  });

  it('is refused by a Kubernetes that it was not made for', async () => {
    await expect(helmTemplate({ ...chartRelease('typical'), kubeVersion: '1.30' })).rejects.toMatchObject({
      message: 'The chart is for Kubernetes >=1.31.0-0, and the cluster runs 1.30.',
    });
  });
});
