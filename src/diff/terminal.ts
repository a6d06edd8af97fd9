import { stripVTControlCharacters } from 'node:util';
import { formatPlace } from '../report/failure.ts';
import { capacityRows } from './capacity-words.ts';
import { changeLines, fateText, HIDDEN_DIFFERS, HOW, titleOf } from './change-words.ts';
import type { Block } from './collapse.ts';
import { headline } from './comment.ts';
import type { DiffLine } from './field-lines.ts';
import { noiseNames } from './noise.ts';
import {
  affectedText,
  blockWords,
  type DiffReport,
  listed,
  placesText,
  plural,
  riskSummaries,
} from './report.ts';
import { RISKS } from './risk.ts';

/** More places of one risk are counted only. */
const MOST_PLACES = 6;

const DETAIL = { lines: 60, newObjects: false };

/** The report for a terminal or a log, without colours: the same order as the comment. */
export function diffText(report: DiffReport): string {
  const { notRendered, notLookedAt, capacity } = report;
  const lines = [
    headline(report),
    '',
    ...notRendered.map(({ application, side, message, at, todo }) => {
      const where = at === undefined ? '' : `${formatPlace(at)}: `;
      return `  ${application}${side === 'before' ? ' (before)' : ''}: ${where}${message}${todo === undefined ? '' : `\n    → ${todo}`}`;
    }),
    ...(notRendered.length > 0 ? [''] : []),
    ...riskSummaries(report)
      .filter(({ level }) => level !== 'low')
      .flatMap(({ code, level, where }) => [
        `${level === 'high' ? '!!' : ' !'} ${RISKS[code].title}: ${RISKS[code].meaning}`,
        ...where
          .slice(0, MOST_PLACES)
          .map(
            ({ block, object, what }) =>
              `     ${object === '' ? '' : `${object} of `}${placesText(block)}${what === '' ? '' : `: ${what}`}`,
          ),
        ...(where.length > MOST_PLACES ? [`     and ${where.length - MOST_PLACES} more`] : []),
        `   → ${RISKS[code].check}`,
      ]),
    affectedText(report),
    ...notLookedAt.map(
      ({ application }) => `Not looked at, since only Argo CD can know what it makes: ${application}`,
    ),
    ...capacityRows(capacity).map(
      ({ clusters, what, cpu, memory }) =>
        `Capacity of ${what} in ${listed(clusters, 6)}${clusters.length > 1 ? ', each' : ''}: CPU ${cpu}, memory ${memory}`,
    ),
    ...report.blocks.flatMap(blockLines),
  ];
  return lines.map((line) => stripVTControlCharacters(line)).join('\n');
}

const SIGNS: Readonly<Record<DiffLine['kind'], string>> = {
  added: '+ ',
  removed: '- ',
  same: '  ',
  place: '',
};

function blockLines(block: Block): readonly string[] {
  const words = blockWords(block);
  return [
    '',
    `== ${placesText(block)}${words === '' ? '' : ` (${words})`}`,
    ...block.changes.flatMap(({ change, isHiddenDifferent }) => {
      const { kind, name, namespace, was } = titleOf(change);
      const { lines, more } = changeLines(change, DETAIL);
      return [
        `${HOW[change.how].sign} ${kind} ${name}${namespace === undefined ? '' : ` in ${namespace}`}${was === undefined ? '' : ` (was ${was})`}${fateText(change) === '' ? '' : ` (${fateText(change)})`}`,
        ...lines.map(({ kind: sign, text }) => `    ${SIGNS[sign]}${text}`),
        ...(isHiddenDifferent ? [`    ${HIDDEN_DIFFERS}`] : []),
        ...(more > 0 ? [`    … ${plural(more, 'more line')}`] : []),
      ];
    }),
    ...(block.noise.length === 0
      ? []
      : [
          `  in ${plural(block.noise.length, 'object')} only what follows a version changed (${listed(noiseNames(block.noise), 4)})`,
        ]),
  ];
}
