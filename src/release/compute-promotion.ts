import { environmentOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { couldNot, refused } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { CommitMessage } from '../repository/commit-message.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import { editedTree } from '../scaffold/edited-tree.ts';
import { readConfig, readDefinition } from './app-files.ts';
import { computeBump, type ImageOutcome } from './compute-bump.ts';
import {
  appsOf,
  buildTrailers,
  commonVersion,
  deployBody,
  nameOf,
  reasonTrailers,
  runTrailers,
} from './deploy-message.ts';
import type { Override, Overriding } from './deploy-policy.ts';
import { checkDeployer, type Deployer } from './deployer.ts';
import { type ImageReference, isInRegistries } from './image-reference.ts';
import { type ReleasedImage, type ReleaseRecord, readRelease, sameDeploy } from './release-record.ts';
import type { Source } from './source.ts';
import type { SourceHistory } from './source-history.ts';

/** What a promotion is asked to do. */
export interface PromotionRequest {
  /** At least one; all of them in one commit, or none. */
  readonly apps: readonly string[];
  /** The environment that takes over; kajitori.yaml says from where (`promoteFrom`). */
  readonly to: string;
  /** What was judged in the environment before, by app: when something else runs there by now, nothing is done. */
  readonly judged: ReadonlyMap<string, ReleaseRecord>;
  readonly overriding: Overriding;
  /** Gates were set aside, with the reason of `overriding`. */
  readonly withoutGates: boolean;
  /** Who asks: a login, or a name for the machine. */
  readonly by: string;
  readonly run: string | undefined;
  /** Undefined: as kajitori.yaml says for the environment. */
  readonly via: 'commit' | 'pull-request' | undefined;
}

export interface PromotedImage extends ImageOutcome {
  /** In the environment before; in its own registry perhaps. */
  readonly from: ReleasedImage;
}

export interface PromotionResult {
  readonly from: string;
  readonly environment: string;
  readonly clusters: readonly string[];
  readonly images: readonly PromotedImage[];
  readonly overridden: readonly (Override | 'gates')[];
  readonly checks: readonly string[];
  readonly originals: ReadonlyMap<string, string | undefined>;
}

export interface PromotionKnowledge {
  readonly now: Date;
  readonly deployer: Deployer;
  /** How a commit of a source repository stands to others. */
  readonly historyOf: (source: Source) => SourceHistory;
}

/**
 * Computes a promotion: the images of one environment, with their digests and what is recorded of their builds, become
 * those of the next. Everything that holds for a bump holds here (who may, registries, order, hold, freeze), since it is
 * computed as one.
 *
 * @throws Failure: exit 1 when a policy refuses, exit 2 for bad input; for any app of the set nothing is done then
 */
export async function computePromotion(
  tree: Tree,
  request: PromotionRequest,
  knowledge: PromotionKnowledge,
): Promise<Change<PromotionResult>> {
  const config = await readConfig(tree);
  const environment = environmentOf(config, request.to);
  const from = promotedFrom(config, request.to);
  const checks = new Set<string>();
  const images: PromotedImage[] = [];
  const overridden = new Set<Override | 'gates'>(request.withoutGates ? ['gates'] : []);
  let edits: FileEdits = new Map();
  for (const app of request.apps) {
    const definition = await readDefinition(tree, config, app);
    for (const word of await checkDeployer(config, app, definition, knowledge.deployer)) {
      checks.add(word);
    }
    const release = await readRelease((file) => tree.read(file), config, app, from);
    if (release === undefined) {
      throw neverDeployed(app, from);
    }
    refuseUnjudged(app, from, request.judged.get(app), release);
    for (const image of release.images.values()) {
      const bump = await computeBump(editedTree(tree, edits), bumpOf(app, image, config, request), {
        now: knowledge.now,
        history: knowledge.historyOf(buildOf(app, image, from).source),
      });
      edits = new Map([...edits, ...bump.edits]);
      images.push(...bump.result.images.map((outcome) => ({ ...outcome, from: image })));
      for (const each of bump.result.overridden) {
        overridden.add(each);
      }
    }
  }
  const originals = await Promise.all(
    [...edits.keys()].map(async (file) => [file, await tree.read(file)] as const),
  );
  const result: PromotionResult = {
    from,
    environment: environment.name,
    clusters: environment.clusters.map(({ name }) => name),
    images,
    overridden: [...overridden],
    checks: [...checks],
    originals: new Map(originals),
  };
  return {
    edits,
    superseded: edits.size === 0 && images.some(({ outcome }) => outcome === 'older'),
    via: request.via ?? environment.via,
    message: promotionMessage(request, result),
    result,
  };
}

/** @throws Failure (exit 2, `no-promotion`) where kajitori.yaml names no environment before */
export function promotedFrom(config: KajitoriConfig, to: string): string {
  const { promoteFrom } = environmentOf(config, to);
  if (promoteFrom === undefined) {
    throw couldNot(`Nothing is promoted to ${to}: it has no promoteFrom.`, {
      at: { file: 'kajitori.yaml' },
      todo: `Add promoteFrom to environments.${to}, or name another environment.`,
      reason: 'no-promotion',
    });
  }
  return promoteFrom;
}

export const neverDeployed = (app: string, environment: string) =>
  couldNot(`${app} was never deployed to ${environment}, so there is nothing to promote.`, {
    todo: `Deploy it to ${environment} first.`,
    reason: 'no-release',
  });

function refuseUnjudged(
  app: string,
  from: string,
  judged: ReleaseRecord | undefined,
  release: ReleaseRecord,
): void {
  const same =
    judged?.images.size === release.images.size &&
    [...release.images].every(([name, image]) => sameDeploy(image, judged.images.get(name)));
  if (!same) {
    throw refused(`Somebody deployed ${app} to ${from} in the meantime: what runs there is not judged yet.`, {
      todo: 'Run it again when the new release has passed.',
      reason: 'moved-on',
    });
  }
}

function buildOf(app: string, { name, build }: ReleasedImage, from: string) {
  if (build === undefined) {
    throw couldNot(
      `It is not recorded what built the image of ${nameOf({ app, name })} in ${from}, so nobody can tell whether it is newer.`,
      { todo: `Deploy it to ${from} by Kajitori once.`, reason: 'no-build-record' },
    );
  }
  return build;
}

function bumpOf(app: string, released: ReleasedImage, config: KajitoriConfig, request: PromotionRequest) {
  const image = promotedImage(released.image, config, request.to);
  return {
    apps: [app],
    environment: request.to,
    images: [{ ...image, app, name: released.name }],
    build: buildOf(app, released, promotedFrom(config, request.to)),
    overriding: request.overriding,
    run: request.run,
    via: request.via,
  };
}

/** The image as the next environment pulls it: the same digest, in that environment's registry where it has its own. */
export function promotedImage(image: ImageReference, config: KajitoriConfig, to: string): ImageReference {
  const { registry } = environmentOf(config, to).promote;
  const present = config.registries.find((each) => isInRegistries(image.repository, [each]));
  return registry === undefined || present === undefined
    ? image
    : { ...image, repository: `${registry}${image.repository.slice(present.length)}` };
}

function promotionMessage(request: PromotionRequest, result: PromotionResult): CommitMessage {
  const bumped = result.images.filter(({ outcome }) => outcome === 'bumped');
  const apps = appsOf(bumped);
  const words = [
    'Promote',
    apps.join(', '),
    commonVersion(bumped),
    'from',
    result.from,
    'to',
    result.environment,
  ];
  return {
    headline: words.filter((word) => word !== '').join(' '),
    body: deployBody(result.clusters, bumped),
    trailers: apps.flatMap((app) => [
      { name: 'Kajitori-App', value: app },
      { name: 'Kajitori-Environment', value: result.environment },
      ...buildTrailers(bumped.find((image) => image.app === app)?.from.build),
      ...runTrailers(request.run),
      { name: 'Kajitori-Action', value: 'promote' },
      { name: 'Kajitori-By', value: request.by },
      ...reasonTrailers(result.overridden, request.overriding.reason),
    ]),
  };
}
