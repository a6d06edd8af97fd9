import { stripVTControlCharacters, styleText } from 'node:util';
import type { Check } from './check.ts';
import type { DoctorReport } from './doctor.ts';

const WORDS: Record<Check['status'], string> = {
  ok: 'ok',
  warn: 'warning',
  fail: 'FAIL',
  'not-checked': 'not checked',
};

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red', 'not-checked': 'magenta' } as const;

const WIDTH = Math.max(...Object.values(WORDS).map((word) => word.length));

/**
 * The report as a table for a terminal: one line a check, and below it what to do.
 *
 * @param colour whether the terminal shows colours
 */
export function formatDoctorReport({ checks }: DoctorReport, colour: boolean): string {
  const lines = checks.flatMap(({ status, what, todo }) => {
    const word = WORDS[status].padEnd(WIDTH);
    const shown = colour ? styleText(COLOURS[status], word, { validateStream: false }) : word;
    const indent = ' '.repeat(WIDTH + 2);
    return [
      `${shown}  ${oneBlock(what, indent)}`,
      ...(todo === undefined ? [] : [`${indent}→ ${oneBlock(todo, `${indent}  `)}`]),
    ];
  });
  return [...lines, '', `${summary(checks)}.`].join('\n');
}

/** Texts may quote files and answers of others: no control characters, further lines indented. */
const oneBlock = (text: string, indent: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/[^\P{Cc}\n]/gu, '')
    .replaceAll('\n', `\n${indent}`);

function summary(checks: readonly Check[]): string {
  const count = (status: Check['status']): number => checks.filter((check) => check.status === status).length;
  const counts = (Object.keys(WORDS) as Check['status'][])
    .filter((status) => status === 'ok' || count(status) > 0)
    .map((status) => `${count(status)} ${WORDS[status]}`);
  return counts.join(', ');
}

/** The report for machines. */
export const doctorJson = ({ checks, exitCode }: DoctorReport): object => ({
  ok: exitCode === 0,
  checks,
});
