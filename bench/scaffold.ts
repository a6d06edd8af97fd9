/**
 * How long it takes to check the generated files of 1,000 apps, and to make one more app: from the text of the form to the
 * computed change, in that same repository. And how many lines of values a typical app has.
 *
 * `--apps N` for another size. Medians of five runs; the first, which warms the disk's cache, is left out.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { couldNot } from '../src/report/failure.ts';
import { openSuite } from '../src/repository/suite.ts';
import { openWorkingCopy } from '../src/repository/working-copy.ts';
import { computeNewApp } from '../src/scaffold/compute-new-app.ts';
import { generateExamples } from '../src/scaffold/examples.ts';
import { newAppRequest } from '../src/scaffold/new-app-request.ts';
import { runRegenerate } from '../src/scaffold/regenerate.ts';
import { UNSEEN_TEAMS } from '../src/scaffold/team-directory.ts';
import type { Figures } from './main.ts';

const RUNS = 5;
const NOW = new Date('2026-11-21T09:00:00Z');

/** A web app, a worker on SQS, three cron jobs and two secrets: what the charts of others need 71 to 119 lines for. */
const FORM = {
  name: 'one-more',
  team: 'shop',
  source: 'acme/one-more',
  kind: 'mixed',
  spec: 'web host=shop scale=2-10; worker queue=shop scale=1-20; cron daily "0 3 * * *" run="rake daily"; cron weekly "0 4 * * 1" run="rake weekly"; cron tidy "*/10 * * * *" run="rake tidy"; secrets DATABASE_URL API_KEY',
};

/** The example's GitOps repository with this many apps, generated files not yet made. */
async function writeApps(folder: string, apps: number): Promise<void> {
  const write = async (file: string, text: string) => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  };
  for (const [file, text] of await generateExamples()) {
    if (text !== null && !file.startsWith('apps/')) await write(file, text);
  }
  for (let index = 0; index < apps; index += 1) {
    const name = `app-${index}`;
    await write(
      `apps/${name}/app.yaml`,
      `app: { team: team-${index % 16}, sources: [acme/${name}], kind: web }\n`,
    );
  }
}

async function medianMs(work: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.slice(1).sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
}

/** `valuesLines` counts lines of values without the comment that names the schema. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({ args: [...args], options: { apps: { type: 'string', default: '1000' } } });
  const apps = Number(values.apps);
  if (!Number.isInteger(apps) || apps < 1) throw couldNot(`--apps ${values.apps} is not a number of apps`);
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-bench-scaffold-'));
  try {
    await writeApps(folder, apps);
    const deps = { repository: await openWorkingCopy(folder), suite: await openSuite(), version: '1.0.0' };
    await runRegenerate({ check: false }, deps);
    const regenerateMs = await medianMs(async () => {
      const { drift, apps: seen } = await runRegenerate({ check: true }, deps);
      if (drift.length > 0 || seen !== apps)
        throw couldNot(`${drift.length} files differ, ${seen} apps seen`);
    });
    let lines = 0;
    const newAppMs = await medianMs(async () => {
      const asking = { person: undefined, run: undefined };
      const { edits } = await computeNewApp(deps.repository, newAppRequest(FORM, NOW), asking, UNSEEN_TEAMS);
      const text = edits.get('apps/one-more/values.yaml') ?? '';
      lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    });
    console.log(`${apps} apps, medians of ${RUNS} runs (Node ${process.versions.node})\n`);
    console.log(`regenerate --check      ${(regenerateMs / 1000).toFixed(2).padStart(8)} s      at most 5`);
    console.log(`one new app             ${newAppMs.toFixed(0).padStart(8)} ms     at most 300`);
    console.log(`its values              ${String(lines).padStart(8)} lines  at most 20`);
    console.log(
      '\nThe same app in the charts of others: nixys 71, stakater 74, bjw-s 95, gruntwork 119 lines.\n',
    );
    return {
      regenerate1000Seconds: Number((((regenerateMs / 1000) * 1000) / apps).toFixed(3)),
      newAppMs: Number(newAppMs.toFixed(1)),
      valuesLines: lines,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
