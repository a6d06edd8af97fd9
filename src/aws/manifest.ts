import { couldNot } from '../report/failure.ts';

/** A part of an image, as a manifest names it. */
export interface Descriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly mediaType?: string;
  /** Layers of Windows lie elsewhere; a registry does not have them. */
  readonly urls?: readonly string[];
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an image consists of: an index of images, or one image's own parts. */
export interface Manifest {
  readonly mediaType: string | undefined;
  /** Of an index: its images and their attestations. */
  readonly children: readonly Descriptor[];
  readonly config: Descriptor | undefined;
  readonly blobs: readonly Descriptor[];
}

/** Parts of one manifest; what has more is made to do harm. */
const MOST = 1000;

/**
 * Reads the text of an OCI or Docker manifest or index. Failure (exit 2, `bad-manifest`) for anything else.
 *
 * Checked by hand: each build that finds its image built reads two, and zod takes a tenth of its time to be loaded.
 */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw couldNot('The registry answered with a manifest that is not JSON.', {
      reason: 'bad-manifest',
      cause,
    });
  }
  const { mediaType, manifests, config, layers } = isObject(value) ? value : {};
  const isManifest =
    isOptional(mediaType, isString) &&
    isOptional(manifests, isPartList) &&
    isOptional(config, isDescriptor) &&
    isOptional(layers, isPartList) &&
    (manifests !== undefined || config !== undefined);
  if (!isManifest) {
    throw couldNot('The registry answered with something that is no image.', { reason: 'bad-manifest' });
  }
  const blobs = [config, ...(layers ?? [])].filter((part) => part !== undefined);
  return {
    mediaType,
    children: manifests ?? [],
    config,
    blobs: blobs.filter(({ urls }) => urls === undefined),
  };
}

type Check<T> = (value: unknown) => value is T;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isString = (value: unknown): value is string => typeof value === 'string';

const isOptional = <T>(value: unknown, is: Check<T>): value is T | undefined =>
  value === undefined || is(value);

const isPartList = (value: unknown): value is readonly Descriptor[] =>
  Array.isArray(value) && value.length <= MOST && value.every(isDescriptor);

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false;
  const { digest, size, mediaType, urls, platform, annotations } = value;
  return (
    isString(digest) &&
    /^sha256:[a-f\d]{64}$/.test(digest) &&
    Number.isSafeInteger(size) &&
    Number(size) >= 0 &&
    isOptional(mediaType, isString) &&
    isOptional(urls, (list): list is string[] => Array.isArray(list) && list.every(isString)) &&
    isOptional(platform, isPlatform) &&
    isOptional(annotations, (map): map is object => isObject(map) && Object.values(map).every(isString))
  );
}

const isPlatform = (value: unknown): value is object =>
  isObject(value) &&
  isString(value.os) &&
  isString(value.architecture) &&
  isOptional(value.variant, isString);

/** One image of one platform. */
export interface PlatformImage {
  /** `linux/arm64`, with the variant where there is one that is not implied. */
  readonly platform: string;
  readonly digest: string;
}

/** The images of an index; attestations have no platform. Empty for a single image: its config says its platform. */
export const platformsOfIndex = (manifest: Manifest): PlatformImage[] =>
  manifest.children.flatMap(({ platform, digest }) =>
    platform === undefined || platform.os === 'unknown'
      ? []
      : [{ platform: formatPlatform(platform), digest }],
  );

/** `os/architecture`, with the variant where there is one that is not implied (`arm64` is `arm64/v8`). */
export function formatPlatform(platform: {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}): string {
  const { os, architecture, variant } = platform;
  const isImplied = variant === undefined || variant === '' || (architecture === 'arm64' && variant === 'v8');
  return [os, architecture, ...(isImplied ? [] : [variant])].join('/');
}
