import type { KustomizeSource } from '../applications/application.ts';
import { couldNot, type Place } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import { type BuildEnvironment, fillVariables } from './build-environment.ts';

/** A kustomization file's content. */
export type Kustomization = Readonly<Record<string, unknown>>;

/**
 * A kustomization with the options of a source written into it: what Argo CD does by `kustomize edit` (argo-cd
 * util/kustomize/kustomize.go; kustomize 5.8, commands/edit). Only components that exist may be among the options.
 *
 * @throws Failure (exit 2, `not-rendered`) for what `kustomize edit` refuses
 */
export function editedKustomization(
  kustomization: Kustomization,
  options: KustomizeSource,
  environment: BuildEnvironment,
  at: Place,
): Kustomization {
  const edited: Record<string, unknown> = { ...kustomization };
  for (const key of ['namePrefix', 'nameSuffix', 'namespace'] as const) {
    if (options[key] !== undefined && options[key] !== '') {
      edited[key] = options[key];
    }
  }
  if (options.images.length > 0) {
    const given = options.images.map((image) => parsedImage(fillVariables(image, environment), at));
    edited.images = withImages(listOf(kustomization.images).filter(isMap), given);
  }
  if (options.replicas.length > 0) {
    edited.replicas = byName([
      ...listOf(kustomization.replicas).filter(isMap),
      ...options.replicas.map(({ name, count }) => ({ name, count })),
    ]);
  }
  if (Object.keys(options.commonLabels).length > 0) {
    const filled = Object.entries(options.commonLabels).map(
      ([key, value]) => [key, fillVariables(value, environment)] as const,
    );
    if (options.labelWithoutSelector) {
      edited.labels = withLabels(listOf(kustomization.labels).filter(isMap), filled, options, at);
    } else if (options.labelIncludeTemplates) {
      throw refusedEdit('labelIncludeTemplates works only together with labelWithoutSelector', at);
    } else {
      edited.commonLabels = withEntries(
        kustomization.commonLabels,
        filled,
        options.forceCommonLabels,
        'label',
        at,
      );
    }
  }
  if (Object.keys(options.commonAnnotations).length > 0) {
    const filled = Object.entries(options.commonAnnotations).map(
      ([key, value]) =>
        [key, options.commonAnnotationsEnvsubst ? fillVariables(value, environment) : value] as const,
    );
    const { forceCommonAnnotations } = options;
    edited.commonAnnotations = withEntries(
      kustomization.commonAnnotations,
      filled,
      forceCommonAnnotations,
      'annotation',
      at,
    );
  }
  if (options.patches.length > 0) {
    edited.patches = [...listOf(kustomization.patches), ...options.patches];
  }
  if (options.components.length > 0) {
    edited.components = [...new Set([...listOf(kustomization.components), ...options.components])];
  }
  return edited;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const refusedEdit = (why: string, at: Place) =>
  couldNot(`kustomize refuses the options of this application: ${why}.`, {
    at,
    todo: 'Correct `source.kustomize`.',
    reason: 'not-rendered',
  });

/** The later of two with one name counts; sorted, as kustomize writes them. */
function byName<Item extends Readonly<Record<string, unknown>>>(items: readonly Item[]): Item[] {
  const found = new Map(items.map((item) => [String(item.name), item]));
  return [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

interface Image extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
}

/** `name=new:tag@digest`, where all but the first or the last may be absent. */
function parsedImage(text: string, at: Place): Image {
  const equals = text.indexOf('=');
  const value = text.slice(equals + 1);
  // A port of the registry stands before the first slash.
  const slash = Math.max(value.indexOf('/'), 0);
  const digestAt = value.indexOf('@', slash);
  const colon = value.indexOf(':', slash);
  const tagAt = colon >= 0 && (digestAt < 0 || colon < digestAt) ? colon : -1;
  const end = digestAt < 0 ? value.length : digestAt;
  const name = value.slice(0, tagAt < 0 ? end : tagAt);
  if (equals < 0 && name === text) {
    throw refusedEdit(`the image ${JSON.stringify(text)} has neither a new name nor a tag nor a digest`, at);
  }
  return {
    name: equals < 0 ? name : text.slice(0, equals),
    ...(equals < 0 || name === '' ? {} : { newName: name }),
    ...(tagAt < 0 ? {} : { newTag: value.slice(tagAt + 1, end) }),
    ...(digestAt < 0 ? {} : { digest: value.slice(digestAt + 1) }),
  };
}

/** `*` keeps what the kustomization says. */
function withImages(
  present: readonly Readonly<Record<string, unknown>>[],
  given: readonly Image[],
): unknown[] {
  const kept = new Map(present.map((image) => [image.name, image]));
  const filled = given.map((image) => {
    const old = kept.get(image.name);
    const parts = (['newName', 'newTag', 'digest'] as const).flatMap((part) => {
      const value = image[part] === '*' ? old?.[part] : image[part];
      return value === undefined || value === '' ? [] : [[part, value]];
    });
    return { name: image.name, ...Object.fromEntries(parts) };
  });
  return byName([...present, ...filled]);
}

type Entries = readonly (readonly [string, string])[];

function withEntries(
  present: unknown,
  given: Entries,
  isForced: boolean,
  what: string,
  at: Place,
): Readonly<Record<string, unknown>> {
  const merged = new Map(Object.entries(isMap(present) ? present : {}));
  for (const [key, value] of given) {
    if (merged.has(key) && !isForced) {
      throw refusedEdit(`the ${what} ${key} is already in the kustomization`, at);
    }
    merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function withLabels(
  present: readonly Readonly<Record<string, unknown>>[],
  given: Entries,
  { labelIncludeTemplates, forceCommonLabels }: KustomizeSource,
  at: Place,
): unknown[] {
  const isAlike = (label: Readonly<Record<string, unknown>>) =>
    label.includeSelectors !== true && (label.includeTemplates === true) === labelIncludeTemplates;
  const index = present.findIndex(isAlike);
  const pairs = withEntries(present[index]?.pairs, given, forceCommonLabels, 'label', at);
  const added = {
    includeSelectors: false,
    includeTemplates: labelIncludeTemplates,
    ...present[index],
    pairs,
  };
  return index < 0 ? [...present, added] : present.with(index, added);
}
