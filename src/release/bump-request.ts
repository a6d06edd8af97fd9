import { parseAppName } from '../config/app-name.ts';
import { couldNot } from '../report/failure.ts';
import { oneLine } from '../repository/commit-message.ts';
import type { YamlValue } from '../yaml/edit.ts';
import { parsePath, type YamlPath } from '../yaml/path.ts';
import type { BumpInputs } from './bump.ts';
import type { Override } from './deploy-policy.ts';
import { checkDigest, checkTag, type ImageReference, parseImageReference } from './image-reference.ts';
import { parseSource } from './source.ts';

/** One image to deploy: whole, or as the new tag and digest of the repository that is recorded. */
export interface RequestedImage {
  /** Undefined: every app of the request. */
  readonly app: string | undefined;
  /** The key under `images:`; `''` for an app with one image. */
  readonly name: string;
  /** Undefined: as recorded. */
  readonly repository: string | undefined;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** One value to set in the explicit mode. */
export interface Assignment {
  readonly path: YamlPath;
  readonly value: YamlValue;
}

/** Splits a form field or an action's input: one item a line or between commas. */
export const splitList = (text: string): readonly string[] =>
  text
    .split(/[\n,]/)
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Reads the apps of a request; each name is checked, none may stand twice. */
export function parseApps(text: string): readonly string[] {
  const apps = splitList(text).map(parseAppName);
  if (apps.length === 0) {
    throw couldNot('No app was named.', {
      todo: 'Give the name of the folder under apps/.',
      reason: 'no-app',
    });
  }
  const twice = apps.find((app, index) => apps.indexOf(app) !== index);
  if (twice !== undefined) {
    throw couldNot(`The app ${twice} is named twice.`, { reason: 'no-app' });
  }
  return apps;
}

/**
 * Reads the images of a request, one a line:
 *
 * - `repository:tag@digest` for each of the apps,
 * - `NAME=…` for the image NAME of an app that runs several, or for the app NAME when several apps are named,
 * - `APP/NAME=…` for one image of one app.
 */
export function parseImages(text: string, apps: readonly string[]): readonly RequestedImage[] {
  const images = splitList(text).map((line) => parseImageLine(line, apps));
  const keys = images.flatMap((image) =>
    (image.app === undefined ? apps : [image.app]).map((app) => `${app}/${image.name}`),
  );
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) {
    throw couldNot(`The image of ${twice.replace(/\/$/, '')} is given twice.`, {
      todo: 'Give each app, or each named image, one image.',
      reason: 'bad-image',
    });
  }
  const without = apps.find((app) => !keys.some((key) => key.startsWith(`${app}/`)));
  if (without !== undefined) {
    throw couldNot(`No image is given for the app ${without}.`, {
      todo: `Add a line ${without}=repository:tag@sha256:…`,
      reason: 'bad-image',
    });
  }
  return images;
}

/** Names under `images:` are keys of values and parts of container names: DNS labels. */
const IMAGE_NAME = /^[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/;

function parseImageLine(line: string, apps: readonly string[]): RequestedImage {
  const equals = line.indexOf('=');
  const image: ImageReference = parseImageReference(line.slice(equals + 1).trim());
  if (equals === -1) {
    return { ...image, app: undefined, name: '' };
  }
  const left = line.slice(0, equals).trim();
  const slash = left.indexOf('/');
  if (slash === -1 && apps.length > 1 && apps.includes(left)) {
    return { ...image, app: left, name: '' };
  }
  const app = slash === -1 ? undefined : left.slice(0, slash);
  const name = left.slice(slash + 1);
  if (app !== undefined && !apps.includes(app)) {
    throw couldNot(`${JSON.stringify(left)} names an app that is not in this request.`, {
      todo: `Name one of: ${apps.join(', ')}.`,
      reason: 'bad-image',
    });
  }
  if (!IMAGE_NAME.test(name)) {
    throw couldNot(`${JSON.stringify(name)} cannot be the name of an image.`, {
      todo: 'Use the key under images: in the release file: lower-case letters, digits and hyphens.',
      reason: 'bad-image',
    });
  }
  return { ...image, app, name };
}

/** A new tag and/or digest for the one image that each app has. */
export function parseTagAndDigest(tag: string | undefined, digest: string | undefined): RequestedImage {
  return { app: undefined, name: '', repository: undefined, tag: checkTag(tag), digest: checkDigest(digest) };
}

/**
 * Reads the assignments of the explicit mode, one a line: `path=text`, or `path:=value` where the value is JSON
 * (a number, true, a list…).
 */
export function parseAssignments(text: string): readonly Assignment[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const equals = endOfPath(line);
      if (equals === -1) {
        throw couldNot(`${JSON.stringify(line)} sets nothing.`, {
          todo: 'Write path=value, for example image.tag=1f3c9e2b.',
          reason: 'bad-assignment',
        });
      }
      const json = line[equals - 1] === ':';
      const path = parsePath(line.slice(0, json ? equals - 1 : equals).trim());
      const value = line.slice(equals + 1).trim();
      return { path, value: json ? parseJson(value, line) : value };
    });
}

/** The first `=` outside of quotes: a quoted key may contain one. */
function endOfPath(line: string): number {
  let quoted = false;
  for (let index = 0; index < line.length; index++) {
    if (line[index] === '\\' && quoted) {
      index++;
    } else if (line[index] === '"') {
      quoted = !quoted;
    } else if (line[index] === '=' && !quoted) {
      return index;
    }
  }
  return -1;
}

function parseJson(value: string, line: string): YamlValue {
  try {
    return JSON.parse(value) as YamlValue;
  } catch {
    throw couldNot(`The value in ${JSON.stringify(line)} is not JSON.`, {
      todo: 'Use path=value for text; path:=value takes JSON, for example replicas:=3.',
      reason: 'bad-assignment',
    });
  }
}

/** A bump as people write it: the inputs of the action, or the options of the command. Empty ones are undefined. */
export interface BumpTexts {
  readonly app: string | undefined;
  readonly environment: string | undefined;
  readonly image: string | undefined;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
  readonly files: string | undefined;
  readonly set: string | undefined;
  /** `owner/name@commit`. */
  readonly source: string | undefined;
  /** A whole number. */
  readonly build: string | undefined;
  readonly workflow: string | undefined;
  readonly force: boolean;
  readonly override: string | undefined;
  readonly reason: string | undefined;
  readonly run: string | undefined;
  readonly pullRequest: boolean | undefined;
}

/**
 * Checks a bump as far as it can be checked without the repository.
 *
 * @throws Failure (exit 2) that names the input which is wrong or missing
 */
export function bumpRequest(texts: BumpTexts): BumpInputs['request'] {
  const via = texts.pullRequest === undefined ? undefined : texts.pullRequest ? 'pull-request' : 'commit';
  const reason = texts.reason === undefined ? undefined : oneLine(texts.reason).slice(0, MAX_REASON);
  if (texts.files !== undefined || texts.set !== undefined) {
    return {
      kind: 'explicit',
      files: splitList(required(texts.files, 'files')),
      assignments: parseAssignments(required(texts.set, 'set')),
      source: texts.source,
      run: texts.run,
      reason,
      via,
    };
  }
  const apps = parseApps(required(texts.app, 'app'));
  if ((texts.image === undefined) === (texts.tag === undefined && texts.digest === undefined)) {
    throw couldNot('Give either image, or tag and digest.', {
      todo: 'The build prints the image as repository:tag@sha256:…',
      reason: 'missing-input',
    });
  }
  return {
    kind: 'apps',
    apps,
    environment: required(texts.environment, 'environment'),
    images:
      texts.image === undefined
        ? [parseTagAndDigest(texts.tag, texts.digest)]
        : parseImages(texts.image, apps),
    build: {
      source: parseSource(required(texts.source, 'source')),
      build: parseBuildNumber(texts.build),
      workflow: texts.workflow,
    },
    overriding: { overrides: parseOverrides(texts.override ?? '', texts.force), reason },
    run: texts.run,
    via,
  };
}

/** A reason is a sentence; what is longer would only hide it. */
export const MAX_REASON = 500;

/** @throws Failure (exit 2, `missing-input`) for an empty one */
export function required(text: string | undefined, name: string): string {
  if (text === undefined || text.trim() === '') {
    throw couldNot(`${name} is missing.`, {
      todo: `Give ${name}; --help shows an example.`,
      reason: 'missing-input',
    });
  }
  return text;
}

function parseOverrides(text: string, force: boolean): ReadonlySet<Override> {
  const overrides = splitList(text).map((word): Override => {
    if (word !== 'hold' && word !== 'freeze') {
      throw couldNot(`${JSON.stringify(word)} cannot be overridden.`, {
        todo: 'Write hold, freeze, or hold,freeze.',
        reason: 'bad-override',
      });
    }
    return word;
  });
  return new Set(force ? [...overrides, 'diverged'] : overrides);
}

function parseBuildNumber(text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d{1,15}$/.test(text)) {
    throw couldNot(`The build ${JSON.stringify(text)} is not a whole number.`, {
      todo: 'Give the number of the run, as github.run_number has it.',
      reason: 'bad-build',
    });
  }
  return text === undefined ? undefined : Number(text);
}
