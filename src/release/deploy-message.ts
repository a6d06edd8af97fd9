import type { Trailer } from '../repository/commit-message.ts';
import { formatImage, type ImageReference, shortImage } from './image-reference.ts';
import type { Build } from './ordering.ts';
import { formatSource } from './source.ts';

/** An image that a commit replaces: undefined where there is none before or after. */
export interface ReplacedImage {
  readonly app: string;
  /** `''` for an app with one image. */
  readonly name: string;
  readonly before: ImageReference | undefined;
  readonly after: ImageReference | undefined;
}

/** `web`, or `web/nginx` for one of several images. */
export const nameOf = ({ app, name }: Pick<ReplacedImage, 'app' | 'name'>): string =>
  name === '' ? app : `${app}/${name}`;

/** Each app once, in order. */
export const appsOf = (images: readonly Pick<ReplacedImage, 'app'>[]): readonly string[] => [
  ...new Set(images.map(({ app }) => app)),
];

/** For headlines: the version that all images get, shortened; `''` where they get several. */
export function commonVersion(images: readonly Pick<ReplacedImage, 'after'>[]): string {
  const versions = new Set(images.flatMap(({ after }) => (after === undefined ? [] : [shortImage(after)])));
  return versions.size === 1 ? ([...versions][0] ?? '').slice(0, 12) : '';
}

/** For people: the clusters, then each image before and after, a line each. */
export const deployBody = (clusters: readonly string[], images: readonly ReplacedImage[]): string =>
  [
    `Clusters: ${clusters.join(', ')}`,
    ...images.map((image) => `${nameOf(image)}: ${imageText(image.before)} -> ${imageText(image.after)}`),
  ].join('\n');

const imageText = (image: ImageReference | undefined): string =>
  image === undefined ? 'nothing' : formatImage(image);

/** What built the image, where it is recorded. */
export const buildTrailers = (build: Build | undefined): readonly Trailer[] => [
  ...(build === undefined ? [] : [{ name: 'Kajitori-Source', value: formatSource(build.source) }]),
  ...(build?.build === undefined ? [] : [{ name: 'Kajitori-Build', value: String(build.build) }]),
];

/** The run on GitHub, where there is one. */
export const runTrailers = (run: string | undefined): readonly Trailer[] =>
  run === undefined ? [] : [{ name: 'Kajitori-Run', value: run }];

/** `hold overridden: fixes the outage`: what a person set aside, and why; nothing where neither is. */
export function reasonTrailers(
  overridden: readonly string[],
  reason: string | undefined,
): readonly Trailer[] {
  const what = overridden.map((each) => `${each} overridden`).join(', ');
  const value = [what, reason?.trim()].filter((part) => part).join(': ');
  return value === '' ? [] : [{ name: 'Kajitori-Reason', value }];
}
