import { couldNot, type Failure, type Place } from '../report/failure.ts';
import { isMap, newMap, type PlainMap } from '../yaml/data.ts';
import type { YamlPath } from '../yaml/path.ts';
import { fillAll, fillKnown, type TemplateLanguage } from './fill-templates.ts';
import { gitDirectoryParams, gitFileParams } from './git-generator.ts';
import { goText, normalizedName } from './go-value.ts';
import { readGoYaml } from './go-yaml.ts';
import { flattenParams, type LabelSelector, readSelector, selects } from './label-selector.ts';
import { MergeMistake, mergeOver, textMap } from './merge-params.ts';
import { IN_CLUSTER } from './read-application.ts';
import type { RepositoryListing } from './repository-listing.ts';
import { isHere, type ThisRepository } from './repository-url.ts';

/** A cluster as Argo CD has it: its Secret. */
export interface ArgoCluster {
  readonly name: string;
  readonly server: string;
  readonly project?: string;
  /** Undefined where they are not known: then nothing can be selected or filled by them. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What generators look at. */
export interface GeneratorWorld {
  readonly listing: RepositoryListing;
  readonly here: ThisRepository;
  /** Undefined where it is not known which clusters there are. */
  readonly clusters: readonly ArgoCluster[] | undefined;
  readonly language: TemplateLanguage;
  /** Whether templates of the set name labels or annotations of clusters. */
  readonly namesClusterMetadata: boolean;
  readonly placeOf: (path: YamlPath) => Place;
}

/** In the order in which Argo CD looks at them; `selector` and unknown keys are no generators. */
const KINDS = [
  'list',
  'clusters',
  'git',
  'scmProvider',
  'clusterDecisionResource',
  'pullRequest',
  'matrix',
  'merge',
  'plugin',
] as const;

const kindsIn = (entry: Readonly<Record<string, unknown>>): (typeof KINDS)[number][] =>
  KINDS.filter((kind) => entry[kind] !== undefined && entry[kind] !== null);

/** What one generator makes. */
export interface Generated {
  readonly params: readonly PlainMap[];
  /** The generator's own template, before that of the set. */
  readonly template: unknown;
}

/**
 * Evaluates one entry of `generators` (argo-cd, applicationset/generators `Transform`).
 *
 * @param path of the entry in the manifest
 * @throws Failure (exit 2): `not-rendered` for generators that ask a service, `bad-application-set` for mistakes
 */
export async function evaluateGenerator(
  entry: unknown,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<Generated[]> {
  if (!isMap(entry)) throw wrong('A generator must be a map.', path, world);
  const kinds = kindsIn(entry);
  if (kinds.length === 0) {
    const [key] = Object.keys(entry).filter((each) => each !== 'selector');
    throw wrong(`${key === undefined ? 'This' : JSON.stringify(key)} is no generator.`, path, world);
  }
  const selector = selectorOf(entry.selector, [...path, 'selector'], world);
  const made: Generated[] = [];
  for (const kind of kinds) {
    const generator = entry[kind];
    const here = [...path, kind];
    if (!isMap(generator)) throw wrong(`${kind} must be a map.`, here, world);
    const params = await paramsOf(kind, generator, here, world);
    made.push({
      params:
        selector === undefined ? params : params.filter((each) => selects(selector, flattenParams(each))),
      template: generator.template,
    });
  }
  return made;
}

/**
 * A second generator with the parameters of the first filled in, once for each set of them: one run of the evaluator for all.
 * `values` are filled only as far as these parameters go (applicationset/utils, `RenderGeneratorParams`).
 */
async function filledGenerators(
  generator: unknown,
  outers: readonly PlainMap[],
  { language }: GeneratorWorld,
): Promise<unknown[]> {
  const bare = withoutValues(generator, true);
  const filled = await fillAll(
    outers.map((params) => ({ value: bare, params })),
    language,
  );
  return Promise.all(
    outers.map((params, index) =>
      // Without any parameter Argo CD leaves the generator as it is written.
      Object.keys(params).length === 0
        ? generator
        : withKnownValues(generator, filled[index], true, (values) => fillKnown(values, params, language)),
    ),
  );
}

/** Whether what stands at a key is a generator that has `values`. */
const hasValues = (key: string): boolean => key === 'git' || key === 'clusters';

function withoutValues(value: unknown, isGenerator: boolean): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutValues(item, false));
  if (!isMap(value)) return value;
  const copy = newMap();
  for (const [key, item] of Object.entries(value)) {
    if (key !== 'values' || !isGenerator) copy[key] = withoutValues(item, hasValues(key));
  }
  return copy;
}

/** What `withoutValues` left out of `written`, filled and put into `filled`. */
async function withKnownValues(
  written: unknown,
  filled: unknown,
  isGenerator: boolean,
  fill: (values: unknown) => Promise<unknown>,
): Promise<unknown> {
  if (Array.isArray(written) && Array.isArray(filled)) {
    return Promise.all(written.map((item, index) => withKnownValues(item, filled[index], false, fill)));
  }
  if (!isMap(written) || !isMap(filled)) return filled;
  const copy: PlainMap = Object.assign(newMap(), filled);
  for (const [key, item] of Object.entries(written)) {
    if (key === 'values' && isGenerator) copy.values = await fill(item);
    else if (Object.hasOwn(copy, key))
      copy[key] = await withKnownValues(item, copy[key], hasValues(key), fill);
  }
  return copy;
}

function paramsOf(
  kind: (typeof KINDS)[number],
  generator: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<readonly PlainMap[]> | readonly PlainMap[] {
  switch (kind) {
    case 'list':
      return listParams(generator, path, world);
    case 'clusters':
      return clusterParams(generator, path, world);
    case 'git':
      return gitParams(generator, path, world);
    case 'matrix':
      return matrixParams(generator, path, world);
    case 'merge':
      return mergeGeneratorParams(generator, path, world);
    default:
      throw notRendered(`The generator ${kind} asks a service for its parameters.`, path, world);
  }
}

function listParams(
  { elements, elementsYaml }: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): PlainMap[] {
  const written = listAt(elements, [...path, 'elements'], world).map((element, index) => {
    const at = [...path, 'elements', index];
    if (!isMap(element)) throw wrong('An element of a list must be a map.', at, world);
    return world.language.goTemplate ? copyOf(element) : flatElement(element, at, world);
  });
  if (typeof elementsYaml !== 'string' || elementsYaml === '') return written;
  const place = world.placeOf([...path, 'elementsYaml']);
  const more = readGoYaml(elementsYaml, place.file, place.line);
  if (more === undefined || more === null) return written;
  if (!Array.isArray(more) || !more.every((each) => isMap(each) || each === null)) {
    throw wrong('elementsYaml must be a list of maps.', [...path, 'elementsYaml'], world);
  }
  return [...written, ...more.map((each) => copyOf((each ?? {}) as PlainMap))];
}

const copyOf = (map: Readonly<Record<string, unknown>>): PlainMap => Object.assign(newMap(), map);

/** Without Go templates all parameters are text; those of `values` are named `values.x`. */
function flatElement(
  element: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): PlainMap {
  const params = newMap();
  for (const [key, value] of Object.entries(element)) {
    const entries = key === 'values' && isMap(value) ? Object.entries(value) : [[key, value] as const];
    const prefix = key === 'values' && isMap(value) ? 'values.' : '';
    for (const [name, text] of entries) {
      if (typeof text !== 'string' || (key === 'values' && prefix === '')) {
        throw wrong(
          `${name} must be text: put it in quotes, or set goTemplate: true.`,
          prefix === '' ? [...path, key] : [...path, key, name],
          world,
        );
      }
      params[`${prefix}${name}`] = text;
    }
  }
  return params;
}

/** Kept on every Secret that is a cluster (argo-cd, common `LabelKeySecretType`). */
const SECRET_TYPE = { 'argocd.argoproj.io/secret-type': 'cluster' };

/** Annotations that are not handed on (generators/cluster.go). */
const HIDDEN_ANNOTATIONS = new Set([
  'argocd.argoproj.io/refresh',
  'argocd.argoproj.io/hydrate',
  'argocd.argoproj.io/tracking-id',
  'argocd.argoproj.io/installation-id',
  'kubectl.kubernetes.io/last-applied-configuration',
]);

async function clusterParams(
  { selector: asWritten, values, flatList }: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<readonly PlainMap[]> {
  const { clusters, language } = world;
  if (clusters === undefined) {
    throw notRendered(
      'It is not known which clusters Argo CD has.',
      path,
      world,
      'Name them in kajitori.yaml.',
    );
  }
  const selector = selectorOf(asWritten, [...path, 'selector'], world) ?? { requirements: [] };
  const isEmpty = selector.requirements.length === 0;
  const needsLabels = selector.requirements.some(({ key }) => !Object.hasOwn(SECRET_TYPE, key));
  if ((needsLabels || world.namesClusterMetadata) && clusters.some(({ labels }) => labels === undefined)) {
    throw notRendered(
      'It selects clusters by labels, or uses their labels or annotations, which kajitori.yaml does not have.',
      path,
      world,
      'Name the clusters in a list generator to have it checked here.',
    );
  }
  const found = clusters.filter(({ labels }) => selects(selector, { ...labels, ...SECRET_TYPE }));
  const params = found.map((cluster) => clusterParam(cluster, language.goTemplate));
  if (isEmpty && !clusters.some(({ server }) => server === IN_CLUSTER.server)) {
    params.push(
      Object.assign(newMap(), {
        name: IN_CLUSTER.name,
        nameNormalized: IN_CLUSTER.name,
        server: IN_CLUSTER.server,
        project: '',
      }),
    );
  }
  const all = await withValues(params, values, language);
  return flatList === true ? [Object.assign(newMap(), { clusters: all })] : all;
}

function clusterParam(cluster: ArgoCluster, isGo: boolean): PlainMap {
  const labels: Readonly<Record<string, string>> = { ...cluster.labels, ...SECRET_TYPE };
  const annotations = Object.fromEntries(
    Object.entries(cluster.annotations ?? {}).filter(([name]) => !HIDDEN_ANNOTATIONS.has(name)),
  );
  const params: PlainMap = Object.assign(newMap(), {
    name: cluster.name,
    nameNormalized: normalizedName(cluster.name),
    server: cluster.server,
    project: cluster.project ?? '',
  });
  if (isGo) {
    params.metadata = {
      ...(cluster.annotations === undefined ? {} : { annotations: textMap(annotations) }),
      labels: textMap(labels),
    };
  } else {
    for (const [name, value] of Object.entries(labels)) params[`metadata.labels.${name}`] = value;
    for (const [name, value] of Object.entries(annotations)) params[`metadata.annotations.${name}`] = value;
  }
  return params;
}

/** Adds a generator's `values`, filled with each of its parameters (generators/value_interpolation.go). */
export async function withValues(
  params: readonly PlainMap[],
  values: unknown,
  language: TemplateLanguage,
): Promise<PlainMap[]> {
  if (!isMap(values) || Object.keys(values).length === 0) return [...params];
  // Only the texts are filled, not the keys.
  const names = Object.keys(values);
  const filled = await fillAll(
    params.map((each) => ({ value: Object.values(values), params: each })),
    language,
  );
  return params.map((each, index) => {
    const texts = filled[index] as readonly unknown[];
    const entries = names.map((name, at) => [name, texts[at]] as const);
    const added = language.goTemplate
      ? { values: textMap(Object.fromEntries(entries)) }
      : Object.fromEntries(entries.map(([name, text]) => [`values.${name}`, text]));
    return Object.assign(newMap(), each, added);
  });
}

async function gitParams(
  generator: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<readonly PlainMap[]> {
  const { repoURL, revision, pathParamPrefix, values } = generator;
  if (
    typeof repoURL !== 'string' ||
    !isHere(world.here, repoURL, typeof revision === 'string' ? revision : undefined)
  ) {
    throw notRendered(
      `It reads ${typeof repoURL === 'string' ? repoURL : 'a repository'}${typeof revision === 'string' ? ` at ${revision}` : ''}, which is not this repository and branch.`,
      path,
      world,
      'Check that `repository` in kajitori.yaml has the URL and the branch that Argo CD reads.',
    );
  }
  const directories = listAt(generator.directories, [...path, 'directories'], world);
  const files = listAt(generator.files, [...path, 'files'], world);
  const items = (directories.length > 0 ? directories : files).map((item) => {
    if (!isMap(item) || typeof item.path !== 'string') {
      throw wrong('Each item needs a path.', path, world);
    }
    return { path: item.path, exclude: item.exclude === true };
  });
  if (items.length === 0) throw wrong('A git generator needs directories or files.', path, world);
  const how = {
    isGo: world.language.goTemplate,
    prefix: typeof pathParamPrefix === 'string' ? pathParamPrefix : '',
  };
  const params =
    directories.length > 0
      ? gitDirectoryParams(await world.listing.folders(), items, how)
      : await gitFileParams(world.listing, items, how, world.placeOf(path));
  return withValues(params, values, world.language);
}

async function matrixParams(
  { generators }: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<readonly PlainMap[]> {
  const entries = listAt(generators, [...path, 'generators'], world);
  if (entries.length !== 2) {
    throw wrong(`A matrix has two generators, not ${entries.length}.`, [...path, 'generators'], world);
  }
  const params: PlainMap[] = [];
  const ones = await onlyParams(entries[0], [...path, 'generators', 0], world);
  const seconds = await filledEntries(entries[1], ones, world);
  for (const [index, one] of ones.entries()) {
    for (const other of await onlyParams(seconds[index], [...path, 'generators', 1], world)) {
      params.push(
        world.language.goTemplate ? mergedOver(other, one, path, world) : combined(one, other, path, world),
      );
      if (params.length > MOST_PARAMS) throw tooMany(path, world);
    }
  }
  return params;
}

/** An entry with its generator filled; its selector stays as it is written. */
async function filledEntries(
  entry: unknown,
  outers: readonly PlainMap[],
  world: GeneratorWorld,
): Promise<readonly unknown[]> {
  if (!isMap(entry)) return outers.map(() => entry);
  const entries = outers.map(() => ({ ...entry }) as PlainMap);
  for (const kind of kindsIn(entry)) {
    const filled = await filledGenerators(entry[kind], outers, world);
    for (const [index, each] of entries.entries()) each[kind] = filled[index];
  }
  return entries;
}

/** A set that makes more is a mistake, or an attack: the largest installations that are told of have some 20,000. */
const MOST_PARAMS = 100_000;

const tooMany = (path: YamlPath, world: GeneratorWorld) =>
  wrong(`It makes more than ${MOST_PARAMS} sets of parameters.`, path, world);

function mergedOver(base: PlainMap, over: PlainMap, path: YamlPath, world: GeneratorWorld): PlainMap {
  try {
    return mergeOver(base, over);
  } catch (error) {
    if (!(error instanceof MergeMistake)) throw error;
    throw wrong(
      `The parameters cannot be merged: ${error.message} (as \`values\` of a generator is; that of a list element is not).`,
      path,
      world,
    );
  }
}

/** Without Go templates all is text, and both may only have one parameter if they agree (applicationset/utils, map.go). */
function combined(one: PlainMap, other: PlainMap, path: YamlPath, world: GeneratorWorld): PlainMap {
  const all = newMap();
  for (const [key, value] of Object.entries(one)) all[key] = goText(value);
  for (const [key, value] of Object.entries(other)) {
    const text = goText(value);
    if (Object.hasOwn(all, key) && all[key] !== text) {
      throw wrong(
        `Both generators have ${key}, with different values: ${String(all[key])} and ${text}.`,
        path,
        world,
      );
    }
    all[key] = text;
  }
  return all;
}

async function mergeGeneratorParams(
  { generators, mergeKeys }: Readonly<Record<string, unknown>>,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<readonly PlainMap[]> {
  const entries = listAt(generators, [...path, 'generators'], world);
  if (entries.length < 2) {
    throw wrong('A merge needs two generators or more.', [...path, 'generators'], world);
  }
  const keys = [...new Set(listAt(mergeKeys, [...path, 'mergeKeys'], world).map(String))].sort();
  if (keys.length === 0) throw wrong('A merge needs mergeKeys.', path, world);
  const byKey = async (index: number): Promise<Map<string, PlainMap>> => {
    const at = [...path, 'generators', index];
    const found = new Map<string, PlainMap>();
    for (const params of await onlyParams(entries[index], at, world)) {
      const key = JSON.stringify(keys.map((name) => params[name] ?? null));
      if (found.has(key)) {
        throw wrong(`Two sets of its parameters have the same ${keys.join(', ')}: ${key}.`, at, world);
      }
      found.set(key, params);
    }
    return found;
  };
  const base = await byKey(0);
  for (let index = 1; index < entries.length; index += 1) {
    for (const [key, over] of await byKey(index)) {
      const params = base.get(key);
      if (params !== undefined) {
        base.set(
          key,
          world.language.goTemplate
            ? mergedOver(params, over, path, world)
            : Object.assign(newMap(), params, over),
        );
      }
    }
  }
  return [...base.values()];
}

/** The parameters of a generator inside a matrix or merge; its template is not used (generators/matrix.go, `getParams`). */
async function onlyParams(
  entry: unknown,
  path: YamlPath,
  world: GeneratorWorld,
): Promise<readonly PlainMap[]> {
  const made = await evaluateGenerator(entry, path, world);
  if (made.length > 1) throw wrong('More than one generator stands in one entry.', path, world);
  return made[0]?.params ?? [];
}

function selectorOf(value: unknown, path: YamlPath, world: GeneratorWorld): LabelSelector | undefined {
  if (value === undefined || value === null) return undefined;
  const selector = readSelector(value);
  if (typeof selector === 'string') throw wrong(`The selector cannot be read: ${selector}.`, path, world);
  return selector;
}

function listAt(value: unknown, path: YamlPath, world: GeneratorWorld): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong('This must be a list.', path, world);
  return value;
}

/** A mistake: Argo CD would make no Application of the whole set. */
export const wrong = (
  message: string,
  path: YamlPath,
  { placeOf }: Pick<GeneratorWorld, 'placeOf'>,
): Failure =>
  couldNot(message, {
    at: placeOf(path),
    todo: 'Correct it: Argo CD makes nothing of this ApplicationSet as it is.',
    reason: 'bad-application-set',
  });

const notRendered = (
  message: string,
  path: YamlPath,
  { placeOf }: GeneratorWorld,
  todo = 'Look at what it makes in Argo CD; it is not checked here.',
): Failure => couldNot(message, { at: placeOf(path), todo, reason: 'not-rendered' });
