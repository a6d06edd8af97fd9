import { code, plain, table } from '../report/markdown.ts';
import type { BuildOutputs } from './build.ts';

const OUTCOMES = {
  built: 'Built',
  retagged: 'Not built: the same content was built before, and got this commit as a tag',
  existed: 'Not built: this commit was built before',
} as const;

/** The first line of the report. */
const headline = ({ outcome, digest, seconds }: BuildOutputs): string =>
  `${outcome === undefined ? 'Nothing like it was built before' : OUTCOMES[outcome]}${digest === undefined ? '' : `: ${digest}`} (${seconds} s)`;

/** For a log or a terminal. */
export function buildText(outputs: BuildOutputs): string {
  return [
    headline(outputs),
    ...outputs.images.map((image) => `  ${image}`),
    ...details(outputs).map((each) => `  ${each}`),
    ...outputs.notes.map((note) => `  note: ${note}`),
  ].join('\n');
}

/**
 * The job summary.
 *
 * @param assets what became of them, as sentences
 * @param name which of several images it is
 */
export function buildSummary(outputs: BuildOutputs, assets: readonly string[] = [], name?: string): string {
  return [
    `### ${name === undefined ? '' : `${plain(name)}: `}${plain(headline(outputs))}`,
    ...(outputs.images.length === 0
      ? []
      : [
          table(
            ['image'],
            outputs.images.map((image) => [code(image)]),
          ),
        ]),
    [...details(outputs), ...assets, ...outputs.notes].map((each) => `- ${plain(each)}`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

/** For `--json`. */
export const buildJson = (outputs: BuildOutputs): object => ({
  ...outputs,
  outcome: outputs.outcome ?? null,
  digest: outputs.digest ?? null,
});

const details = ({ steps, cached, bytes, bytesBefore }: BuildOutputs): readonly string[] => [
  ...(steps === 0 ? [] : [`${cached} of ${steps} steps from the cache`]),
  ...(bytes === undefined ? [] : [`${megabytes(bytes)} compressed${difference(bytes, bytesBefore)}`]),
];

const megabytes = (bytes: number): string =>
  bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

function difference(bytes: number, before: number | undefined): string {
  if (before === undefined) return '';
  if (before === bytes) return ', as before';
  return `, ${megabytes(before)} before (${bytes > before ? '+' : '−'}${megabytes(Math.abs(bytes - before))})`;
}
