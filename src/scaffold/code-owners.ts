import { type AppDefinition, ownerOf } from '../config/app-yaml.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile, layoutOf } from '../config/layout.ts';
import { couldNot } from '../report/failure.ts';

/** Where GitHub looks for the file, in its order; the first that exists counts ("About code owners"). */
export const CODE_OWNERS_FILES = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;

const BEGIN =
  '# >>> kajitori: generated from kajitori.yaml and app.yaml files, do not edit up to the end mark';
const END = '# <<< kajitori';

/** What belongs to the platform team, when kajitori.yaml names it: all that decides for every app. */
const PLATFORM_PATHS = [
  '/kajitori.yaml',
  '/exemptions.yaml',
  '/.github/',
  '/argocd/',
  '/charts/',
  '/defaults/',
  '/platform/',
  '/rules/',
];

/**
 * The generated region of CODEOWNERS, marks included, with a line end after the last.
 *
 * @param apps the apps by name
 */
export function codeOwnersRegion(config: KajitoriConfig, apps: ReadonlyMap<string, AppDefinition>): string {
  const owners = [...apps].flatMap(([app, definition]) => {
    const owner = ownerOf(config, definition);
    return owner === undefined ? [] : [[app, owner] as const];
  });
  return regionOf(config, new Map(owners));
}

const appPath = (config: KajitoriConfig, app: string): string =>
  layoutOf(config).kind === 'standard' ? `/apps/${app}/` : `/${appFile(config, app)}`;

function regionOf(config: KajitoriConfig, owners: ReadonlyMap<string, string>): string {
  const platform = config.teams?.platform;
  const owned = [
    ...(platform === undefined ? [] : PLATFORM_PATHS.map((path) => [path, platform] as const)),
    ...[...owners]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([app, owner]) => [appPath(config, app), owner] as const),
  ];
  const width = Math.max(0, ...owned.map(([path]) => path.length));
  const lines = owned.map(([path, owner]) => `${path.padEnd(width)} ${owner}`);
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/**
 * The region as it will be with one more app, made from what stands in CODEOWNERS: a new app need not read all others.
 *
 * @returns undefined when the region is not there, or is not as we write it: then all apps must be read
 */
export function regionWithApp(
  config: KajitoriConfig,
  existing: string,
  app: string,
  definition: AppDefinition,
): string | undefined {
  const lines = existing.split(/\r?\n/);
  const begin = lines.indexOf(BEGIN);
  const end = lines.indexOf(END);
  const owner = ownerOf(config, definition);
  if (layoutOf(config).kind !== 'standard' || owner === undefined || begin === -1 || end < begin) {
    return undefined;
  }
  const owners = new Map<string, string>();
  for (const line of lines.slice(begin + 1, end)) {
    const [, name, team] = /^\/apps\/([a-z0-9-]+)\/ +(@[\w./-]+)$/.exec(line) ?? [];
    if (name !== undefined && team !== undefined) {
      owners.set(name, team);
    } else if (!PLATFORM_PATHS.some((path) => line.startsWith(`${path} `))) {
      return undefined;
    }
  }
  return regionOf(config, owners.set(app, owner));
}

/**
 * CODEOWNERS with a new region; every other byte stays. Without a region it is added at the end, where it wins,
 * because GitHub takes the last line that matches.
 *
 * @param file for messages
 * @throws Failure (exit 2, `bad-region`) when the marks are damaged: what is ours cannot be told then
 */
export function replaceCodeOwnersRegion(existing: string | undefined, region: string, file: string): string {
  if (existing === undefined || existing === '') {
    return region;
  }
  const newline = existing.includes('\r\n') ? '\r\n' : '\n';
  const text = region.replaceAll('\n', newline);
  const begins = linesThat(existing, (line) => line.startsWith('# >>> kajitori'));
  const ends = linesThat(existing, (line) => line === END);
  const [begin] = begins;
  const [end] = ends;
  if (begin === undefined && end === undefined) {
    const gap = existing.endsWith('\n') ? '' : newline;
    return `${existing}${gap}${newline}${text}`;
  }
  if (
    begin === undefined ||
    end === undefined ||
    begins.length > 1 ||
    ends.length > 1 ||
    end.start < begin.start
  ) {
    throw couldNot('The region of kajitori has lost one of its marks, or has them twice.', {
      at: { file, line: (begin ?? end)?.line ?? 1, column: 1 },
      todo: `Delete what is left of the region, from "# >>> kajitori" to "${END}", and run it again.`,
      reason: 'bad-region',
    });
  }
  return existing.slice(0, begin.start) + text + existing.slice(end.next);
}

interface Line {
  /** Offset of its first character. */
  readonly start: number;
  /** Offset behind its line end. */
  readonly next: number;
  /** Counted from 1. */
  readonly line: number;
}

function linesThat(text: string, matches: (line: string) => boolean): Line[] {
  const found: Line[] = [];
  let start = 0;
  for (const [index, piece] of text.split(/(?<=\n)/).entries()) {
    if (matches(piece.replace(/\r?\n$/, ''))) {
      found.push({ start, next: start + piece.length, line: index + 1 });
    }
    start += piece.length;
  }
  return found;
}
