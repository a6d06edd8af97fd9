import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDistribution } from '../src/standin/ecr/distribution.ts';
import { allDifferences } from './render-fixtures/as-compared.ts';
import { fixtureFiles, IN_FIXTURE, pushCharts, serveCharts, writeClone } from './render-fixtures/fixture.ts';
import { readJudged, settled } from './render-fixtures/judged.ts';
import { KNOWN_DIFFERENCES, NEVER_APPLIED, ONLY_ARGO_CD } from './render-fixtures/known-differences.ts';
import { kajitoriRender } from './render-fixtures/rendered.ts';

describe('kajitori render', () => {
  it('renders the fixture as a real Argo CD did (test/e2e/render.e2e.ts)', async ({ skip }) => {
    const started = await startDistribution().catch((error: unknown) => String(error));
    if (typeof started === 'string') {
      skip(`docker-registry cannot be started: ${started}`);
      return;
    }
    await using registry = started;
    await using charts = await serveCharts();
    await using folder = await mkdtempDisposable(join(tmpdir(), 'kajitori-render-judged-'));
    const addresses = { git: IN_FIXTURE.git, charts: charts.url, registry: `${registry.host}/charts` };
    await pushCharts(charts, addresses.registry);
    const commit = await writeClone(folder.path, IN_FIXTURE.git, await fixtureFiles(addresses));
    const { applications, notRendered } = settled(await kajitoriRender(folder.path), addresses, commit);
    const theirs = await readJudged();
    expect(allDifferences(applications, theirs)).toEqual({
      ...KNOWN_DIFFERENCES,
      ...Object.fromEntries(NEVER_APPLIED.map((name) => [name, ['there is no such application']])),
    });
    const refused = Object.entries(theirs).flatMap(([name, answer]) => ('error' in answer ? [name] : []));
    expect(Object.keys(notRendered).sort()).toEqual(
      [...refused, ...ONLY_ARGO_CD].map((name) => `Application/${name}`).sort(),
    );
    expect(Object.keys(applications).length).toBeGreaterThan(70);
  }, 120_000);
});
