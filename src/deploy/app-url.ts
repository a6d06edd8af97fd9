import { environmentOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { Failure } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import { parseYaml } from '../yaml/parse.ts';

/** Labels of a host name, two or more (RFC 1123). */
const HOST = /^(?=.{1,253}$)[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)+$/;

/**
 * Where an app is seen: `web.host` of its values, under `platform.ingress.domain` where it is one label
 * (charts/app/templates/ingress.yaml).
 *
 * @returns undefined where the app has no host, where clusters of the environment differ in it, in another layout (its
 * chart is not known), and where the files cannot be read: a link is a courtesy
 */
export async function appUrl(
  tree: Tree,
  config: KajitoriConfig,
  app: string,
  environment: string,
): Promise<string | undefined> {
  if (layoutOf(config).kind !== 'standard') {
    return undefined;
  }
  const { clusters } = environmentOf(config, environment);
  const last = async (path: readonly string[], files: readonly string[]): Promise<string | undefined> => {
    const values = await Promise.all(
      files.map(async (file) => parseYaml((await tree.read(file)) ?? '', { file }).get(path)),
    );
    return values.findLast((value) => typeof value === 'string');
  };
  try {
    const host = await last(
      ['web', 'host'],
      [`apps/${app}/values.yaml`, `apps/${app}/values.${environment}.yaml`],
    );
    if (host === undefined) {
      return undefined;
    }
    if (host.includes('.')) {
      return urlOf(host);
    }
    const domains = await Promise.all(
      clusters.map(async ({ name, region, account }) => {
        const domain = await last(
          ['platform', 'ingress', 'domain'],
          ['defaults/platform.yaml', `defaults/${name}.yaml`],
        );
        const facts: Readonly<Record<string, string | undefined>> = {
          '{app}': app,
          '{environment}': environment,
          '{cluster}': name,
          '{region}': region,
          '{account}': account,
        };
        return domain?.replaceAll(/\{[a-z]+\}/g, (placeholder) => facts[placeholder] ?? placeholder);
      }),
    );
    return new Set(domains).size === 1 ? urlOf(`${host}.${domains[0] ?? ''}`) : undefined;
  } catch (error) {
    if (error instanceof Failure) {
      return undefined;
    }
    throw error;
  }
}

const urlOf = (host: string): string | undefined => (HOST.test(host) ? `https://${host}` : undefined);
