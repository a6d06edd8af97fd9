import { z } from 'zod';

/** A key under `images:` of a release file (src/release/bump-request.ts). */
const NAME = /^[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/;
const NAME_WORDS = 'must have lower-case letters, digits and hyphens, like web';

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** The YAML of several images: a map by the name of each. */
export const imagesSchema = z
  .record(
    z.string().regex(NAME, NAME_WORDS),
    z.strictObject({
      name: z.string().optional(),
      context: z.string().optional(),
      dockerfile: z.string().optional(),
      target: z.string().optional(),
      'build-args': z.record(z.string(), scalar).optional(),
      platforms: z.array(z.string()).optional(),
    }),
  )
  .refine((images) => Object.keys(images).length > 0, 'must name at least one image');
