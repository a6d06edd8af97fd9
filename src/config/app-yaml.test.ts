import { describe, expect, it } from 'vitest';
import { ownerOf, parseAppYaml } from './app-yaml.ts';
import { parseKajitoriYaml } from './kajitori-yaml.ts';

const FILE = 'apps/web/app.yaml';

describe('app.yaml', () => {
  it('is read', () => {
    const text =
      'app:\n  team: shop\n  sources: [acme/web, acme/web.assets]\n  kind: web\n  template: "1.0.0"\n';
    expect(parseAppYaml(text, FILE)).toEqual({
      team: 'shop',
      sources: ['acme/web', 'acme/web.assets'],
      kind: 'web',
      template: '1.0.0',
    });
  });

  it.each([
    ['no sources, so that nobody could deploy it', '[]', 'app.sources: must not be an empty list'],
    [
      'a source that is a URL',
      '[https://github.com/acme/web]',
      'app.sources[0]: must be a GitHub repository',
    ],
    ['a source that is only dots', '[acme/..]', 'app.sources[0]: must be a GitHub repository'],
    ['a wildcard as source', '["acme/*"]', 'app.sources[0]: must be a GitHub repository'],
  ])('refuses %s', (_, sources, words) => {
    expect(() => parseAppYaml(`app: { team: shop, sources: ${sources} }`, FILE)).toThrow(words);
  });

  it('refuses a second key, since the file is the last layer of values', () => {
    const text = 'app: { team: shop, sources: [acme/web] }\nimage: { tag: evil }\n';
    expect(() => parseAppYaml(text, FILE)).toThrow(
      expect.objectContaining({
        at: { file: FILE, line: 2, column: 1 },
        message: expect.stringContaining('image: there is no such key'),
      }),
    );
  });

  it.each([
    ['@acme/*', '@acme/shop'],
    ['@acme/team-*', '@acme/team-shop'],
  ])('the pattern %s makes its owner %s', (pattern, owner) => {
    const config = parseKajitoriYaml(
      `apiVersion: kajitori.dev/v1
environments: { staging: { clusters: [stg-1] } }
clusters: { stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [registry.example]
teams: { pattern: "${pattern}" }
`,
    );
    expect(ownerOf(config, { team: 'shop', sources: ['acme/web'] })).toBe(owner);
  });
});
