import { formatPlace } from '../report/failure.ts';
import { code, codeBlock, plain, table } from '../report/markdown.ts';
import { capacityRows, containersWithoutRequests } from './capacity-words.ts';
import { changeLines, HIDDEN_DIFFERS, HOW, titleOf } from './change-words.ts';
import type { Block, RankedChange } from './collapse.ts';
import type { ObjectChange } from './compare.ts';
import type { DiffLine } from './field-lines.ts';
import { noiseNames, restartsPods } from './noise.ts';
import {
  affectedText,
  blockWords,
  countText,
  type DiffReport,
  isEmptyReport,
  listed,
  placesText,
  plural,
  type RiskSummary,
  riskSummaries,
} from './report.ts';
import { RISKS, type RiskLevel } from './risk.ts';

/**
 * A comment holds 65,536 characters, also for an API that counts bytes of what is stored (GitHub says "body is too long"); this
 * leaves room for a marker and for signs outside the basic plane.
 */
const PAGE = 60_000;

/** More pages than this nobody reads; the rest is in the HTML page. */
const MOST_PAGES = 4;

/** Lines of one object in a comment: the definition of a kind changes in thousands. */
const LINES = 60;
const DEFINITION_LINES = 20;

const ICONS: Readonly<Record<RiskLevel, string>> = { high: '🔴', medium: '🟠', low: '🔵' };

/** What stands beside a report when it is published. */
export interface Publication {
  /** Where the HTML page can be found, in Markdown; undefined where there is none. */
  readonly page?: string;
}

/** The report as Markdown: pages of a comment, each short enough for GitHub. */
export function diffComment(report: DiffReport, publication: Publication = {}): readonly string[] {
  const head = [
    ...headSections(report),
    ...(publication.page === undefined ? [] : [`${publication.page}`]),
  ].join('\n\n');
  const sections = report.blocks.flatMap(blockSections);
  const all = [cutTo(head, PAGE)];
  let shown = 0;
  for (const section of sections) {
    const page = all.at(-1) ?? '';
    if (page.length + section.length + 2 <= PAGE) all[all.length - 1] = `${page}\n\n${section}`;
    else if (all.length < MOST_PAGES) all.push(section);
    else break;
    shown += 1;
  }
  const left = sections.length - shown;
  return all.map((text, index) => {
    const isLast = index === all.length - 1;
    const rest =
      isLast && left > 0
        ? `\n\n**This is not all**: ${plural(left, 'more change')} did not fit, the least risky ones; see the HTML page${publication.page === undefined ? ' that this run wrote' : ''}.`
        : '';
    const title =
      index === 0 ? '' : `### What changes in the clusters, page ${index + 1} of ${all.length}\n\n`;
    return `${title}${text}${rest}`;
  });
}

/** The report for a job's summary, which holds 1 MiB: all of it on one page, or its first pages. */
export const diffSummary = (report: DiffReport, publication: Publication = {}): string =>
  diffComment(report, publication).join('\n\n');

function headSections(report: DiffReport): readonly string[] {
  const { base, head } = report;
  const between = `<sub>From ${code(base.slice(0, 12))} to ${code(head.slice(0, 12))}, as Argo CD would apply it. Values of Secrets are never shown.</sub>`;
  if (isEmptyReport(report)) {
    return [`## ${headline(report)}`, affectedText(report), ...notLookedAtSection(report), between];
  }
  return [
    `## ${headline(report)}`,
    ...notRenderedSection(report),
    ...adviceSection(report),
    affectedText(report),
    ...notLookedAtSection(report),
    ...capacitySection(report),
    between,
  ];
}

/** The first thing that a reader must know. */
export function headline(report: DiffReport): string {
  if (report.notRendered.length > 0) {
    const failed = new Set(report.notRendered.map(({ application }) => application)).size;
    return `Not checked: ${plural(failed, 'application')} could not be rendered`;
  }
  if (isEmptyReport(report)) return 'Nothing changes in the clusters';
  const [worst] = riskSummaries(report);
  if (worst?.level === 'high') return 'Look twice before merging';
  if (report.blocks.every(({ changes, how }) => changes.length === 0 && how === 'changed')) {
    return 'Only versions in labels change in the clusters';
  }
  return worst?.level === 'medium'
    ? 'What changes in the clusters'
    : 'What changes in the clusters: nothing risky found';
}

/** More failures than this have one cause. */
const MOST_FAILURES = 20;

function notRenderedSection({ notRendered }: DiffReport): readonly string[] {
  if (notRendered.length === 0) return [];
  const rows = notRendered.slice(0, MOST_FAILURES).map(({ application, side, at, message, todo }) => {
    const where = at === undefined ? '' : `${code(formatPlace(at))}: `;
    const version = side === 'before' ? ' (as it is now, before this pull request)' : '';
    const next = todo === undefined ? '' : ` → ${plain(todo)}`;
    return `- ${code(application)}${version}: ${where}${plain(shortened(message))}${next}`;
  });
  const more = notRendered.length - rows.length;
  return [
    `**What these applications would change is not known.** Mend them first:`,
    [...rows, ...(more > 0 ? [`- and ${countText(more)} more`] : [])].join('\n'),
  ];
}

function notLookedAtSection({ notLookedAt }: DiffReport): readonly string[] {
  if (notLookedAt.length === 0) return [];
  const names = notLookedAt.slice(0, MOST_FAILURES).map(({ application }) => code(application));
  const more = notLookedAt.length - names.length;
  return [
    `**Not looked at**, since only Argo CD can know what it makes, and no changed file is its own: ${names.join(', ')}${more > 0 ? ` and ${countText(more)} more` : ''}.`,
  ];
}

/** Words of a tool that may be long, as one point of a list has them. */
export const shortened = (text: string): string => (text.length <= 500 ? text : `${text.slice(0, 500)}…`);

/** Risks that are named one by one; of the low ones the blocks below say enough. */
const MOST_PLACES = 4;

function adviceSection(report: DiffReport): readonly string[] {
  const risks = riskSummaries(report);
  const told = risks.filter(({ level }) => level !== 'low');
  const low = risks.filter(({ level }) => level === 'low');
  if (risks.length === 0) return [];
  const also =
    low.length === 0
      ? []
      : [`Also, with little risk: ${low.map(({ code: risk }) => inSentence(RISKS[risk].title)).join(', ')}.`];
  if (told.length === 0) return also;
  return [['**Before you merge**', '', ...told.map(adviceItem)].join('\n'), ...also];
}

/** `Fewer pods` in the middle of a sentence. */
const inSentence = (title: string): string => title.charAt(0).toLowerCase() + title.slice(1);

function adviceItem({ code: risk, level, where }: RiskSummary): string {
  const { title, meaning, check } = RISKS[risk];
  const places = where.slice(0, MOST_PLACES).map(({ block, object, what }) => {
    const name = object === '' ? '' : `${code(object)} of `;
    return `  - ${name}${plain(placesText(block))}${what === '' ? '' : `: ${plain(shortened(what))}`}`;
  });
  const more = where.length - places.length;
  return [
    `- ${ICONS[level]} **${title}.** ${meaning} *${check}*`,
    ...places,
    ...(more > 0 ? [`  - and ${countText(more)} more below`] : []),
  ].join('\n');
}

function capacitySection({ capacity }: DiffReport): readonly string[] {
  const rows = capacityRows(capacity);
  if (rows.length === 0) return [];
  const unknown = containersWithoutRequests(capacity);
  const note =
    unknown === 0
      ? ''
      : ` ${plural(unknown, 'container')} without requests ${unknown === 1 ? 'is' : 'are'} not counted.`;
  return [
    `**Capacity** that the affected applications reserve (requests × replicas; a range where they scale by themselves).${note}`,
    table(
      ['cluster', 'of', 'CPU', 'memory'],
      rows.map(({ clusters, what, cpu, memory }) => [
        `${plain(listed(clusters, 6))}${clusters.length > 1 ? ', each' : ''}`,
        what,
        cpu,
        memory,
      ]),
    ),
  ];
}

/** A block as sections that may stand on different pages. */
function blockSections(block: Block): readonly string[] {
  const words = blockWords(block);
  const title = `### ${plain(placesText(block))}${words === '' ? '' : ` — ${words}`}`;
  const sections = block.changes.flatMap((ranked) => changeSection(ranked));
  const lines = objectLines(block);
  const [first, ...rest] = sections;
  const opening = [title, ...lines];
  if (block.noise.length > 0) rest.push(noiseLine(block.noise));
  return first === undefined
    ? [cutTo([...opening, ...rest].join('\n\n'), PAGE)]
    : [[...opening, first].join('\n\n'), ...rest];
}

/** What becomes of an object that is removed, in one word. */
const fateOf = ({ risks }: RankedChange): string =>
  risks.find(({ code: risk }) => ['left-behind', 'handed-over', 'taken-over'].includes(risk))?.code ??
  'deleted';

/** What is added and deleted without more to show about it: one line for all. */
function objectLines({ changes }: Block): readonly string[] {
  const bare = changes.filter(isBare);
  const removed = (...fates: readonly string[]) =>
    bare.filter((ranked) => ranked.change.how === 'removed' && fates.includes(fateOf(ranked)));
  const lines = [
    ['Added', bare.filter(({ change }) => change.how === 'added')],
    ['Deleted', removed('deleted')],
    ['No longer managed', removed('left-behind')],
    ['Goes to another application', removed('handed-over', 'taken-over')],
  ] as const;
  return lines.flatMap(([word, ranked]) => {
    if (ranked.length === 0) return [];
    const names = ranked.slice(0, MOST_NAMES).map(({ change }) => objectTitle(change));
    const more = ranked.length > names.length ? ` and ${countText(ranked.length - names.length)} more` : '';
    return [`**${word}**: ${names.join(', ')}${more}`];
  });
}

const MOST_NAMES = 40;

const detailOf = (change: ObjectChange) => ({
  lines: (change.after ?? change.before).kind === 'CustomResourceDefinition' ? DEFINITION_LINES : LINES,
  newObjects: false,
});

const isBare = ({ change }: RankedChange): boolean =>
  (change.how === 'added' || change.how === 'removed') &&
  changeLines(change, detailOf(change)).lines.length === 0;

const objectTitle = (change: ObjectChange): string => {
  const { kind, name } = titleOf(change);
  return code(`${kind}/${name}`);
};

function changeSection(ranked: RankedChange): readonly string[] {
  if (isBare(ranked)) return [];
  const { change, risks } = ranked;
  const { kind, name, namespace, was } = titleOf(change);
  const { lines, more } = changeLines(change, detailOf(change));
  const where = namespace === undefined ? '' : ` in ${plain(namespace)}`;
  const renamed = was === undefined ? '' : ` (was ${plain(was)})`;
  const icons = [...new Set(risks.map(({ code: risk }) => ICONS[RISKS[risk].level]))].slice(0, 1).join('');
  const titles = risks.map(({ code: risk }) => RISKS[risk].title).slice(0, 4);
  const said = titles.length === 0 ? '' : ` — ${titles.join(', ')}`;
  const restart = restartsPods(change) ? ' · pods restart' : '';
  const summary = `${icons === '' ? '' : `${icons} `}${HOW[change.how].sign} <b>${plain(kind)} ${plain(name)}</b>${where}${renamed}${said}${restart}`;
  const rest = more === 0 ? '' : `\n\n${plural(more, 'more line')} in the HTML page.`;
  const body = lines.length === 0 ? 'Only its name changes.' : codeBlock(linesText(lines), 'diff');
  const differs = ranked.isHiddenDifferent ? `\n\n${HIDDEN_DIFFERS}` : '';
  const open = risks.some(({ code: risk }) => RISKS[risk].level === 'high') ? ' open' : '';
  return [`<details${open}><summary>${summary}</summary>\n\n${body}${rest}${differs}\n\n</details>`];
}

const SIGNS: Readonly<Record<DiffLine['kind'], string>> = {
  added: '+ ',
  removed: '- ',
  same: '  ',
  place: '@@ ',
};

const linesText = (lines: readonly DiffLine[]): string =>
  lines.map(({ kind, text }) => `${SIGNS[kind]}${text}${kind === 'place' ? ' @@' : ''}`).join('\n');

function noiseLine(noise: readonly ObjectChange[]): string {
  const restarting = noise.filter(restartsPods).length;
  const restart =
    restarting === 0
      ? ''
      : noise.length === 1
        ? ' Its pods restart.'
        : ` The pods of ${restarting} of them restart.`;
  return `In ${plural(noise.length, 'object')} only what follows a version changed (${listed(
    noiseNames(noise),
    4,
  )
    .split(/, | and /)
    .map(code)
    .join(', ')}).${restart}`;
}

/** Cuts a text that would not fit on a page: a hostile name can be long. */
const cutTo = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 100)}\n\n… cut: see the HTML page.`;
