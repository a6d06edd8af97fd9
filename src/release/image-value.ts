import { couldNot, type Place } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import type { YamlEdit } from '../yaml/edit.ts';
import type { YamlPath } from '../yaml/path.ts';
import { formatImage, type ImageReference, parseImageReference } from './image-reference.ts';

/**
 * An image as values files hold it: one text, or a map with the keys that charts use
 * (`registry`?, `repository`, `tag`, `digest`).
 */
type ImageMap = Readonly<Record<string, unknown>>;

/** A tag may be a number to YAML (`tag: 20261121`); it is a text to everybody else. */
const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

/** The image in a value; undefined where there is none, or one without tag and digest. */
export function readImage(value: unknown): ImageReference | undefined {
  if (typeof value === 'string') {
    return value === '' ? undefined : parseLeniently(value);
  }
  const repository = isMap(value) ? text(value.repository) : undefined;
  if (!isMap(value) || repository === undefined) {
    return undefined;
  }
  const registry = text(value.registry) ?? '';
  // Charts without a `digest` key are pinned by a tag of the form `tag@sha256:…`.
  const [tag, pinned] = (text(value.tag) ?? '').split('@');
  return {
    repository: registry === '' ? repository : `${registry}/${repository}`,
    tag: tag === '' ? undefined : tag,
    digest: text(value.digest) || pinned,
  };
}

/** What stands there may be anything; what cannot be read as an image is none. */
function parseLeniently(value: string): ImageReference | undefined {
  try {
    return parseImageReference(value);
  } catch {
    return undefined;
  }
}

/**
 * The edits that put an image in the place of a value, in the form that the value has.
 *
 * @param own whether the file is one of ours, where a missing value is created; in the files of other charts it is an
 * error, since a misspelt path would otherwise deploy nothing and look like success
 * @param place where the value is, or should be
 */
export function imageEdits(
  path: YamlPath,
  value: unknown,
  image: ImageReference,
  own: boolean,
  place: Place,
): readonly YamlEdit[] {
  if (typeof value === 'string') {
    return [{ op: 'set', path, value: formatImage(image) }];
  }
  if (!isMap(value)) {
    if (own && (value === undefined || value === null)) {
      return keyEdits(path, {}, { repository: image.repository, tag: image.tag, digest: image.digest });
    }
    throw couldNot(`There is no image at ${path.join('.')}.`, {
      at: place,
      todo: 'Correct apps.image in kajitori.yaml: it must lead to a text, or to a map with repository and tag.',
      reason: 'no-image-there',
    });
  }
  const keys = { ...repositoryKeys(value, image.repository, place), ...versionKeys(value, image, own) };
  return keyEdits(path, value, keys);
}

function repositoryKeys(value: ImageMap, repository: string, place: Place): Record<string, string> {
  const registry = text(value.registry) ?? '';
  if (registry === '') {
    return { repository };
  }
  // The host is all before the first slash, as every registry client reads it.
  const slash = repository.indexOf('/');
  if (slash === -1) {
    throw couldNot(`The image ${repository} has no registry, but the values have the key registry.`, {
      at: place,
      todo: 'Give the whole name of the image, with the registry.',
      reason: 'bad-image',
    });
  }
  return { registry: repository.slice(0, slash), repository: repository.slice(slash + 1) };
}

/**
 * In files of other charts no key is added, because a strict schema would refuse it: a chart that joins repository and
 * tag by a colon is pinned as well by `tag@digest`.
 */
function versionKeys(
  value: ImageMap,
  image: ImageReference,
  own: boolean,
): Record<string, string | undefined> {
  if (own || Object.hasOwn(value, 'digest')) {
    return { tag: image.tag, digest: image.digest };
  }
  return { tag: image.digest === undefined ? image.tag : `${image.tag ?? ''}@${image.digest}` };
}

/** Sets what has a text, deletes what has none. Keys that are right already are left alone. */
function keyEdits(
  path: YamlPath,
  value: ImageMap,
  keys: Readonly<Record<string, string | undefined>>,
): readonly YamlEdit[] {
  return Object.entries(keys).flatMap(([key, wanted]): readonly YamlEdit[] => {
    if (wanted === undefined) {
      return Object.hasOwn(value, key) ? [{ op: 'delete', path: [...path, key] }] : [];
    }
    return value[key] === wanted ? [] : [{ op: 'set', path: [...path, key], value: wanted }];
  });
}
