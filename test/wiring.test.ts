import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { appValueFiles, extraFolder } from '../src/render/wiring.ts';
import { applicationSet } from '../src/scaffold/application-set.ts';

const CONFIG = parseKajitoriYaml(`apiVersion: kajitori.dev/v1
repository: { url: "https://github.com/acme/gitops.git" }
environments: { production: { clusters: [prod-1] } }
clusters: { prod-1: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" } }
registries: ["333333333333.dkr.ecr.ap-northeast-1.amazonaws.com"]
`);

it('what we render has the sources and the layers of values that Argo CD is told', () => {
  const { sources } = parse(applicationSet(CONFIG, 'production')).spec.template.spec;
  const app = '{{.path.basename}}';
  const place = { app, environment: 'production', cluster: '{{.cluster}}' };
  const [chart, extra] = sources;
  expect(sources).toHaveLength(2);
  expect(chart).toMatchObject({
    path: 'charts/app',
    helm: {
      releaseName: app,
      ignoreMissingValueFiles: true,
      valueFiles: appValueFiles(place).map((file) => `/${file}`),
      valuesObject: {
        facts: { ...place, region: '{{.region}}', account: '{{.account}}', active: '{{.active}}' },
      },
    },
  });
  expect(Object.keys(chart.helm.valuesObject.facts)).toHaveLength(6);
  expect(`${extra.path}/${extra.directory.include}`).toBe(`${extraFolder(app)}/**`);
});
