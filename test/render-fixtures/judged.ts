import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Answer } from './as-compared.ts';
import { type FixtureAddresses, IN_FIXTURE, readdressed } from './fixture.ts';

const FILE = fileURLToPath(new URL('judged.jsonl', import.meta.url));

type Answers = Readonly<Record<string, Answer>>;

/** Answers without what differs from run to run: addresses, and the commit. */
export function settled<All>(answers: All, addresses: FixtureAddresses, commit: string): All {
  const text = readdressed(JSON.stringify(answers), addresses, IN_FIXTURE);
  return withDigits(
    text
      .replaceAll(commit, 'REVISION')
      .replaceAll(commit.slice(0, 8), 'REVISION-8')
      .replaceAll(commit.slice(0, 7), 'REVISION-7'),
  ) as All;
}

/** JSON, with the text of integers that JavaScript has not. */
export const withDigits = (json: string): unknown =>
  JSON.parse(json, (_, value: unknown, { source = '' }: { source?: string } = {}) =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    !Number.isSafeInteger(value) &&
    /^-?\d+$/.test(source)
      ? source
      : value,
  );

/** Keeps what Argo CD said: one line an object. What it refuses is kept without its words, which hold paths. */
export async function writeJudged(answers: Answers): Promise<void> {
  const lines = Object.entries(answers)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, answer]) => [
      JSON.stringify('error' in answer ? { refused: name } : { application: name }),
      ...('error' in answer ? [] : answer.objects.map((object) => JSON.stringify(object))),
    ]);
  await writeFile(FILE, `${lines.join('\n')}\n`);
}

export async function readJudged(): Promise<Answers> {
  const answers = new Map<string, Answer>();
  let objects: object[] = [];
  for (const line of (await readFile(FILE, 'utf8')).trimEnd().split('\n')) {
    const value = JSON.parse(line) as { application?: string; refused?: string };
    if (value.refused !== undefined) {
      answers.set(value.refused, { error: 'Argo CD refuses it' });
    } else if (value.application !== undefined) {
      objects = [];
      answers.set(value.application, { objects: objects as never });
    } else {
      objects.push(value);
    }
  }
  return Object.fromEntries(answers);
}
