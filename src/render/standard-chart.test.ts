import { mkdir, mkdtempDisposable, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { helmTemplate, helmTemplateText } from './helm.ts';
import { imagesOf } from './images.ts';

const CHART = fileURLToPath(new URL('../../charts/app', import.meta.url));
const LAYERS = ['values.yaml', 'release.production.yaml', 'app.yaml', 'facts.yaml'];

// biome-ignore lint/suspicious/noExplicitAny: values and rendered objects are read at will here
type Values = Record<string, any>;

const layersOf = (name: string): string[] => LAYERS.map((file) => path.join(CHART, 'tests', name, file));

const release = (valueFiles: readonly string[], values: Values = {}, name = 'shop') => ({
  name,
  namespace: name,
  chart: CHART,
  valueFiles,
  values,
  kubeVersion: '1.34',
});

/** The typical app with some values changed; `null` takes a key away. */
const renderTypical = (values: Values = {}): Promise<KubernetesObject[]> =>
  helmTemplate(release(layersOf('typical'), values));

const find = (objects: readonly KubernetesObject[], kind: string, name: string): Values => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  expect(found, `${kind}/${name}`).toBeDefined();
  return found as Values;
};
const kinds = (objects: readonly KubernetesObject[]): string[] =>
  objects.map((object) => `${object.kind}/${object.metadata.name}`);

describe('the standard chart', () => {
  it.each(['typical', 'images'])('makes of the values in tests/%s what was read and agreed', async (name) => {
    const expected = await readFile(path.join(CHART, 'tests', name, 'expected.yaml'), 'utf8');
    expect(await helmTemplate(release(layersOf(name)))).toEqual(parseManifests(expected, 'expected.yaml'));
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
    ['of a later version', { cron: { daily: { schedule: '0 3 * * *' } } }, 'cron is not a key of this chart'],
  ])('refuses a key that it does not know, %s', async (_, values, words) => {
    await expect(renderTypical(values)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'values-refused',
      message: expect.stringContaining(words),
    });
  });

  it.each([
    [
      'a range, which is not rendered yet',
      { web: { scale: '2-10' } },
      'web.scale must be a whole number, not text',
    ],
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
    const layers = layersOf('typical').filter((file) => !file.endsWith('facts.yaml'));
    await expect(helmTemplate(release(layers, { facts: { app: 'shop' } }))).rejects.toMatchObject({
      message: expect.stringContaining('facts.environment is missing'),
    });
  });

  it('gives the same bytes for the same values, whatever the release is called', async () => {
    const first = await helmTemplateText(release(layersOf('typical')));
    expect(await helmTemplateText(release(layersOf('typical')))).toBe(first);
    expect(await helmTemplateText(release(layersOf('typical'), {}, 'another'))).toBe(first);
  });

  it('uses nothing in its templates that a shared release, another run or a cluster would change', async () => {
    const folder = path.join(CHART, 'templates');
    for (const file of await readdir(folder)) {
      const template = await readFile(path.join(folder, file), 'utf8');
      expect(template, file).not.toMatch(
        /\.(?:Release|Chart|Capabilities)\b|\b(?:lookup|rand|uuidv4|now|genCA)/,
      );
    }
  });

  it('renders the same as one of several dependencies of an umbrella chart', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-umbrella-'));
    const layered: Values = {};
    const dependencies = ['typical', 'images'].map((alias) => ({ name: 'app', version: '0.1.0', alias }));
    for (const { alias } of dependencies) {
      const layers = await Promise.all(layersOf(alias).map((file) => readFile(file, 'utf8')));
      layered[alias] = Object.assign({}, ...layers.map((layer) => parse(layer)));
    }
    await mkdir(path.join(folder.path, 'charts'));
    await symlink(CHART, path.join(folder.path, 'charts/app'));
    await writeFile(
      path.join(folder.path, 'Chart.yaml'),
      JSON.stringify({ apiVersion: 'v2', name: 'umbrella', version: '0.0.0', dependencies }),
    );
    const together = await helmTemplate({ ...release([], layered), chart: folder.path });
    const apart = (
      await Promise.all(dependencies.map(({ alias }) => helmTemplate(release(layersOf(alias)))))
    ).flat();
    const byName = (a: KubernetesObject, b: KubernetesObject) => (key(a) < key(b) ? -1 : 1);
    const key = (object: KubernetesObject) => `${object.metadata.namespace} ${kinds([object])[0]}`;
    expect(together.toSorted(byName)).toEqual(apart.toSorted(byName));
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
    await expect(
      helmTemplate({ ...release(layersOf('typical')), kubeVersion: '1.30' }),
    ).rejects.toMatchObject({
      message: 'The chart is for Kubernetes >=1.31.0-0, and the cluster runs 1.30.',
    });
  });
});
