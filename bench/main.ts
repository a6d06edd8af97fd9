/**
 * `npm run bench -- NAME [OPTION...]`: runs one benchmark.
 *
 * A benchmark is a file bench/<NAME>.ts that exports `run`: it prints a readable table and returns its figures, which are
 * printed here, as the last line, as one line of JSON: `{"bench":"NAME",…}`. It measures us and the peer in one run, since a ratio
 * holds from machine to machine and an absolute time does not.
 */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { couldNot, Failure, formatFailure } from '../src/report/failure.ts';

/** What a benchmark found, by name. Times are in milliseconds and sizes in the unit that the name ends with. */
export type Figures = Readonly<Record<string, number | string | boolean>>;

export interface Benchmark {
  /** `args` is what stands after the benchmark's name. */
  readonly run: (args: readonly string[]) => Promise<Figures>;
}

const benchmarks = (): string[] =>
  globSync('*.ts', { cwd: import.meta.dirname, exclude: ['*.test.ts', 'main.ts'] })
    .map((file) => basename(file, '.ts'))
    .sort();

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || !benchmarks().includes(name)) {
    throw couldNot(name === undefined ? 'no benchmark named' : `there is no benchmark ${name}`, {
      todo: `name one: npm run bench -- ${benchmarks().join('|')}`,
    });
  }
  const { run } = (await import(`./${name}.ts`)) as Benchmark;
  console.log(JSON.stringify({ bench: name, ...(await run(args)) }));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(formatFailure(error));
  process.exitCode = error.exitCode;
}
