import { couldNot } from '../report/failure.ts';
import type { BuildOutputs } from './build.ts';
import { type BuildRequest, buildRequest, type WrittenRequest } from './build-request.ts';

/** One image of a call, with its name. */
export interface NamedRequest {
  /** As the release file names it; undefined: the only one. */
  readonly name: string | undefined;
  readonly request: BuildRequest;
}

/**
 * The images of one call. Each has a repository in ECR of its own (`<name>-<image>` unless it says another), since the
 * tag of a commit points to one image; what an entry does not say is as for all.
 *
 * @param images YAML: a map by name, of `name`, `context`, `dockerfile`, `target`, `build-args` and `platforms`; undefined:
 *   one image without a name
 * @param file what messages call it
 * @throws Failure (exit 2): `invalid-file` with the line in `images`, `bad-repository`, and those of `buildRequest`
 */
export async function buildRequests(
  written: WrittenRequest,
  images: string | undefined,
  file = 'images',
): Promise<readonly NamedRequest[]> {
  if (images === undefined) return [{ name: undefined, request: buildRequest(written) }];
  // Who builds one image does not wait for what reads YAML: a tenth of the time of a build that is not needed.
  const [{ parseBySchema }, { imagesSchema }] = await Promise.all([
    import('../config/mistakes.ts'),
    import('./images-schema.ts'),
  ]);
  const entries = Object.entries(parseBySchema(imagesSchema, images, file));
  const requests = entries.map(([name, entry]): NamedRequest => {
    const args = Object.entries(entry['build-args'] ?? {}).map(([key, value]) => {
      if (/[\r\n]/.test(key + value)) {
        throw couldNot(`A build argument of the image ${name} has more than one line.`, {
          todo: 'Put long texts into a file of the repository.',
          reason: 'bad-argument',
        });
      }
      return `${key}=${value}`;
    });
    const request = buildRequest({
      ...written,
      repository: entry.name ?? `${written.repository}-${name}`,
      context: entry.context ?? written.context,
      dockerfile: entry.dockerfile ?? written.dockerfile,
      stage: entry.target ?? written.stage,
      // The later of two lines wins.
      args: [written.args ?? '', ...args].join('\n'),
      platforms: entry.platforms?.join(',') ?? written.platforms,
    });
    return { name, request };
  });
  const names = requests.map(({ request }) => request.repository);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw couldNot(`Two images are to be in the repository ${twice}.`, {
      todo: 'Give each a name of its own: the tag of a commit points to one image.',
      reason: 'bad-repository',
    });
  }
  return requests;
}

/** What became of one image of a call. */
export interface NamedOutputs {
  readonly name: string | undefined;
  readonly outputs: BuildOutputs;
}

/**
 * Images as a bump takes them: `repository:tag@digest`, after `NAME=` where there are several. None as long as one of them is not
 * there.
 */
export const bumpLines = (built: readonly NamedOutputs[], at: 'first' | 'all'): readonly string[] =>
  (outcomeOfAll(built) === undefined ? [] : built).flatMap(({ name, outputs }) =>
    (at === 'first' ? outputs.images.slice(0, 1) : outputs.images).map((image) =>
      name === undefined ? image : `${name}=${image}`,
    ),
  );

/** What one part built, as a join takes it: digests, after `NAME=` where there are several images. */
export const partLines = (built: readonly NamedOutputs[]): readonly string[] =>
  built.flatMap(({ name, outputs: { digest } }) =>
    digest === undefined ? [] : name === undefined ? digest : `${name}=${digest}`,
  );

/**
 * The digests of the parts of one image.
 *
 * @param text what `partLines` printed, of all parts, between spaces or lines
 * @throws Failure (exit 2): `bad-parts`
 */
export function partDigests(text: string, name: string | undefined): readonly string[] {
  const parts = text
    .split(/\s+/)
    .filter((part) => part !== '')
    .map((part) => /^(?:([a-z\d-]+)=)?(sha256:[a-f\d]{64})$/.exec(part));
  if (parts.includes(null)) {
    throw couldNot('digests holds something that is no digest.', {
      todo: 'Give the output part-ARCHITECTURE of each part, one a line.',
      reason: 'bad-parts',
    });
  }
  return parts.flatMap((part) => (part?.[1] === name && part?.[2] !== undefined ? [part[2]] : []));
}

/** By name: what a workflow may need of each. */
export const outputsByName = (built: readonly NamedOutputs[]): object =>
  Object.fromEntries(
    built.map(({ name = '', outputs: { outcome = null, digest = null, images, key, seconds } }) => [
      name,
      { outcome, digest, image: images[0] ?? null, images, key, seconds },
    ]),
  );

/** `built` when any was, else `retagged` when any was; undefined when one is not there. */
export function outcomeOfAll(built: readonly NamedOutputs[]): BuildOutputs['outcome'] {
  const outcomes = built.map(({ outputs }) => outputs.outcome);
  if (outcomes.includes(undefined)) return undefined;
  return (['built', 'retagged', 'existed'] as const).find((outcome) => outcomes.includes(outcome));
}
