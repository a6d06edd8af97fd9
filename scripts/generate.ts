/**
 * Writes what is made from other files of this repository, so that nobody keeps two places equal by hand:
 *
 *     npm run generate              tables in actions/<name>/README.md and charts/app/README.md, schemas/*.json
 *     npm run generate -- --check   changes nothing; names the files that differ and fails
 *     npm run examples              examples/gitops, as the commands make it (a test keeps it equal)
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonSchemas } from '../src/config/json-schema.ts';
import { couldNot, Failure, formatFailure } from '../src/report/failure.ts';
import { readmeWithTables } from './action-tables.ts';
import { readmeWithValues } from './values-tables.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Every generated file and what it should hold, by path from the root. */
function generated(): Map<string, string> {
  const files = new Map<string, string>();
  for (const [file, schema] of Object.entries(jsonSchemas())) {
    files.set(join('schemas', file), `${JSON.stringify(schema, undefined, 2)}\n`);
  }
  for (const action of globSync('actions/*/action.yml', { cwd: root }).sort()) {
    const folder = dirname(action);
    const readme = join(folder, 'README.md');
    const before = existsSync(join(root, readme)) ? readFileSync(join(root, readme), 'utf8') : undefined;
    const text = readFileSync(join(root, action), 'utf8');
    files.set(
      readme,
      readmeWithTables({ name: basename(folder), action: { path: action, text }, readme: before }),
    );
  }
  const chart = (file: string): string => readFileSync(join(root, 'charts/app', file), 'utf8');
  files.set(
    join('charts/app', 'README.md'),
    readmeWithValues({
      schema: chart('values.schema.json'),
      values: chart('values.yaml'),
      readme: chart('README.md'),
    }),
  );
  return files;
}

/** The generated files of this working copy that are not what they should be. */
function outOfDate(): string[] {
  return [...generated()]
    .filter(
      ([file, text]) => !existsSync(join(root, file)) || readFileSync(join(root, file), 'utf8') !== text,
    )
    .map(([file]) => file);
}

async function generateAll(): Promise<number> {
  const files = generated();
  for (const file of outOfDate()) {
    await mkdir(join(root, dirname(file)), { recursive: true });
    await writeFile(join(root, file), files.get(file) ?? '');
    console.log(`wrote ${file}`);
  }
  return 0;
}

function check(): number {
  const files = outOfDate();
  for (const file of files) console.error(`${file}: not as generated`);
  if (files.length > 0) console.error('  → run: npm run generate');
  return files.length === 0 ? 0 : 1;
}

/** The folder is wholly ours: what is not generated any more goes. A test keeps it equal (src/scaffold/examples.test.ts). */
async function examples(): Promise<number> {
  // Loaded only here: it brings half of the product, and the tables need none of it.
  const { generateExamples } = await import('../src/scaffold/examples.ts');
  const files = await generateExamples();
  const folder = join(root, 'examples/gitops');
  await rm(folder, { recursive: true, force: true });
  for (const [file, text] of files) {
    if (text === null) continue;
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  console.log(`wrote ${files.size} files in examples/gitops`);
  return 0;
}

async function main(argument: string | undefined): Promise<number> {
  if (argument === undefined) return generateAll();
  if (argument === '--check') return check();
  if (argument === 'examples') return examples();
  throw couldNot(`unknown argument: ${argument}`, { todo: 'write nothing, --check or examples' });
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(formatFailure(error));
  process.exitCode = error.exitCode;
}
