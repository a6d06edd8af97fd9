import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { environmentOf, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { appProject } from './app-project.ts';
import { applicationSet } from './application-set.ts';
import { rootApplication } from './root-application.ts';

const WIRING = new URL('../../../shared/rig-argocd/wiring/argocd/', import.meta.url);

const config = (more = '') =>
  parseKajitoriYaml(`apiVersion: kajitori.dev/v1
repository: { url: "http://127.0.0.1:9418/gitops.git" }
environments: { staging: { clusters: [s] }, production: { clusters: [a, b] } }
clusters:
  s: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  a: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
  b: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: [registry.example]
${more}`);

/** A manifest as plain data, as far as the tests look into it. */
// biome-ignore lint/suspicious/noExplicitAny: manifests are deep, and a wrong step fails the test
const read = (text: string): any => parse(text);

describe('the wiring that was tried on a real Argo CD', () => {
  const tried = (file: string) => read(readFileSync(new URL(file, WIRING), 'utf8'));
  const absent = !existsSync(WIRING);
  if (absent) {
    console.warn('skipped: ../shared/rig-argocd is not here, so there is nothing to compare with');
  }

  it.skipIf(absent)(
    'is the ApplicationSet that is generated, but for the order of generators and a fact',
    () => {
      const ours = read(applicationSet(config(), 'production'));
      for (const element of ours.spec.generators[0].matrix.generators[0].list.elements) {
        delete element.active;
      }
      delete ours.spec.template.spec.sources[0].helm.valuesObject.facts.active;
      const theirs = tried('production.yaml');
      theirs.spec.generators[0].matrix.generators.reverse();
      expect(ours).toEqual(theirs);
    },
  );

  it.skipIf(absent)('is the root Application that is generated, but for the address of the cluster', () => {
    const ours = read(rootApplication(config()));
    const theirs = tried('root.yaml');
    theirs.spec.destination.server = 'https://kubernetes.default.svc';
    expect(ours).toEqual(theirs);
  });

  it.skipIf(absent)('is the AppProject that is generated, which also forbids RBAC', () => {
    const both = parseKajitoriYaml(`apiVersion: kajitori.dev/v1
repository: { url: "http://127.0.0.1:9418/gitops.git" }
environments: { production: { clusters: [a, b] } }
clusters:
  a: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
  b: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: [registry.example]
`);
    const { spec, ...rest } = read(appProject(both, 'web', { team: 'shop', sources: ['acme/web'] }));
    const { description, namespaceResourceBlacklist, ...tight } = spec;
    expect({ ...rest, spec: tight }).toEqual(tried('projects/web.yaml'));
    expect(description).toBe('web, owned by shop');
    expect(namespaceResourceBlacklist).toHaveLength(2);
  });
});

describe('the ApplicationSet of an environment', () => {
  it('puts the clusters first, so that no release file can name another cluster', () => {
    // Where both generators give a key, the first wins; the git generator gives all keys of the release file.
    const [first, second] = read(applicationSet(config(), 'production')).spec.generators[0].matrix.generators;
    expect(Object.keys(first)).toEqual(['list']);
    expect(Object.keys(second)).toEqual(['git']);
    for (const element of first.list.elements) {
      expect(Object.keys(element)).toEqual(['cluster', 'region', 'account', 'active']);
    }
  });

  it('has all clusters of its environment and none of another', () => {
    const { elements } = read(applicationSet(config(), 'production')).spec.generators[0].matrix.generators[0]
      .list;
    expect(elements.map(({ cluster }: { cluster: string }) => cluster)).toEqual(['a', 'b']);
  });

  it('says of each cluster whether it is the active one, as text: quotes are all that a template can fill', () => {
    const base = config();
    const a = { ...environmentOf(base, 'production').clusters[0], active: true };
    const active = (environment: string) =>
      read(
        applicationSet({ ...base, clusters: { ...base.clusters, a } as typeof base.clusters }, environment),
      ).spec.generators[0].matrix.generators[0].list.elements.map(
        (element: { active: unknown }) => element.active,
      );
    expect(active('production')).toEqual(['true', 'false']);
    // The only cluster of an environment, without a word in kajitori.yaml.
    expect(active('staging')).toEqual(['true']);
  });

  it('keeps accounts text, also for a reader of YAML 1.1', () => {
    const base = config();
    const s = { ...environmentOf(base, 'staging').clusters[0], account: '012345670123' };
    const text = applicationSet(
      { ...base, clusters: { ...base.clusters, s } as typeof base.clusters },
      'staging',
    );
    expect(text).toContain('account: "012345670123"');
    expect(
      parse(text, { version: '1.1' }).spec.generators[0].matrix.generators[0].list.elements[0].account,
    ).toBe('012345670123');
  });

  it('reads its values by a reference when the chart comes from a registry', () => {
    const oci = config(
      'chart: { production: "oci://333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/charts/app:1.2.3" }',
    );
    const { sources } = read(applicationSet(oci, 'production')).spec.template.spec;
    expect(sources).toHaveLength(3);
    expect(sources[0]).toMatchObject({
      repoURL: '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/charts',
      chart: 'app',
      targetRevision: '1.2.3',
    });
    expect(sources[0].helm.valueFiles[0]).toBe('$values/defaults/platform.yaml');
    expect(sources[1]).toEqual({
      repoURL: 'http://127.0.0.1:9418/gitops.git',
      targetRevision: 'main',
      ref: 'values',
    });
    expect(read(applicationSet(oci, 'staging')).spec.template.spec.sources[0].path).toBe('charts/app');
    expect(read(appProject(oci, 'web', { team: 'shop', sources: ['acme/web'] })).spec.sourceRepos).toEqual([
      'http://127.0.0.1:9418/gitops.git',
      '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/charts',
    ]);
  });

  it('cannot be made without the URL of the repository, and says what to write', () => {
    const { repository: _, ...without } = config();
    expect(() => applicationSet(without, 'production')).toThrow(
      expect.objectContaining({
        reason: 'no-repository',
        todo: expect.stringContaining('repository: { url:'),
      }),
    );
  });
});
