import { describe, expect, it } from 'vitest';
import { parseKajitoriYaml } from './kajitori-yaml.ts';
import { appFile, digestRule, imagePath, layoutOf, releaseFiles, stateFile } from './layout.ts';

const config = (more = '', production = 'production') =>
  parseKajitoriYaml(`apiVersion: kajitori.dev/v1
environments:
  staging: { clusters: [stg-1] }
  ${production}: { clusters: [prod-1, prod-2], promoteFrom: staging }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222" }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: [registry.example]
${more}`);

describe('the standard layout', () => {
  const standard = config();

  it('has one release file for all clusters of an environment', () => {
    expect(layoutOf(standard).kind).toBe('standard');
    expect(releaseFiles(standard, 'web', 'production')).toEqual(['apps/web/release.production.yaml']);
    expect(stateFile(standard, 'web', 'production')).toBe('apps/web/release.production.yaml');
    expect(appFile(standard, 'web')).toBe('apps/web/app.yaml');
    expect(imagePath(standard)).toEqual(['image']);
    expect(digestRule(standard)).toBe('required');
  });
});

describe('other layouts', () => {
  it('write one file for each cluster, all clusters together', () => {
    const other = config('apps: { release: "clusters/{cluster}/{app}/values.yaml", image: web.image }');
    expect(layoutOf(other).kind).toBe('patterns');
    expect(releaseFiles(other, 'web', 'production')).toEqual([
      'clusters/prod-1/web/values.yaml',
      'clusters/prod-2/web/values.yaml',
    ]);
    expect(imagePath(other)).toEqual(['web', 'image']);
    expect(digestRule(other)).toBe('optional');
  });

  it('name a file that all clusters share only once', () => {
    const other = config('apps: { release: "deploy/{app}/values-{environment}.yaml" }');
    expect(releaseFiles(other, 'web', 'production')).toEqual(['deploy/web/values-production.yaml']);
  });

  it('keep release and hold in a file of our own, because foreign charts refuse unknown keys', () => {
    const other = config('apps: { release: "deploy/{app}/values-{environment}.yaml", digest: required }');
    expect(stateFile(other, 'web', 'production')).toBe('.kajitori/web.production.yaml');
    expect(digestRule(other)).toBe('required');
  });

  it('may keep app.yaml elsewhere', () => {
    expect(appFile(config('apps: { definition: "owners/{app}.yaml" }'), 'web')).toBe('owners/web.yaml');
  });

  it.each([
    ['../{app}/{environment}.yaml', 'must stay in the repository'],
    ['/etc/{app}/{environment}.yaml', 'must stay in the repository'],
    ['a//{app}.{environment}.yaml', 'must stay in the repository'],
    ['.git/{app}.{environment}.yaml', 'must not point into .git'],
    ['{app}/{environment}/**.yaml', 'no wildcards'],
    ['{app}/{environment}.json', 'must name a .yaml or .yml file'],
    ['deploy/{environment}.yaml', 'must contain {app}'],
    ['{app}/{env}.yaml', 'unknown placeholder {env}'],
    ['{app}/values.yaml', 'must contain {environment} or {cluster}'],
  ])('refuse the pattern %s', (pattern, words) => {
    expect(() => config(`apps: { release: "${pattern}" }`)).toThrow(words);
  });

  it('refuse a pattern by which two apps could share one file', () => {
    // App web-eu in staging, app web in eu-staging.
    const pattern = (text: string) => () => config(`apps: { release: "${text}" }`, 'eu-staging');
    expect(pattern('deploy/{app}-{environment}.yaml')).toThrow('is ambiguous');
    expect(pattern('deploy/{app}{environment}.yaml')).toThrow('is ambiguous');
    expect(pattern('deploy/{app}.{environment}.yaml')).not.toThrow();
  });
});
