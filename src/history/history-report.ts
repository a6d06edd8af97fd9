import { formatDuration } from '../config/duration.ts';
import { formatImage } from '../release/image-reference.ts';
import { code, codeBlock, link, plain, table } from '../report/markdown.ts';
import { type DeliveryFigures, failureRate, median, restoreTimes, weekly } from './delivery-figures.ts';
import type { History } from './history.ts';
import type { PastRelease } from './past-releases.ts';

const day = (date: Date): string => date.toISOString().slice(0, 10);

const minute = (date: Date): string => date.toISOString().slice(0, 16).replace('T', ' ');

const percent = (rate: number | undefined): string =>
  rate === undefined ? '–' : `${(rate * 100).toFixed(rate > 0 && rate < 0.1 ? 1 : 0)} %`;

const time = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? '–' : formatDuration(milliseconds);

/** The columns that apps and teams share. */
const HEAD = ['deploys', 'lead time', 'failure rate', 'time to restore', 'rollbacks'] as const;

function cells(figures: DeliveryFigures): readonly string[] {
  const open = figures.incidents.filter(({ to }) => to === undefined).length;
  return [
    String(figures.deploys.length),
    time(median(figures.leadTimes)),
    percent(failureRate(figures)),
    `${time(median(restoreTimes(figures)))}${open > 0 ? ` (${open} open)` : ''}`,
    String(figures.rollbacks.length),
  ];
}

const rowsOf = ({ apps, teams, all }: History): readonly (readonly [string, readonly string[]])[] => [
  ...apps.map(({ app, figures }) => [app, cells(figures)] as const),
  ...(teams.length > 1 ? teams.map(({ team, figures }) => [`team ${team}`, cells(figures)] as const) : []),
  ...(apps.length > 1 ? [['all', cells(all)] as const] : []),
];

/** For a terminal. */
export function historyText(history: History): string {
  const head = ['', ...HEAD];
  const rows = rowsOf(history).map(([name, figures]) => [name, ...figures]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const [only, ...others] = history.apps;
  return [
    `${history.environment}, ${day(history.since)} to ${day(history.now)} (median times)`,
    ...(rows.length === 0 ? ['No deploys'] : [line(head), ...rows.map(line)]),
    ...(only !== undefined && others.length === 0
      ? ['', ...only.past.releases.map((release) => releaseLine(release))]
      : []),
    ...history.notes,
  ].join('\n');
}

const images = ({ release }: PastRelease): string =>
  [...release.images.values()]
    .map(({ name, image }) => `${name === '' ? '' : `${name}=`}${formatImage(image).replace(/^.*\//, '')}`)
    .join(' ')
    .replaceAll(/@sha256:([a-f\d]{12})[a-f\d]{52}/g, '@$1');

const releaseLine = (past: PastRelease): string =>
  `${minute(past.at)}  ${past.commit.slice(0, 8)}  ${past.action.padEnd(8)}  ${past.verdict.padEnd(7)}  ${images(past)}  ${past.by}${past.reason === undefined ? '' : `: ${past.reason}`}`;

/** For a job summary, with a picture that GitHub draws. */
export function historyMarkdown(history: History): string {
  const [only, ...others] = history.apps;
  return [
    `### Deploys to ${plain(history.environment)}, ${day(history.since)} to ${day(history.now)}`,
    ...(history.apps.length === 0
      ? ['No deploys.']
      : [
          table(
            ['', ...HEAD],
            rowsOf(history).map(([name, figures]) => [code(name), ...figures.map(plain)]),
          ),
          'Lead time: from the source commit until every cluster was healthy. Failed: a cluster failed, or it was rolled back. Times are medians.',
          picture(history),
        ]),
    ...(only !== undefined && others.length === 0
      ? [
          table(
            ['when', 'commit', 'what', 'verdict', 'image', 'who'],
            only.past.releases.map((past) => [
              minute(past.at),
              past.url === undefined
                ? code(past.commit.slice(0, 8))
                : link(code(past.commit.slice(0, 8)), past.url),
              past.action,
              past.verdict,
              code(images(past)),
              plain(`${past.by}${past.reason === undefined ? '' : `: ${past.reason}`}`),
            ]),
          ),
        ]
      : []),
    ...history.notes.map(plain),
  ].join('\n\n');
}

/**
 * Deploys a week as a bar chart, the failed ones as a line. Mermaid, because a job summary draws that and takes out SVG
 * (GitHub docs: "Creating diagrams"). Nothing that people write is in it.
 */
function picture({ all, since, now }: History): string {
  const weeks = weekly(all, since, now);
  const most = Math.max(1, ...weeks.map(({ deploys }) => deploys));
  return codeBlock(
    [
      'xychart-beta',
      '  title "Deploys a week (bars) and failed ones (line)"',
      `  x-axis [${weeks.map(({ from }) => `"${day(from).slice(5)}"`).join(', ')}]`,
      `  y-axis "deploys" 0 --> ${most}`,
      `  bar [${weeks.map(({ deploys }) => deploys).join(', ')}]`,
      `  line [${weeks.map(({ failed }) => failed).join(', ')}]`,
    ].join('\n'),
    'mermaid',
  );
}

const figuresJson = (figures: DeliveryFigures): object => ({
  deploys: figures.deploys.length,
  rollbacks: figures.rollbacks.length,
  leadTimeSeconds: seconds(median(figures.leadTimes)),
  failureRate: failureRate(figures),
  failed: figures.failed.length,
  unjudged: figures.unjudged.length,
  timeToRestoreSeconds: seconds(median(restoreTimes(figures))),
  openIncidents: figures.incidents.filter(({ to }) => to === undefined).length,
});

const seconds = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined ? undefined : Math.round(milliseconds / 1000);

/** For machines (`--json`); times in seconds, rates from 0 to 1. */
export const historyJson = (history: History): object => ({
  environment: history.environment,
  since: history.since,
  until: history.now,
  all: figuresJson(history.all),
  teams: history.teams.map(({ team, figures }) => ({ team, ...figuresJson(figures) })),
  apps: history.apps.map(({ app, team, figures, past }) => ({
    app,
    team,
    ...figuresJson(figures),
    releases: past.releases.map(({ release, ...rest }) => ({
      ...rest,
      images: [...release.images.values()].map(({ name, image, build }) => ({
        name: name === '' ? undefined : name,
        image: formatImage(image),
        source: build?.source,
        build: build?.build,
      })),
    })),
  })),
  notes: history.notes,
});
