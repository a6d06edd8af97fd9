import { parseAppName } from '../config/app-name.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { imagePath, releaseFiles } from '../config/layout.ts';
import { expandPattern, patternMistake } from '../config/path-pattern.ts';
import { isInRegistries } from '../release/image-reference.ts';
import { readImage } from '../release/image-value.ts';
import { Failure } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import { formatPath, type YamlPath } from '../yaml/path.ts';

/** What is known of an application that Argo CD makes with helm from values files of the repository. */
export interface ValuesPlace {
  /** Its name in Argo CD. */
  readonly application: string;
  readonly environment: string;
  readonly cluster: string;
  /** Its values files that are there, relative to the repository; later ones win. */
  readonly files: readonly string[];
  /** The names of helm parameters that its manifest sets: they win over all files. */
  readonly parameters: readonly string[];
  /** Files of its values, written by Argo CD Image Updater: they win too. */
  readonly overrides: readonly string[];
}

/** The contents of values files, by path. */
export type ValuesTexts = ReadonlyMap<string, unknown>;

/** `apps.release` and `apps.image` of kajitori.yaml. */
export interface ReleasePattern {
  readonly release: string;
  readonly image: string;
}

/** An app that the pattern finds, in these environments. */
export interface FoundApp {
  readonly app: string;
  readonly environments: readonly string[];
  readonly applications: readonly string[];
}

/** An application that a pattern does not lead to. */
export interface LeftApplication {
  readonly application: string;
  readonly why: string;
}

/** What a pattern is good for. */
export interface PatternProof {
  readonly apps: readonly FoundApp[];
  readonly left: readonly LeftApplication[];
}

/** An image deeper than this is not where a chart has the image of its app. */
const DEEPEST = 6;

/**
 * The pattern and path that lead to the images of the most apps, guessed from the applications as they are.
 *
 * @param withPattern kajitori.yaml, as it would be with a pattern; undefined where it refuses the pattern
 * @returns undefined when no values file of an app holds an image. A pattern that leads to no app (`proveReleasePattern`) is the nearest
 * to one, so that its proof can say why.
 */
export function guessReleasePattern(
  places: readonly ValuesPlace[],
  texts: ValuesTexts,
  registries: readonly string[],
  withPattern: (pattern: ReleasePattern) => KajitoriConfig | undefined,
): ReleasePattern | undefined {
  const candidates = new Map<string, ReleasePattern>();
  for (const place of places) {
    for (const file of place.files) {
      const images = imagePaths(texts.get(file), registries);
      for (const release of images.length === 0 ? [] : generalized(file, place)) {
        for (const image of images) candidates.set(`${release} ${image}`, { release, image });
      }
    }
  }
  const ranked = [...candidates.values()]
    .flatMap((pattern) => {
      const config = withPattern(pattern);
      if (config === undefined) return [];
      const { apps } = proveReleasePattern(config, places, texts);
      const reached = apps.flatMap(({ applications }) => applications).length;
      const named = places.filter((place) => appOf(place, pattern.release) !== undefined).length;
      return [{ pattern, reached, named }];
    })
    // Of two paths that lead to as many images, the one nearer to the root is the app's own.
    .toSorted(
      (a, b) =>
        b.reached - a.reached ||
        b.named - a.named ||
        a.pattern.image.length - b.pattern.image.length ||
        (a.pattern.release < b.pattern.release ? -1 : 1),
    );
  return ranked[0]?.pattern;
}

/**
 * Which apps the pattern in `config` really reaches: for each of their environments every release file is there, holds an image, and is
 * what decides which image runs in each of its clusters.
 */
export function proveReleasePattern(
  config: KajitoriConfig,
  places: readonly ValuesPlace[],
  texts: ValuesTexts,
): PatternProof {
  const pattern = config.apps?.release ?? '';
  const left: LeftApplication[] = [];
  const byApp = new Map<string, ValuesPlace[]>();
  for (const place of places) {
    const app = appOf(place, pattern);
    if (app === undefined) {
      const hasImage = place.files.some((file) => imagePaths(texts.get(file), config.registries).length > 0);
      const why = hasImage
        ? `none of its values files is like ${pattern}`
        : 'no image of your registries is in its values files';
      left.push({ application: place.application, why });
    } else {
      byApp.set(app, [...(byApp.get(app) ?? []), place]);
    }
  }
  const apps: FoundApp[] = [];
  for (const [app, all] of byApp) {
    const why = firstOf(all, (place) => whyNotReached(config, app, place, texts));
    const applications = all.map(({ application }) => application);
    if (why === undefined) {
      const environments = new Set(all.map(({ environment }) => environment));
      apps.push({ app, environments: [...environments], applications });
    } else {
      left.push(...applications.map((application) => ({ application, why })));
    }
  }
  return { apps, left };
}

function firstOf<Item, Found>(
  items: readonly Item[],
  find: (item: Item) => Found | undefined,
): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why a bump of this app would not change what runs there, or would fail; undefined where it does. */
function whyNotReached(
  config: KajitoriConfig,
  app: string,
  place: ValuesPlace,
  texts: ValuesTexts,
): string | undefined {
  const path = imagePath(config);
  const release = releaseFiles(config, app, place.environment);
  const missing = release.find((file) => !holdsImage(valueAt(texts.get(file), path)));
  if (missing !== undefined) {
    return `${missing} would be written too, and has no image at ${formatPath(path)}`;
  }
  const deciding = place.files.findLast((file) => valueAt(texts.get(file), path) !== undefined);
  if (deciding === undefined || !release.includes(deciding)) {
    return `its image is decided by ${deciding ?? 'another file'}, which is not like ${config.apps?.release}`;
  }
  if (place.overrides[0] !== undefined) {
    return `${place.overrides[0]} (Argo CD Image Updater) wins over its values files`;
  }
  const parameter = place.parameters.find((name) => name.split('.')[0] === path[0]);
  return parameter === undefined
    ? undefined
    : `the parameter ${parameter} of its manifest wins over its values files`;
}

/** The app whose release file is among an application's values files. */
function appOf(place: ValuesPlace, pattern: string): string | undefined {
  const { environment, cluster } = place;
  return namesOf(place).find((app) =>
    place.files.includes(expandPattern(pattern, { app, environment, cluster })),
  );
}

/** What the app may be called: the application's name without its cluster or environment, and the folders of its files. */
function namesOf({ application, environment, cluster, files }: ValuesPlace): string[] {
  const without = [cluster, environment, ''].flatMap((part) => {
    if (part === '') return [application];
    return [
      ...(application.endsWith(`-${part}`) ? [application.slice(0, -part.length - 1)] : []),
      ...(application.startsWith(`${part}-`) ? [application.slice(part.length + 1)] : []),
    ];
  });
  const folders = files.flatMap((file) => file.split('/').slice(0, -1).toReversed());
  // A folder is only an app's where the application has it in its name: `charts` is none.
  const named = folders.filter((folder) => `-${application}-`.includes(`-${folder}-`));
  return [...new Set([...without, ...named])].filter(isAppName);
}

function isAppName(text: string): boolean {
  try {
    parseAppName(text);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** The patterns that a file may be one of: names of app, environment and cluster replaced by what they are. */
function generalized(file: string, place: ValuesPlace): string[] {
  const { environment, cluster } = place;
  const patterns = namesOf(place).flatMap((app) => {
    const named = [
      ['{app}', app],
      ['{environment}', environment],
      ['{cluster}', cluster],
    ] as const;
    // Where two have one name, either may be meant.
    return [named, named.toReversed()].map((order) => {
      const known = order.toSorted(([, a], [, b]) => b.length - a.length);
      // All are DNS labels: nothing in them is an operator.
      const words = known.map(([, word]) => word).join('|');
      return file.replaceAll(
        new RegExp(`(?<![A-Za-z0-9])(?:${words})(?![A-Za-z0-9])`, 'g'),
        (word) => known.find(([, each]) => each === word)?.[0] ?? word,
      );
    });
  });
  return [...new Set(patterns)].filter(
    (pattern) => patternMistake(pattern, ['app', 'environment', 'cluster']) === undefined,
  );
}

/** Where images of these registries stand in values. */
function imagePaths(values: unknown, registries: readonly string[], path: YamlPath = []): string[] {
  if (path.length > DEEPEST || !isMap(values)) return [];
  return Object.entries(values).flatMap(([key, value]) => {
    const here = [...path, key];
    const isImage = /image$/i.test(key) && holdsImage(value);
    const image = readImage(value);
    const isOurs = image === undefined || isInRegistries(image.repository, registries);
    return isImage ? (isOurs ? [formatPath(here)] : []) : imagePaths(value, registries, here);
  });
}

/** Whether a deploy can write an image there: a text that is one, or a map with a tag (the repository may be in another file). */
const holdsImage = (value: unknown): boolean =>
  typeof value === 'string'
    ? readImage(value) !== undefined
    : isMap(value) && (Object.hasOwn(value, 'tag') || Object.hasOwn(value, 'digest'));

const valueAt = (values: unknown, path: YamlPath): unknown =>
  path.reduce<unknown>(
    (value, key) => (isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    values,
  );
