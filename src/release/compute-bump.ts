import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import {
  type Environment,
  environmentOf,
  KAJITORI_FILE,
  type KajitoriConfig,
  parseKajitoriYaml,
} from '../config/kajitori-yaml.ts';
import { appFile, digestRule, imagePath, layoutOf, releaseFiles, stateFile } from '../config/layout.ts';
import { nameHint } from '../config/nearest.ts';
import { couldNot } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { Tree } from '../repository/tree.ts';
import { editYaml, type YamlEdit } from '../yaml/edit.ts';
import { parseYaml, type YamlFile } from '../yaml/parse.ts';
import type { YamlPath } from '../yaml/path.ts';
import { bumpMessage } from './bump-message.ts';
import type { RequestedImage } from './bump-request.ts';
import {
  type Override,
  type Overriding,
  refuseForeignRegistry,
  refuseForeignSource,
  refuseMissingDigest,
  respectDiverged,
  respectFreeze,
  respectHold,
} from './deploy-policy.ts';
import { formatImage, type ImageReference } from './image-reference.ts';
import { imageEdits, readImage } from './image-value.ts';
import { type Build, orderOf } from './ordering.ts';
import { buildFields, buildPath, parseReleaseState, type ReleaseState } from './release-state.ts';
import { formatSource, sameSource } from './source.ts';
import type { SourceHistory } from './source-history.ts';

/** What a bump is asked to do, checked as far as it can be without the repository. */
export interface BumpRequest {
  /** Checked names, at least one. */
  readonly apps: readonly string[];
  readonly environment: string;
  readonly images: readonly RequestedImage[];
  /** What built the images. */
  readonly build: Build;
  readonly overriding: Overriding;
  /** The page of the run, for the audit trail. */
  readonly run: string | undefined;
  /** Undefined: as kajitori.yaml says for the environment. */
  readonly via: 'commit' | 'pull-request' | undefined;
}

/** What became of one image of one app. */
export interface ImageOutcome {
  readonly app: string;
  /** `''` for an app with one image. */
  readonly name: string;
  readonly before: ImageReference | undefined;
  readonly after: ImageReference;
  /** `older`: a later build is there already, and stays. */
  readonly outcome: 'bumped' | 'already-there' | 'older';
  /** What is recorded as running, when that is not what we bring. */
  readonly recorded: Build | undefined;
}

export interface BumpResult {
  /** Undefined in the explicit mode. */
  readonly environment: string | undefined;
  /** All clusters that the change reaches: always all of the environment. */
  readonly clusters: readonly string[];
  readonly images: readonly ImageOutcome[];
  /** What was set aside by a person. */
  readonly overridden: readonly Override[];
  /** The edited files as they were; undefined where there was none. */
  readonly originals: ReadonlyMap<string, string | undefined>;
}

/** What the computation needs from outside of the tree. */
export interface BumpKnowledge {
  readonly history: SourceHistory;
  readonly now: Date;
}

/** The files that a bump surely reads in the standard layout, for the first request. */
export const filesOfBump = (apps: readonly string[], environment: string): readonly string[] => [
  KAJITORI_FILE,
  ...apps.flatMap((app) => [`apps/${app}/app.yaml`, `apps/${app}/release.${environment}.yaml`]),
];

const FILE_HEADER =
  '# Written by Kajitori: which image runs. Do not edit it; run `kajitori bump` or deploy again.\n';

/**
 * Computes a bump from a tree: which files change and how, or that nothing is to be done. The same tree, request and
 * knowledge give the same change.
 *
 * @throws Failure: exit 1 when a policy refuses, exit 2 for bad input
 */
export async function computeBump(
  tree: Tree,
  request: BumpRequest,
  knowledge: BumpKnowledge,
): Promise<Change<BumpResult>> {
  const config = await readConfig(tree);
  const environment = environmentOf(config, request.environment);
  const files = new EditedFiles(tree);
  const images: ImageOutcome[] = [];
  const overridden = new Set<Override>();
  for (const app of request.apps) {
    const bump = { config, environment, app, request, knowledge, files };
    const outcome = await bumpApp(bump);
    images.push(...outcome.images);
    for (const each of outcome.overridden) {
      overridden.add(each);
    }
  }
  if (overridden.size > 0 && (request.overriding.reason ?? '').trim() === '') {
    throw couldNot(`Setting aside ${[...overridden].join(' and ')} needs a reason.`, {
      todo: 'Add --reason "…" (input reason): it is recorded in the commit.',
      reason: 'no-reason',
    });
  }
  const edits = files.edits();
  const result: BumpResult = {
    environment: environment.name,
    clusters: environment.clusters.map((cluster) => cluster.name),
    images,
    overridden: [...overridden],
    originals: files.originals(edits.keys()),
  };
  return {
    edits,
    superseded: edits.size === 0 && images.some(({ outcome }) => outcome === 'older'),
    via: request.via ?? environment.via,
    message: bumpMessage(request, result),
    result,
  };
}

async function readConfig(tree: Tree): Promise<KajitoriConfig> {
  const source = await tree.read(KAJITORI_FILE);
  if (source === undefined) {
    throw couldNot(`There is no ${KAJITORI_FILE} in ${tree.name}.`, {
      todo: 'Name the GitOps repository, run `kajitori init` in it, or give files and set.',
      reason: 'no-config',
    });
  }
  return parseKajitoriYaml(source);
}

interface AppBump {
  readonly config: KajitoriConfig;
  readonly environment: Environment;
  readonly app: string;
  readonly request: BumpRequest;
  readonly knowledge: BumpKnowledge;
  readonly files: EditedFiles;
}

async function bumpApp(
  bump: AppBump,
): Promise<{ readonly images: readonly ImageOutcome[]; readonly overridden: ReadonlySet<Override> }> {
  const { config, environment, app, request, files } = bump;
  const definitionFile = appFile(config, app);
  const definition = await readDefinition(bump, definitionFile);
  refuseForeignSource(app, definition, request.build.source, definitionFile);
  const recordFile = stateFile(config, app, environment.name);
  const recordText = await files.read(recordFile);
  const state = parseReleaseState(recordText ?? '', recordFile);
  const overridden = new Set<Override>();
  const images: ImageOutcome[] = [];
  for (const requested of request.images.filter((image) => image.app === undefined || image.app === app)) {
    const outcome = await decide(bump, state, recordFile, requested, overridden);
    images.push(outcome);
    if (outcome.outcome === 'bumped') {
      await writeImage(bump, recordFile, requested.name, outcome.after);
    }
  }
  return { images, overridden };
}

async function readDefinition(bump: AppBump, file: string): Promise<AppDefinition> {
  const { app, files } = bump;
  const source = await files.read(file);
  if (source === undefined) {
    throw couldNot(`There is no app ${app}: ${file} does not exist. ${await hintForApp(bump)}`, {
      at: { file },
      todo: 'Correct the name, or make the app first.',
      reason: 'unknown-app',
    });
  }
  return parseAppYaml(source, file);
}

async function hintForApp({ config, app, files }: AppBump): Promise<string> {
  const folder = appFile(config, app).split('/')[0] ?? '';
  const entries = await files.tree.list(folder);
  return nameHint(
    app,
    entries.filter(({ kind }) => kind === 'folder').map(({ name }) => name),
  );
}

async function decide(
  bump: AppBump,
  state: ReleaseState,
  recordFile: string,
  requested: RequestedImage,
  overridden: Set<Override>,
): Promise<ImageOutcome> {
  const { config, environment, app, request, knowledge } = bump;
  const current = await currentImages(bump, requested.name);
  const before = current[0];
  const after = completeImage(app, requested, before, recordFile);
  refuseForeignRegistry(after, config.registries);
  refuseMissingDigest(after, digestRule(config));
  const recorded = state.builds.get(requested.name);
  const outcome = { app, name: requested.name, before, after, recorded };
  const isThere = current.every((image) => image !== undefined && formatImage(image) === formatImage(after));
  if (isThere && recorded !== undefined && sameSource(recorded.source, request.build.source)) {
    return { ...outcome, outcome: 'already-there' };
  }
  const order = recorded === undefined ? 'newer' : await compare(bump, recorded);
  if (order === 'older') {
    return { ...outcome, outcome: 'older' };
  }
  const { overriding } = request;
  if (respectHold(app, environment, state.hold, knowledge.now, recordFile, overriding)) {
    overridden.add('hold');
  }
  if (respectFreeze(environment, knowledge.now, overriding)) {
    overridden.add('freeze');
  }
  if (order !== 'newer' && recorded !== undefined) {
    if (order === 'unknown' && !overriding.overrides.has('diverged')) {
      throw cannotCompare(app, recorded, request.build);
    }
    respectDiverged(app, environment, recorded.source, request.build.source, overriding);
    overridden.add('diverged');
  }
  return { ...outcome, outcome: 'bumped' };
}

async function compare({ request, knowledge }: AppBump, recorded: Build) {
  return orderOf(recorded, request.build, await knowledge.history.compareTo(recorded.source));
}

const cannotCompare = (app: string, recorded: Build, incoming: Build) =>
  couldNot(
    `Whether ${formatSource(incoming.source)} is newer than what ${app} runs (${formatSource(recorded.source)}) cannot be found out: one of the commits is not to be seen.`,
    {
      todo: 'Give a source-token that can read that repository; if the recorded commit is gone for good, use --force --reason "…".',
      reason: 'cannot-compare',
    },
  );

/** The image as each of the files holds it now. */
async function currentImages(bump: AppBump, name: string): Promise<readonly (ImageReference | undefined)[]> {
  const { config, environment, app, files } = bump;
  const path = pathOfImage(config, name, app);
  const images = [];
  for (const file of releaseFiles(config, app, environment.name)) {
    const source = await files.read(file);
    if (source === undefined && layoutOf(config).kind === 'patterns') {
      throw couldNot(`The values file ${file} of ${app} does not exist.`, {
        at: { file },
        todo: 'Correct apps.release in kajitori.yaml, or add the file: Kajitori does not make files of other charts.',
        reason: 'no-release-file',
      });
    }
    const yaml = parseYaml(source ?? '', { file });
    if (layoutOf(config).kind === 'standard') {
      refuseMixedForms(yaml, app, name);
    }
    images.push(readImage(yaml.get(path)));
  }
  return images;
}

/** An app has one image under `image`, or several under `images`; with both, the chart could not tell which runs. */
function refuseMixedForms(yaml: YamlFile, app: string, name: string): void {
  const other = name === '' ? 'images' : 'image';
  if (yaml.get([other]) !== undefined) {
    throw couldNot(
      name === ''
        ? `${app} runs several images: say which one is meant.`
        : `${app} runs one image, which has no name.`,
      {
        at: yaml.placeOfKey([other]),
        todo: name === '' ? 'Write NAME=repository:tag@sha256:…' : 'Leave out the name before "=".',
        reason: 'bad-image',
      },
    );
  }
}

/** `{image}` in `apps.image` of kajitori.yaml stands for the name of an image. */
function pathOfImage(config: KajitoriConfig, name: string, app: string): YamlPath {
  if (layoutOf(config).kind === 'standard') {
    return name === '' ? ['image'] : ['images', name];
  }
  const path = imagePath(config);
  const named = path.some((key) => key === '{image}');
  if (named !== (name !== '')) {
    throw couldNot(
      named
        ? `Say which image of ${app} is meant: apps.image in kajitori.yaml has {image} in it.`
        : `The image ${name} of ${app} has no place: apps.image in kajitori.yaml has no {image} in it.`,
      {
        at: { file: KAJITORI_FILE },
        todo: 'Write NAME=repository:tag, or change apps.image.',
        reason: 'bad-image',
      },
    );
  }
  return path.map((key) => (key === '{image}' ? name : key));
}

function completeImage(
  app: string,
  requested: RequestedImage,
  before: ImageReference | undefined,
  file: string,
): ImageReference {
  const repository = requested.repository ?? before?.repository;
  if (repository === undefined) {
    throw couldNot(`No image of ${app} is recorded yet, so a tag or digest alone is not enough.`, {
      at: { file },
      todo: 'Give the whole image: repository:tag@sha256:…',
      reason: 'bad-image',
    });
  }
  return { repository, tag: requested.tag, digest: requested.digest };
}

async function writeImage(
  bump: AppBump,
  recordFile: string,
  name: string,
  image: ImageReference,
): Promise<void> {
  const { config, environment, app, request, knowledge, files } = bump;
  const own = layoutOf(config).kind === 'standard';
  const path = pathOfImage(config, name, app);
  for (const file of releaseFiles(config, app, environment.name)) {
    await files.edit(file, (yaml) => imageEdits(path, yaml.get(path), image, own, yaml.placeOf(path)));
  }
  await files.edit(recordFile, (yaml) => {
    const at = buildPath(name);
    const fields = buildFields(request.build, knowledge.now);
    const outdated = ['build', 'workflow', 'rollback'].filter(
      (key) => !Object.hasOwn(fields, key) && yaml.get([...at, key]) !== undefined,
    );
    return [
      ...Object.entries(fields).map(([key, value]): YamlEdit => ({ op: 'set', path: [...at, key], value })),
      ...outdated.map((key): YamlEdit => ({ op: 'delete', path: [...at, key] })),
    ];
  });
}

/** The files of a tree with the edits so far: a later edit sees what an earlier one did. */
class EditedFiles {
  readonly tree: Tree;
  readonly #before = new Map<string, string | undefined>();
  readonly #after = new Map<string, string>();

  constructor(tree: Tree) {
    this.tree = tree;
  }

  async read(file: string): Promise<string | undefined> {
    if (!this.#before.has(file)) {
      this.#before.set(file, await this.tree.read(file));
    }
    return this.#after.get(file) ?? this.#before.get(file);
  }

  /** Edits a file; one that does not exist is begun. */
  async edit(file: string, editsOf: (yaml: YamlFile) => readonly YamlEdit[]): Promise<void> {
    const source = (await this.read(file)) ?? FILE_HEADER;
    this.#after.set(file, editYaml(source, editsOf(parseYaml(source, { file })), { file }));
  }

  edits(): ReadonlyMap<string, string> {
    return new Map([...this.#after].filter(([file, text]) => text !== this.#before.get(file)));
  }

  originals(files: Iterable<string>): ReadonlyMap<string, string | undefined> {
    return new Map([...files].map((file) => [file, this.#before.get(file)]));
  }
}
