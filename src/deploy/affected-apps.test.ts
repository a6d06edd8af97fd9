import { expect, test } from 'vitest';
import { affectedApps, appFolders } from './affected-apps.ts';

const production = { name: 'production', clusters: ['prod-1', 'prod-2'] };
const affected = (...paths: string[]) => affectedApps(paths, production, ['staging'], ['api', 'web']);

test.each([
  [['apps/web/values.yaml'], ['web']],
  [
    ['apps/web/values.production.yaml', 'apps/api/extra/config.yaml'],
    ['api', 'web'],
  ],
  [['apps/web/values.staging.yaml', 'apps/web/release.staging.yaml'], []],
  [['apps/web/extra/values.staging.yaml'], ['web']],
  [['charts/app/templates/deployment.yaml'], ['api', 'web']],
  [['defaults/platform.yaml'], ['api', 'web']],
  [['defaults/prod-2.yaml'], ['api', 'web']],
  [['defaults/stg-1.yaml', 'argocd/staging.yaml', 'README.md', 'platform/keda/values.yaml'], []],
  [['apps/never-deployed/values.yaml'], []],
])('%j reaches %j', (paths, apps) => {
  expect(affected(...paths)).toEqual(apps);
});

test('only what can be the name of an app is one', () => {
  expect(appFolders(['web', 'kube-system', '..', 'Web', 'a b'])).toEqual(['web']);
});
