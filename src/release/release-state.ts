import { z } from 'zod';
import { couldNot } from '../report/failure.ts';
import { parseYaml } from '../yaml/parse.ts';
import type { YamlPath } from '../yaml/path.ts';
import type { Build } from './ordering.ts';
import { formatSource, parseSource } from './source.ts';

/** A stop that a person or a rollback put on an app in an environment. Later bumps respect it and say so. */
export interface Hold {
  readonly reason: string;
  readonly by: string | undefined;
  /** Since when; undefined for one that a person wrote by hand. */
  readonly at: Date | undefined;
  /** The first moment at which it no longer counts; undefined: until it is ended. */
  readonly until: Date | undefined;
}

/** A hold that is longer is a decision, and needs a date again: a quarter of a year. */
export const LONGEST_HOLD_MS = 92 * 86_400_000;

/** Whether a hold stops deploys at a moment. */
export const isInForce = (hold: Hold | undefined, now: Date): hold is Hold =>
  hold !== undefined && (hold.until === undefined || now < hold.until);

/** What a state file says: which build of each image runs, and whether it is held. */
export interface ReleaseState {
  /** By the image's name; `''` is the one image of an app that has one. */
  readonly builds: ReadonlyMap<string, Build>;
  /** When each image was put there, by the image's name; only what is recorded. */
  readonly times: ReadonlyMap<string, Date>;
  /** It went back to an older image, or one of its images did: that one runs no migration. */
  readonly rollback: boolean;
  readonly hold: Hold | undefined;
}

const timestamp = z.union([z.date(), z.iso.datetime({ offset: true })]).transform((value) => new Date(value));

const buildRecord = z.looseObject({
  // Missing where an image went back to one whose build nobody recorded.
  source: z.string().optional(),
  build: z.int().nonnegative().optional(),
  workflow: z.string().optional(),
  // Only history reads it: what a person wrote there must not stop a deploy.
  at: timestamp.optional().catch(undefined),
  rollback: z.boolean().optional().catch(undefined),
});

/** Loose, because a later version of Kajitori may record more than this one knows. */
const stateRecord = z.looseObject({
  release: z
    .looseObject({
      ...buildRecord.shape,
      images: z.record(z.string(), buildRecord).optional(),
    })
    .optional(),
  hold: z
    .looseObject({
      reason: z.string(),
      by: z.string().optional(),
      at: timestamp.optional().catch(undefined),
      until: timestamp.optional(),
    })
    .nullish(),
});

/**
 * Reads `release` and `hold` from the text of a state file.
 *
 * @throws Failure (exit 2) with the place when they are not what Kajitori writes: a hold that cannot be read must not
 * be taken for none
 */
export function parseReleaseState(source: string, file: string): ReleaseState {
  const yaml = parseYaml(source, { file });
  const parsed = stateRecord.safeParse(yaml.value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = (issue?.path ?? []).filter((part) => typeof part !== 'symbol');
    throw couldNot(`${path.join('.')} is not as Kajitori writes it: ${issue?.message ?? ''}.`, {
      at: yaml.placeOf(path),
      todo: 'Machines write this file. Restore it from git, or repair this key by hand.',
      reason: 'bad-release-state',
    });
  }
  const { release, hold } = parsed.data;
  const records = new Map([...Object.entries(release?.images ?? {}), ['', release ?? {}] as const]);
  const built = [...records].flatMap(([name, record]) =>
    record.source === undefined ? [] : [[name, { ...record, source: record.source }] as const],
  );
  return {
    builds: new Map(built.map(([name, record]) => [name, toBuild(record)])),
    times: new Map(built.flatMap(([name, { at }]) => (at === undefined ? [] : [[name, at] as const]))),
    rollback: [...records.values()].some((record) => record.rollback === true),
    hold:
      hold === undefined || hold === null
        ? undefined
        : { reason: hold.reason, by: hold.by, at: hold.at, until: hold.until },
  };
}

const toBuild = (record: z.output<typeof buildRecord> & { readonly source: string }): Build => ({
  source: parseSource(record.source),
  build: record.build,
  workflow: record.workflow,
});

/** Where the record of an image's build stands in the state file. */
export const buildPath = (image: string): YamlPath =>
  image === '' ? ['release'] : ['release', 'images', image];

/** Where it stands that an image went back to an older one. The chart then runs no migration of that image. */
export const rollbackPath = (image: string): YamlPath => [...buildPath(image), 'rollback'];

/** The record of a build, as it is written. `at` in whole seconds of UTC. */
export function buildFields(build: Build, at: Date): Readonly<Record<string, string | number>> {
  return {
    source: formatSource(build.source),
    ...(build.build === undefined ? {} : { build: build.build }),
    ...(build.workflow === undefined ? {} : { workflow: build.workflow }),
    at: wholeSeconds(at),
  };
}

/** A hold, as it is written. */
export const holdFields = (hold: Hold): Readonly<Record<string, string>> => ({
  reason: hold.reason,
  ...(hold.by === undefined ? {} : { by: hold.by }),
  ...(hold.at === undefined ? {} : { at: wholeSeconds(hold.at) }),
  ...(hold.until === undefined ? {} : { until: wholeSeconds(hold.until) }),
});

const wholeSeconds = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
