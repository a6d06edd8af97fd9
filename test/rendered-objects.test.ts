import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { parseManifests } from '../src/kubernetes/manifests.ts';
import type { KubernetesObject } from '../src/kubernetes/object.ts';
import { formatProblem } from '../src/kubernetes/problem.ts';
import { validateObject } from '../src/kubernetes/validate.ts';
import { KUBERNETES_VERSIONS } from '../src/kubernetes/versions.ts';
import { renderApp } from '../src/render/app.ts';

const ROOT = fileURLToPath(new URL('../examples/gitops/', import.meta.url));
const config = parseKajitoriYaml(readFileSync(join(ROOT, 'kajitori.yaml'), 'utf8'));

/** What is wrong with these objects in each version that can be checked, by version. */
async function problemsOf(objects: readonly KubernetesObject[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const kubernetes of KUBERNETES_VERSIONS) {
    for (const object of objects) {
      const problems = await validateObject(object, { kubernetes });
      if (problems.length > 0) found[kubernetes] = problems.map((problem) => formatProblem(object, problem));
    }
  }
  return found;
}

describe('every supported version of Kubernetes takes', () => {
  const apps = globSync('apps/*/app.yaml', { cwd: ROOT }).map((file) => file.split('/')[1] ?? '');
  const places = apps.flatMap((app) =>
    Object.entries(config.environments).flatMap(([environment, { clusters }]) =>
      clusters.map((cluster) => ({ app, environment, cluster })),
    ),
  );

  it.each(places)('what is rendered of $app in $cluster', async (place) => {
    const objects = await renderApp({ root: ROOT, config, ...place });
    expect(objects.length).toBeGreaterThan(2);
    expect(await problemsOf(objects)).toEqual({});
  });

  it.each(globSync('{argocd,platform}/**/*.yaml', { cwd: ROOT }).filter((file) => !file.includes('values')))(
    'examples/gitops/%s',
    async (file) => {
      const objects = parseManifests(readFileSync(join(ROOT, file), 'utf8'), file);
      expect(await problemsOf(objects)).toEqual({});
    },
  );
});
