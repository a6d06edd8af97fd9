import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { renderApp } from '../render/app.ts';
import { openSuite } from '../repository/suite.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { generateExamples } from './examples.ts';
import { runRegenerate } from './regenerate.ts';
import { retireText, runRetire } from './retire-app.ts';

async function gitops(more: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-retire-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [file, text] of new Map([...(await generateExamples()), ...Object.entries(more)])) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text ?? '');
  }
  const copy = await openWorkingCopy(folder);
  const read = (file: string) => readFile(path.join(folder, file), 'utf8');
  return {
    read,
    files: async (below: string) => readdir(path.join(folder, below)),
    retire: (app: string) =>
      runRetire(
        { app, dryRun: false },
        { on: { kind: 'working-copy', copy }, timing: virtualTiming(), key: 'test' },
      ),
    kinds: async (app: string) => {
      const config = parseKajitoriYaml(await read('kajitori.yaml'));
      const objects = await renderApp({
        root: folder,
        config,
        app,
        environment: 'production',
        cluster: 'prod-1',
      });
      return objects.map(({ kind }) => kind);
    },
    regenerate: async () =>
      runRegenerate({ check: true }, { repository: copy, suite: await openSuite(), version: '1.0.0' }),
  };
}

test('an app is stopped first: what is rendered has no workload any more, and its namespace stays', async () => {
  const at = await gitops({
    'apps/web/values.production.yaml': 'web: { port: 9090 }\n',
    'apps/web/extra/more.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more }\n',
  });
  expect(await at.kinds('web')).toEqual(expect.arrayContaining(['Deployment', 'ConfigMap', 'Namespace']));
  const done = await at.retire('web');
  expect(done).toMatchObject({ reason: 'written', result: { step: 'stop' } });
  expect(retireText(done)).toContain('Step 1 of 2');
  const kinds = await at.kinds('web');
  expect(kinds).toContain('Namespace');
  for (const kind of ['Deployment', 'Service', 'CronJob', 'Job', 'ConfigMap', 'HorizontalPodAutoscaler']) {
    expect(kinds).not.toContain(kind);
  }
});

test('then its files, project and owner go; what Argo CD never deletes is named; generated files agree', async () => {
  const at = await gitops();
  await at.retire('web');
  const done = await at.retire('web');
  expect(done.result.step).toBe('remove');
  expect(await at.files('argocd/projects')).toEqual(['billing.yaml']);
  expect(await at.files('apps/web').catch(() => [])).toEqual([]);
  expect(await at.read('.github/CODEOWNERS')).not.toContain('/apps/web/');
  for (const command of ['argocd app delete web-prod-2 --cascade=false', 'kubectl delete namespace web']) {
    expect(retireText(done)).toContain(command);
  }
  expect(await at.regenerate()).toMatchObject({ exitCode: 0, apps: 1 });
  await expect(at.retire('web')).rejects.toMatchObject({ reason: 'unknown-app' });
});
