import { expect, test } from 'vitest';
import { KAJITORI_YAML } from '../../test/bump-world.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import type { Tree } from '../repository/tree.ts';
import { appUrl } from './app-url.ts';

const treeOf = (files: Readonly<Record<string, string>>): Tree => ({
  name: 'acme/gitops',
  commit: undefined,
  read: async (path) => files[path],
  list: async () => [],
});

const DOMAIN = 'platform: { ingress: { domain: example.com } }\n';

test.each<[string, string | undefined, Record<string, string>]>([
  [
    'a whole name',
    'https://shop.example.com',
    { 'apps/web/values.yaml': 'web: { host: shop.example.com }\n' },
  ],
  [
    'one label, under the platform’s domain',
    'https://shop.example.com',
    { 'apps/web/values.yaml': 'web: { host: shop }\n', 'defaults/platform.yaml': DOMAIN },
  ],
  [
    'the environment’s own',
    'https://shop-prod.example.com',
    {
      'apps/web/values.yaml': 'web: { host: shop }\n',
      'apps/web/values.production.yaml': 'web: { host: shop-prod }\n',
      'defaults/platform.yaml': DOMAIN,
    },
  ],
  [
    'no host',
    undefined,
    { 'apps/web/values.yaml': 'web: { port: 8080 }\n', 'defaults/platform.yaml': DOMAIN },
  ],
  ['no domain', undefined, { 'apps/web/values.yaml': 'web: { host: shop }\n' }],
  [
    'clusters with different domains: neither is the one',
    undefined,
    {
      'apps/web/values.yaml': 'web: { host: shop }\n',
      'defaults/platform.yaml': 'platform: { ingress: { domain: "{cluster}.example.com" } }\n',
    },
  ],
  [
    'a cluster with a domain of its own',
    undefined,
    {
      'apps/web/values.yaml': 'web: { host: shop }\n',
      'defaults/platform.yaml': DOMAIN,
      'defaults/prod-2.yaml': 'platform: { ingress: { domain: two.example.com } }\n',
    },
  ],
  ['what is no host name', undefined, { 'apps/web/values.yaml': 'web: { host: "evil.example.com/?@x" }\n' }],
  ['a file that cannot be read', undefined, { 'apps/web/values.yaml': 'web: { host: [\n' }],
])('%s', async (_, url, files) => {
  expect(await appUrl(treeOf(files), parseKajitoriYaml(KAJITORI_YAML), 'web', 'production')).toBe(url);
});
