import { z } from 'zod';
import { couldNot } from '../report/failure.ts';

const digestSchema = z.string().regex(/^sha256:[a-f\d]{64}$/);

const descriptor = z.looseObject({
  digest: digestSchema,
  size: z.int().nonnegative(),
  mediaType: z.string().optional(),
  /** Layers of Windows lie elsewhere; a registry does not have them. */
  urls: z.array(z.string()).optional(),
  platform: z
    .looseObject({ os: z.string(), architecture: z.string(), variant: z.string().optional() })
    .optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

const schema = z.looseObject({
  mediaType: z.string().optional(),
  manifests: z.array(descriptor).max(1000).optional(),
  config: descriptor.optional(),
  layers: z.array(descriptor).max(1000).optional(),
});

/** A part of an image, as a manifest names it. */
export type Descriptor = z.infer<typeof descriptor>;

/** What an image consists of: an index of images, or one image's own parts. */
export interface Manifest {
  readonly mediaType: string | undefined;
  /** Of an index: its images and their attestations. */
  readonly children: readonly Descriptor[];
  readonly config: Descriptor | undefined;
  readonly blobs: readonly Descriptor[];
}

/** Reads the text of an OCI or Docker manifest or index. Failure (exit 2, `bad-manifest`) for anything else. */
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
  const { data, error } = schema.safeParse(value);
  if (data === undefined || (data.manifests === undefined && data.config === undefined)) {
    throw couldNot(
      `The registry answered with something that is no image: ${error?.issues[0]?.message ?? ''}`,
      {
        reason: 'bad-manifest',
      },
    );
  }
  const { mediaType, manifests: children = [], config, layers = [] } = data;
  const blobs = [config, ...layers].filter((part) => part !== undefined && part.urls === undefined);
  return { mediaType, children, config, blobs: blobs as Descriptor[] };
}

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
