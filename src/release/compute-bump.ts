import { type Environment, environmentOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile, digestRule, layoutOf, releaseFiles, stateFile } from '../config/layout.ts';
import { couldNot } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { Tree } from '../repository/tree.ts';
import type { YamlEdit } from '../yaml/edit.ts';
import { parseYaml, type YamlFile } from '../yaml/parse.ts';
import { readConfig, readDefinition } from './app-files.ts';
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
import { EditedFiles } from './edited-files.ts';
import { pathOfImage } from './image-place.ts';
import { formatImage, type ImageReference } from './image-reference.ts';
import { imageEdits, readImage } from './image-value.ts';
import { type Build, orderOf } from './ordering.ts';
import {
  buildFields,
  buildPath,
  parseReleaseState,
  type ReleaseState,
  rollbackPath,
} from './release-state.ts';
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
    originals: files.originals(),
  };
  return {
    edits,
    superseded: edits.size === 0 && images.some(({ outcome }) => outcome === 'older'),
    via: request.via ?? environment.via,
    message: bumpMessage(request, result),
    result,
  };
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
  const definition = await readDefinition(files.tree, config, app);
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
    // Another image of the app that went back stays back.
    const outdated = [[...at, 'build'], [...at, 'workflow'], rollbackPath(name)].filter(
      (path) => !Object.hasOwn(fields, String(path.at(-1) ?? '')) && yaml.get(path) !== undefined,
    );
    return [
      ...Object.entries(fields).map(([key, value]): YamlEdit => ({ op: 'set', path: [...at, key], value })),
      ...outdated.map((path): YamlEdit => ({ op: 'delete', path })),
    ];
  });
}
