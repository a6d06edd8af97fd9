import { type Environment, environmentOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf, releaseFiles, stateFile } from '../config/layout.ts';
import { refused } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { Tree } from '../repository/tree.ts';
import type { YamlEdit } from '../yaml/edit.ts';
import { readConfig, readDefinition } from './app-files.ts';
import { refuseForeignRegistry } from './deploy-policy.ts';
import { checkDeployer, type Deployer } from './deployer.ts';
import { EditedFiles } from './edited-files.ts';
import { pathOfImage } from './image-place.ts';
import { imageEdits } from './image-value.ts';
import {
  type ReleasedImage,
  type ReleaseRecord,
  readRelease,
  sameDeploy,
  sameReleased,
} from './release-record.ts';
import { buildFields, buildPath, type Hold, holdFields, isInForce, rollbackPath } from './release-state.ts';
import { rollbackMessage } from './rollback-message.ts';

/** One app that goes back. */
export interface AppRollback {
  readonly app: string;
  /** What it ran earlier; undefined: nothing, and then there is nothing to go back to. */
  readonly to: ReleaseRecord | undefined;
  /**
   * What our own deploy wrote, when it is undone: only images that it changed, and that still are as it wrote them, go
   * back. What somebody deployed since is never undone. Undefined: a person goes back, whatever runs now.
   */
  readonly ours?: ReleaseRecord | undefined;
  /** What a person saw running when they chose; when something else runs by now, and would go back, it is refused. */
  readonly seen?: ReleaseRecord | undefined;
}

/** What a rollback is asked to do. */
export interface RollbackRequest {
  /** At least one; all of them in one commit. */
  readonly apps: readonly AppRollback[];
  readonly environment: string;
  /** Why: in the hold, in the commit, and in every refusal until the hold ends. */
  readonly reason: string;
  /** Who: a login, or a name for the machine. */
  readonly by: string;
  /** The end of the hold that is left; undefined: until somebody ends it. */
  readonly holdUntil: Date | undefined;
  /** The page of the run, for the audit trail. */
  readonly run: string | undefined;
  /** Undefined: as kajitori.yaml says for the environment. */
  readonly via: 'commit' | 'pull-request' | undefined;
}

/**
 * What became of one image.
 *
 * - `rolled-back`: it goes back. `removed`: our deploy had added it.
 * - `already-there`: it is what we would go back to. `kept`: the earlier release did not know it, and it stays.
 * - `superseded`: somebody deployed since; it stays. `no-earlier`: nothing ran earlier; it stays.
 */
export interface RolledBackImage {
  readonly app: string;
  /** `''` for an app with one image. */
  readonly name: string;
  readonly before: ReleasedImage | undefined;
  readonly after: ReleasedImage | undefined;
  readonly outcome: 'rolled-back' | 'removed' | 'already-there' | 'kept' | 'superseded' | 'no-earlier';
}

export interface RollbackResult {
  readonly environment: string;
  /** All clusters that the change reaches: always all of the environment. */
  readonly clusters: readonly string[];
  readonly images: readonly RolledBackImage[];
  /** The hold of each app that goes back: a new one, or the one that was in force already. */
  readonly holds: ReadonlyMap<string, Hold>;
  /** For people: what was found out about who asks. */
  readonly checks: readonly string[];
  /** The edited files as they were; undefined where there was none. */
  readonly originals: ReadonlyMap<string, string | undefined>;
}

export interface RollbackKnowledge {
  readonly now: Date;
  readonly deployer: Deployer;
}

/** Whether an image's files change. */
export const goesBack = ({ outcome }: Pick<RolledBackImage, 'outcome'>): boolean =>
  outcome === 'rolled-back' || outcome === 'removed';

/**
 * Computes how apps go back to an earlier release in every cluster of an environment: the images and what is recorded
 * of them, `rollback` beside that (the chart then renders no migration of that image, because an older one would refuse
 * the newer database schema, or undo it; its next bump takes the mark away), and a hold, so that the next merge does not bring
 * the same thing again.
 *
 * A freeze does not stop it: a freeze is there so that nothing breaks, and this mends. Nor does a hold, which stays when
 * it lasts as long as ours would: whoever set it had a reason too. One that ends before would let the same thing come again.
 *
 * No edits: nothing goes back, and the outcomes say why.
 *
 * @throws Failure: exit 1 when a policy refuses, exit 2 for bad input
 */
export async function computeRollback(
  tree: Tree,
  request: RollbackRequest,
  knowledge: RollbackKnowledge,
): Promise<Change<RollbackResult>> {
  const config = await readConfig(tree);
  const environment = environmentOf(config, request.environment);
  const files = new EditedFiles(tree);
  const images: RolledBackImage[] = [];
  const holds = new Map<string, Hold>();
  const checks = new Set<string>();
  for (const each of request.apps) {
    const definition = await readDefinition(tree, config, each.app);
    for (const word of await checkDeployer(config, each.app, definition, knowledge.deployer)) {
      checks.add(word);
    }
    const rollback = { config, environment, request, now: knowledge.now, files, ...each };
    const current = await readRelease((file) => files.read(file), config, each.app, environment.name);
    const outcomes = decide(rollback, current);
    images.push(...outcomes);
    if (outcomes.some(goesBack)) {
      refuseUnseen(rollback, current);
      holds.set(each.app, await write(rollback, current, outcomes.filter(goesBack)));
    }
  }
  const edits = files.edits();
  const result: RollbackResult = {
    environment: environment.name,
    clusters: environment.clusters.map(({ name }) => name),
    images,
    holds,
    checks: [...checks],
    originals: files.originals(),
  };
  return {
    edits,
    via: request.via ?? environment.via,
    message: rollbackMessage(request, result),
    result,
  };
}

interface OneRollback extends AppRollback {
  readonly config: KajitoriConfig;
  readonly environment: Environment;
  readonly request: RollbackRequest;
  readonly now: Date;
  readonly files: EditedFiles;
}

/** What somebody deployed while the person read the plan is not in the plan. */
function refuseUnseen({ app, environment, seen }: OneRollback, current: ReleaseRecord | undefined): void {
  if (
    seen !== undefined &&
    (current?.images.size !== seen.images.size ||
      [...seen.images].some(([name, image]) => !sameDeploy(image, current.images.get(name))))
  ) {
    throw refused(`Somebody deployed ${app} to ${environment.name} in the meantime.`, {
      todo: 'Look at what runs now, and run it again if it is still meant.',
      reason: 'moved-on',
    });
  }
}

function decide(
  { config, app, to, ours }: OneRollback,
  current: ReleaseRecord | undefined,
): readonly RolledBackImage[] {
  const names = new Set([...(current?.images.keys() ?? []), ...(to?.images.keys() ?? [])]);
  return [...names].flatMap((name): readonly RolledBackImage[] => {
    const before = current?.images.get(name);
    const after = to?.images.get(name);
    const image = { app, name, before, after };
    if (ours !== undefined) {
      const written = ours.images.get(name);
      if (sameDeploy(written, after)) {
        return [];
      }
      if (!sameDeploy(before, written)) {
        return [{ ...image, outcome: 'superseded' }];
      }
    }
    if (to === undefined) {
      return [{ ...image, outcome: 'no-earlier' }];
    }
    if (after === undefined) {
      return [{ ...image, outcome: ours === undefined ? 'kept' : 'removed' }];
    }
    if (sameReleased(before, after)) {
      return [{ ...image, outcome: 'already-there' }];
    }
    if (ours === undefined) {
      // Undoing our own deploy brings back what ran a moment ago, and must not fail; history may hold anything.
      refuseForeignRegistry(after.image, config.registries);
    }
    return [{ ...image, outcome: 'rolled-back' }];
  });
}

async function write(
  rollback: OneRollback,
  current: ReleaseRecord | undefined,
  images: readonly RolledBackImage[],
): Promise<Hold> {
  const { config, environment, app, request, now, files } = rollback;
  const own = layoutOf(config).kind === 'standard';
  for (const { name, after } of images) {
    const path = pathOfImage(config, name, app);
    for (const file of releaseFiles(config, app, environment.name)) {
      await files.edit(file, (yaml) => {
        if (after === undefined) {
          return yaml.get(path) === undefined ? [] : [{ op: 'delete', path }];
        }
        return imageEdits(path, yaml.get(path), after.image, own, yaml.placeOf(path));
      });
    }
  }
  const ours: Hold = { reason: request.reason, by: request.by, at: now, until: request.holdUntil };
  const hold = isInForce(current?.hold, now) && lastsAsLong(current.hold, ours) ? current.hold : ours;
  const recordFile = stateFile(config, app, environment.name);
  // First, so that a flow map is never emptied by what goes: it would come back as a block.
  await files.edit(recordFile, () => [
    ...images.flatMap(({ name, after }): readonly YamlEdit[] =>
      after === undefined ? [] : [{ op: 'set', path: rollbackPath(name), value: true }],
    ),
    ...(hold === current?.hold
      ? []
      : [{ op: 'set', path: ['hold'], value: holdFields(hold) } satisfies YamlEdit]),
  ]);
  for (const image of images) {
    await files.edit(recordFile, (yaml) => recordEdits(image, now, (path) => yaml.get(path)));
  }
  return hold;
}

const lastsAsLong = ({ until }: Hold, other: Hold): boolean =>
  until === undefined || (other.until !== undefined && until >= other.until);

/** What is recorded of the build goes back with the image: order is decided by it. */
function recordEdits(
  { name, after }: RolledBackImage,
  now: Date,
  get: (path: readonly string[]) => unknown,
): readonly YamlEdit[] {
  const at = buildPath(name).map(String);
  if (after === undefined) {
    return get(at) === undefined ? [] : [{ op: 'delete', path: at }];
  }
  const fields: Readonly<Record<string, string | number>> =
    after.build === undefined ? {} : buildFields(after.build, now);
  return [
    ...Object.entries(fields).map(([key, value]): YamlEdit => ({ op: 'set', path: [...at, key], value })),
    ...['source', 'build', 'workflow', 'at']
      .filter((key) => !Object.hasOwn(fields, key) && get([...at, key]) !== undefined)
      .map((key): YamlEdit => ({ op: 'delete', path: [...at, key] })),
  ];
}

/**
 * The rollback that undoes a deploy: what each app ran right before it, and what it wrote.
 *
 * @param before the tree of the commit's parent
 * @param after the tree of the deploy's commit
 */
export async function undoing(
  before: Tree,
  after: Tree,
  apps: readonly string[],
  environment: string,
): Promise<readonly AppRollback[]> {
  const [configBefore, configAfter] = await Promise.all([readConfig(before), readConfig(after)]);
  return Promise.all(
    apps.map(async (app) => ({
      app,
      to: await readRelease((file) => before.read(file), configBefore, app, environment),
      ours: await readRelease((file) => after.read(file), configAfter, app, environment),
    })),
  );
}
