import {
  cp,
  mkdir,
  mkdtempDisposable,
  readdir,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { objectName } from '../kubernetes/object.ts';
import { startDistribution } from '../standin/ecr/distribution.ts';
import { renderApp } from './app.ts';
import { imagesOf } from './images.ts';

const CHART = fileURLToPath(new URL('../../charts/app', import.meta.url));
const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

const KAJITORI = `apiVersion: kajitori.dev/v1
environments:
  staging: { clusters: [stg-1] }
  production: { clusters: [prod-1, prod-2], promoteFrom: staging }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
`;

const FILES: Readonly<Record<string, string>> = {
  'defaults/platform.yaml': 'platform: { graceSeconds: 40 }\n',
  'apps/shop/app.yaml': 'app: { team: checkout, sources: [acme/shop] }\n',
  'apps/shop/values.yaml': 'web: { port: 8080, scale: 2 }\nenv: { MODE: plain }\n',
  'apps/shop/values.production.yaml': 'web: { scale: 5 }\nenv: { MODE: production }\n',
  'apps/shop/release.staging.yaml': `image: { repository: ${REGISTRY}/shop, tag: v2, digest: "${digest('2')}" }\n`,
  'apps/shop/release.production.yaml': `image: { repository: ${REGISTRY}/shop, tag: v1, digest: "${digest('1')}" }\n`,
};

/** A GitOps repository in a temporary folder; `undefined` takes a file away. */
async function repository(changes: Readonly<Record<string, string | undefined>> = {}) {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-render-'));
  await cp(CHART, path.join(folder.path, 'charts/app'), { recursive: true });
  for (const [file, text] of Object.entries({ ...FILES, ...changes })) {
    if (text !== undefined) {
      await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true });
      await writeFile(path.join(folder.path, file), text);
    }
  }
  return {
    root: folder.path,
    config: parseKajitoriYaml(KAJITORI),
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

const PRODUCTION = { app: 'shop', environment: 'production', cluster: 'prod-1' };

/** What layers decide, out of the web Deployment. */
async function webOf(changes: Readonly<Record<string, string>>, place = PRODUCTION) {
  await using files = await repository(changes);
  const objects = await renderApp({ ...files, ...place });
  // biome-ignore lint/suspicious/noExplicitAny: a rendered object is read at will
  const { spec } = objects.find((object) => objectName(object) === 'Deployment/shop-web') as any;
  const [container] = spec.template.spec.containers;
  return {
    replicas: spec.replicas,
    grace: spec.template.spec.terminationGracePeriodSeconds,
    env: container.env,
    memory: container.resources.requests.memory,
    image: container.image,
  };
}

describe('an app of a GitOps repository', () => {
  it('is rendered with the image of its environment, the same in all clusters', async () => {
    await using files = await repository();
    const images = async (environment: string, cluster: string) =>
      imagesOf(await renderApp({ ...files, app: 'shop', environment, cluster })).map((each) => each.image);
    expect(await images('staging', 'stg-1')).toEqual([`${REGISTRY}/shop:v2@${digest('2')}`]);
    expect(await images('production', 'prod-1')).toEqual([`${REGISTRY}/shop:v1@${digest('1')}`]);
    expect(await images('production', 'prod-2')).toEqual(await images('production', 'prod-1'));
  });

  it('takes its layers in the order of the ApplicationSet, later ones over earlier ones', async () => {
    const layers = [
      'defaults/platform.yaml',
      'defaults/prod-1.yaml',
      'apps/shop/values.yaml',
      'apps/shop/values.production.yaml',
      'apps/shop/resources.production.yaml',
      'apps/shop/release.production.yaml',
      'apps/shop/app.yaml',
    ];
    const bare: Record<string, string> = { ...FILES, 'apps/shop/values.production.yaml': '' };
    bare['apps/shop/values.yaml'] = 'web: { port: 8080 }\n';
    const modes: string[] = [];
    for (const layer of layers) {
      bare[layer] = `${bare[layer] ?? ''}env: { MODE: ${layer} }\n`;
      modes.push((await webOf(bare)).env[0].value);
    }
    expect(modes).toEqual(layers);
  });

  it('lets the platform, tuning and the environment have their say', async () => {
    const resources = 'web: { resources: { requests: { memory: 700Mi } } }\n';
    expect(await webOf({ 'apps/shop/resources.production.yaml': resources })).toEqual({
      replicas: 5,
      grace: 15 + 40,
      env: [{ name: 'MODE', value: 'production' }],
      memory: '700Mi',
      image: `${REGISTRY}/shop:v1@${digest('1')}`,
    });
  });

  it('knows where it is, whatever its values say', async () => {
    const facts = 'facts: { app: evil, environment: staging, cluster: prod-2, account: "999999999999" }\n';
    await using files = await repository({ 'apps/shop/values.production.yaml': facts });
    const objects = await renderApp({ ...files, ...PRODUCTION });
    expect(new Set(objects.map((object) => object.metadata.namespace ?? object.metadata.name))).toEqual(
      new Set(['shop']),
    );
    expect(objects[0]?.metadata.labels).toMatchObject({ 'kajitori.dev/environment': 'production' });
  });

  it('has the manifests of extra/ beside it', async () => {
    const manifest = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;
    await using files = await repository({
      'apps/shop/extra/one.yaml': manifest('one'),
      'apps/shop/extra/deep/two.json': JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'two' },
      }),
      'apps/shop/extra/README.md': 'no manifest',
      'apps/shop/other/three.yaml': manifest('three'),
    });
    const names = (await renderApp({ ...files, ...PRODUCTION })).map(objectName);
    expect(names.slice(-2)).toEqual(['Secret/two', 'ConfigMap/one']);
    expect(names).not.toContain('ConfigMap/three');
  });

  it.each([
    ['an unknown app', { app: 'shp' }, 'unknown-app', 'There is no app shp. Did you mean "shop"?'],
    ['a name that is a path', { app: '../shop' }, 'bad-app-name', 'cannot be the name of an app'],
    [
      'an unknown environment',
      { environment: 'prodution' },
      'unknown-environment',
      'Did you mean "production"?',
    ],
    [
      'a cluster of another environment',
      { cluster: 'stg-1' },
      'unknown-cluster',
      'production has no cluster "stg-1"',
    ],
  ])('is not rendered for %s', async (_, place, reason, words) => {
    await using files = await repository();
    await expect(renderApp({ ...files, ...PRODUCTION, ...place })).rejects.toMatchObject({
      exitCode: 2,
      reason,
      message: expect.stringContaining(words),
    });
  });

  it('is not rendered where it was never deployed', async () => {
    await using files = await repository({ 'apps/shop/release.production.yaml': undefined });
    await expect(renderApp({ ...files, ...PRODUCTION })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'never-deployed',
      at: { file: 'apps/shop/release.production.yaml' },
    });
  });

  it('reads nothing outside the repository', async () => {
    await using files = await repository();
    await using outside = await repository({ 'secret.yaml': 'env: { MODE: stolen }\n' });
    const link = path.join(files.root, 'apps/shop/values.production.yaml');
    await rm(link);
    await symlink(path.join(outside.root, 'secret.yaml'), link);
    await expect(renderApp({ ...files, ...PRODUCTION })).rejects.toMatchObject({
      reason: 'not-a-file',
      at: { file: 'apps/shop/values.production.yaml' },
    });
  });

  it('names files as they are called in the repository when something is wrong', async () => {
    await using files = await repository({ 'apps/shop/values.yaml': 'web: { prot: 8080 }\n' });
    await expect(renderApp({ ...files, ...PRODUCTION })).rejects.toMatchObject({
      reason: 'values-refused',
      at: { file: 'charts/app' },
      message: expect.stringContaining('web.prot is not a key of this chart; did you mean "port"?'),
    });
  });

  it('takes the chart that kajitori.yaml names out of a registry', async ({ skip }) => {
    const registry = await startDistribution().catch((error: unknown) => String(error));
    if (typeof registry === 'string') {
      skip(`docker-registry cannot be started: ${registry}`);
      return;
    }
    await using running = registry;
    await using files = await repository();
    await execa('helm', ['package', CHART, '--version', '3.2.1', '--destination', files.root]);
    const archive = path.join(files.root, 'app-3.2.1.tgz');
    await execa('helm', ['push', '--plain-http', archive, `oci://${running.host}/charts`]);
    const vendored = await renderApp({ ...files, ...PRODUCTION });
    await rm(path.join(files.root, 'charts'), { recursive: true });
    const config = parseKajitoriYaml(
      `${KAJITORI}chart: { production: "oci://${running.host}/charts/app:3.2.1" }\n`,
    );
    const charts = path.join(files.root, 'store');
    // 300 MB that nobody used since 1970: the store keeps to 200.
    const old = path.join(charts, 'archives/old.tgz');
    await mkdir(path.dirname(old), { recursive: true });
    await writeFile(old, '');
    await truncate(old, 300 * 1024 * 1024);
    await utimes(old, 0, 0);
    expect(await renderApp({ ...files, config, ...PRODUCTION, charts })).toEqual(vendored);
    expect(await readdir(path.dirname(old))).not.toContain('old.tgz');
    const newer = { ...config, chart: { production: `oci://${running.host}/charts/app:9.9.9` } };
    await expect(renderApp({ ...files, config: newer, ...PRODUCTION, charts })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'chart-missing',
      at: { file: 'kajitori.yaml' },
    });
  });

  it.each([['another layout', 'apps: { release: "deploy/{app}/{environment}.yaml" }\n', '`apps.release`']])(
    'says that it cannot render %s, instead of rendering something else',
    async (_, line, words) => {
      await using files = await repository();
      const config = parseKajitoriYaml(`${KAJITORI}${line}`);
      await expect(renderApp({ ...files, config, ...PRODUCTION })).rejects.toMatchObject({
        exitCode: 2,
        reason: 'not-rendered',
        message: expect.stringContaining(words),
      });
    },
  );
});
