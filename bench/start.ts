/**
 * How long an action takes from being started to the first line of our code, and how big dist/ is.
 *
 * Measured: from the start of the process to its first byte of output. Our actions are started as a runner would, but without
 * inputs: all of their code is loaded, and the first thing it does is to say what is missing. Nothing in them knows of the
 * measurement. Beside them, bundled in the same way: a script that only prints, and one that loads only @actions/core.
 *
 * All are started in turn, many times over (`--runs N`), and medians compared, so that a busy moment hits all alike.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle, suiteEntries } from '../scripts/bundle.ts';
import { couldNot } from '../src/report/failure.ts';
import type { Figures } from './main.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Milliseconds from the start of `node SCRIPT` to its first output. */
function timeToFirstOutput(script: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let first: number | undefined;
    // Nothing of this shell: a variable of GitHub's or of Node's would change what is measured.
    const child = spawn(process.execPath, [script], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stdout.on('data', () => {
      first ??= performance.now() - start;
    });
    child.stderr.on('data', (text) => {
      errors += String(text);
    });
    child.on('error', reject);
    child.on('close', () => {
      if (first === undefined) reject(couldNot(`${script} printed nothing; its errors: ${errors}`));
      else resolve(first);
    });
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}

async function measure(scripts: ReadonlyMap<string, string>, runs: number): Promise<Map<string, number[]>> {
  const times = new Map([...scripts.keys()].map((name): [string, number[]] => [name, []]));
  // The first round only warms the disk's cache.
  for (let run = 0; run <= runs; run += 1) {
    for (const [name, script] of scripts) {
      const time = await timeToFirstOutput(script);
      if (run > 0) times.get(name)?.push(time);
    }
  }
  return times;
}

/** Bundles what is compared. The two scripts lie inside the repository's reach, so that @actions/core is ours. */
async function build(folder: string): Promise<{ scripts: Map<string, string>; distBytes: number }> {
  const actions = globSync('actions/*/main.ts', { cwd: root }).sort();
  const dist = await bundle(suiteEntries(actions), root, join(folder, 'dist'));
  const core = `import * as core from ${JSON.stringify(join(root, 'node_modules/@actions/core/lib/core.js'))};\n`;
  await writeFile(join(folder, 'empty.ts'), `console.log('started');\n`);
  await writeFile(join(folder, 'core.ts'), `${core}core.info('started');\n`);
  for (const name of ['empty', 'core']) {
    await bundle({ [name]: join(folder, `${name}.ts`) }, root, join(folder, name));
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const scripts = new Map([
    ['empty script', join(folder, 'empty/empty.js')],
    ['only @actions/core', join(folder, 'core/core.js')],
  ]);
  for (const action of actions.map((file) => basename(dirname(file)))) {
    scripts.set(action, join(folder, `dist/${action}.js`));
  }
  return { scripts, distBytes: dist.bytes };
}

/** `ratioToActionsCore` is that of the slowest action. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({ args: [...args], options: { runs: { type: 'string', default: '40' } } });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw couldNot(`--runs ${values.runs} is not a number of runs`);
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-bench-start-'));
  try {
    const { scripts, distBytes } = await build(folder);
    const times = await measure(scripts, runs);
    const medianOf = (name: string): number => median(times.get(name) ?? []);
    const core = medianOf('only @actions/core');
    const figure = (value: number, digits = 1): string => value.toFixed(digits).padStart(10);
    console.log(`start to first output, ${runs} runs each, in turn (Node ${process.versions.node})\n`);
    console.log(
      `${''.padEnd(24)}${'median ms'.padStart(10)}${'fastest'.padStart(10)}${'to core'.padStart(10)}`,
    );
    for (const [name, all] of times) {
      const row = figure(medianOf(name)) + figure(Math.min(...all)) + figure(medianOf(name) / core, 2);
      console.log(`${name.padEnd(24)}${row}`);
    }
    console.log(`\ndist/: ${(distBytes / 1024).toFixed(0)} KiB, all actions, the command, and licences\n`);
    const actions = [...scripts.keys()].slice(2);
    const slowest = Math.max(...actions.map(medianOf));
    return {
      ratioToActionsCore: Number((slowest / core).toFixed(3)),
      emptyMs: Number(medianOf('empty script').toFixed(1)),
      actionsCoreMs: Number(core.toFixed(1)),
      slowestActionMs: Number(slowest.toFixed(1)),
      distKiB: Math.round(distBytes / 1024),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
