import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { imagePath, layoutOf, releaseFiles, stateFile } from '../config/layout.ts';
import { isMap } from '../yaml/data.ts';
import { parseYaml } from '../yaml/parse.ts';
import { pathOfImage } from './image-place.ts';
import { formatImage, type ImageReference } from './image-reference.ts';
import { readImage } from './image-value.ts';
import type { Build } from './ordering.ts';
import { type Hold, parseReleaseState } from './release-state.ts';
import { sameSource } from './source.ts';

/** One image of an app in an environment, as its files record it. */
export interface ReleasedImage {
  /** `''` for an app with one image. */
  readonly name: string;
  readonly image: ImageReference;
  /** What built it; undefined where nobody recorded it. */
  readonly build: Build | undefined;
  /** When it was put there. */
  readonly at: Date | undefined;
}

/** What an app runs in an environment, at one commit of the GitOps repository. */
export interface ReleaseRecord {
  /** By the image's name; at least one. */
  readonly images: ReadonlyMap<string, ReleasedImage>;
  /** It went back to an older image, or one of its images did: that one runs no migration. */
  readonly rollback: boolean;
  readonly hold: Hold | undefined;
}

/** The text of a file of the GitOps repository at one commit; undefined where there is none. */
export type ReadText = (file: string) => Promise<string | undefined>;

/** The files that hold a release: those with the image, and the one with its state. */
export const filesOfRelease = (
  config: KajitoriConfig,
  app: string,
  environment: string,
): readonly string[] => [
  ...new Set([...releaseFiles(config, app, environment), stateFile(config, app, environment)]),
];

/**
 * What an app runs in an environment. Every cluster's file holds the same image, so the first one tells it.
 *
 * @returns undefined when no image is recorded: the app was never deployed there
 * @throws Failure (exit 2) for a file that cannot be read
 */
export async function readRelease(
  read: ReadText,
  config: KajitoriConfig,
  app: string,
  environment: string,
): Promise<ReleaseRecord | undefined> {
  const recordFile = stateFile(config, app, environment);
  const { builds, times, rollback, hold } = parseReleaseState((await read(recordFile)) ?? '', recordFile);
  const [file = ''] = releaseFiles(config, app, environment);
  const yaml = parseYaml((await read(file)) ?? '', { file });
  const images = new Map<string, ReleasedImage>();
  for (const name of imageNames(config, yaml.get(['images']), builds)) {
    const image = readImage(yaml.get(pathOfImage(config, name, app)));
    if (image !== undefined) {
      images.set(name, { name, image, build: builds.get(name), at: times.get(name) });
    }
  }
  return images.size === 0 ? undefined : { images, rollback, hold };
}

/** In another layout only the state knows the names: the values hold more than images. */
function imageNames(
  config: KajitoriConfig,
  images: unknown,
  builds: ReadonlyMap<string, Build>,
): readonly string[] {
  if (layoutOf(config).kind === 'standard') {
    return ['', ...(isMap(images) ? Object.keys(images) : [])];
  }
  return imagePath(config).includes('{image}') ? [...builds.keys()].filter((name) => name !== '') : [''];
}

/** The same image of the same build, whenever it was put there. */
export const sameReleased = (a: ReleasedImage | undefined, b: ReleasedImage | undefined): boolean =>
  a === undefined || b === undefined
    ? a === b
    : formatImage(a.image) === formatImage(b.image) && sameBuild(a.build, b.build);

const sameBuild = (a: Build | undefined, b: Build | undefined): boolean =>
  a === undefined || b === undefined
    ? a === b
    : sameSource(a.source, b.source) && a.build === b.build && a.workflow === b.workflow;

/** The same image of the same build, put there by the same deploy. */
export const sameDeploy = (a: ReleasedImage | undefined, b: ReleasedImage | undefined): boolean =>
  sameReleased(a, b) && a?.at?.getTime() === b?.at?.getTime();
