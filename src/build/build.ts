import { couldNot } from '../report/failure.ts';
import type { BuildRequest } from './build-request.ts';
import type { BuildSource } from './build-source.ts';
import { type Decision, decideBuild, type Seen } from './decide-build.ts';
import type { ImageRegistry } from './image-registry.ts';
import { branchTag, cacheTags, type ImageTags, imageTags } from './image-tags.ts';

/** How an image came to be in the registries. */
export type BuildOutcome = 'built' | 'retagged' | 'existed';

export interface BuildInputs {
  readonly request: BuildRequest;
  readonly source: BuildSource;
  /** Build also when the same content was built before; an image of the same commit stays what it is. */
  readonly force: boolean;
  /**
   * `whole`: all platforms in one build. The others are for one runner an architecture: `look` builds nothing, `part`
   * builds one platform and tags nothing, `join` makes one image of the parts.
   */
  readonly stage:
    | { readonly kind: 'whole' | 'look' }
    | { readonly kind: 'part'; readonly platform: string }
    | { readonly kind: 'join'; readonly digests: readonly string[] };
}

/** What one build did, as the builder tells it. */
export interface Built {
  readonly digest: string;
  /** Steps of the Dockerfile, and how many of them came from a cache. */
  readonly steps: number;
  readonly cached: number;
}

/** What the content of a build is known by. */
export interface Content {
  /** The tag of its content key. */
  readonly tag: string;
  /** Why the tag does not say all of what is built: it must not be published then. Empty: it does. */
  readonly unclear: readonly string[];
}

/** The edge: what builds, and what looks at files and registries. */
export interface BuildDeps {
  /**
   * Opens the registries, in the order of the targets, and looks for tags in each: by its number. Nothing is made.
   */
  readonly openRegistries: (
    tags: (at: number) => Promise<readonly string[]>,
  ) => Promise<readonly ImageRegistry[]>;
  readonly contentKey: () => Promise<Content>;
  /** Builds and pushes by digest to all repositories. */
  readonly build: (
    repositories: readonly string[],
    platforms: readonly string[],
    cache: ReturnType<typeof cacheTags>,
  ) => Promise<Built>;
  /** Makes one image of parts in each repository, under a tag. */
  readonly join: (repository: string, digests: readonly string[], tag: string) => Promise<'put' | 'taken'>;
  /** Milliseconds. */
  readonly now: () => number;
  readonly onStep: (text: string) => void;
}

export interface BuildOutputs {
  /** undefined: only looked, and there is nothing yet. */
  readonly outcome: BuildOutcome | undefined;
  readonly digest: string | undefined;
  /** `repository:tag@digest` of each target, in their order; empty without an image and for a part. */
  readonly images: readonly string[];
  readonly key: string;
  readonly commit: string;
  readonly seconds: number;
  readonly steps: number;
  readonly cached: number;
  /** Compressed bytes of this image, and of the one that the default branch had. */
  readonly bytes: number | undefined;
  readonly bytesBefore: number | undefined;
  /** What people should know: drift of a repository, a tag that could not move, why nothing was published under the key. */
  readonly notes: readonly string[];
}

/**
 * Builds an image once and brings it to every registry under the same digest; builds nothing where the commit or the same
 * content was built before.
 *
 * Every registry has the whole image before a tag points to it. The commit's tag in the first registry decides between
 * two runs of one commit: who comes second takes the first one's image.
 *
 * @throws Failure of the request, of git, of the registries and of the build
 */
export async function runBuild(inputs: BuildInputs, deps: BuildDeps): Promise<BuildOutputs> {
  const { request, source, stage } = inputs;
  const started = deps.now();
  const tags = imageTags({ commit: source.commit, ref: source.ref, added: request.tags });
  const branch = branchTag(source.defaultBranch);
  const reading = deps.contentKey();
  const wanted = async (at: number): Promise<readonly string[]> => {
    const ofFirst = at === 0 ? [branch] : [];
    // A part is built whatever is there.
    if (stage.kind === 'part') return ofFirst;
    const key = publishedKey(await reading);
    return [tags.commit, ...tags.fixed, ...(key === undefined ? [] : [key]), ...ofFirst];
  };
  // Both before anything is created: a wrong context or role must leave nothing behind.
  const [content, registries] = await Promise.all([reading, deps.openRegistries(wanted)]);
  const key = publishedKey(content);
  const prepared = await Promise.all(registries.map((registry) => registry.prepare()));
  const run = new BuildRun(inputs, deps, registries, tags, key);
  run.notes.push(
    ...prepared.flatMap(({ created }, at) =>
      created ? [`Created the repository ${registries[at]?.repository}.`] : [],
    ),
    ...(key !== undefined
      ? []
      : [`The content is not remembered for later builds: ${content.unclear.join('; ')}.`]),
  );
  const [first] = registries;
  const bytesOf = async (digest: string | undefined): Promise<number | undefined> =>
    digest === undefined ? undefined : first?.bytes(digest);
  const there = prepared.map((repository) => repository.tags);
  const [result, bytesBefore] = await Promise.all([
    run.carryOut(stage, there),
    // The image that the default branch points to until now.
    bytesOf(there[0]?.get(branch)),
  ]);
  // Nothing waits for it: it was asked for with everything else.
  const drift = await Promise.all(
    registries.map(async (registry) =>
      (await registry.drift()).map((each) => `${registry.repository}: ${each}`),
    ),
  );
  const ofPart = stage.kind === 'part';
  return {
    outcome: result.outcome,
    digest: result.digest,
    images:
      result.digest === undefined || ofPart
        ? []
        : registries.map(({ repository }) => `${repository}:${source.commit}@${result.digest}`),
    key: content.tag,
    commit: source.commit,
    seconds: Number(((deps.now() - started) / 1000).toFixed(1)),
    steps: result.steps,
    cached: result.cached,
    bytes: await bytesOf(result.digest),
    bytesBefore,
    notes: [...run.notes, ...drift.flat()],
  };
}

/** The tag that the image gets for its content; undefined: it must not be found by it. */
const publishedKey = ({ tag, unclear }: Content): string | undefined =>
  unclear.length === 0 ? tag : undefined;

interface Result {
  readonly outcome: BuildOutcome | undefined;
  readonly digest: string | undefined;
  readonly steps: number;
  readonly cached: number;
}

/** Digests by tag. */
type Tags = ReadonlyMap<string, string>;

const NOTHING_BUILT = { steps: 0, cached: 0 };

class BuildRun {
  readonly notes: string[] = [];
  readonly #inputs: BuildInputs;
  readonly #deps: BuildDeps;
  readonly #registries: readonly ImageRegistry[];
  readonly #tags: ImageTags;
  /** undefined: the content must not be found by anybody. */
  readonly #keyTag: string | undefined;

  constructor(
    inputs: BuildInputs,
    deps: BuildDeps,
    registries: readonly ImageRegistry[],
    tags: ImageTags,
    keyTag: string | undefined,
  ) {
    this.#inputs = inputs;
    this.#deps = deps;
    this.#registries = registries;
    this.#tags = tags;
    this.#keyTag = keyTag;
  }

  get #first(): ImageRegistry {
    const [first] = this.#registries;
    if (first === undefined) throw new Error('parseTargets lets no empty list through');
    return first;
  }

  /** @param there the tags that each registry had when it was looked at */
  async carryOut(stage: BuildInputs['stage'], there: readonly Tags[]): Promise<Result> {
    if (stage.kind === 'part') {
      const built = await this.#build([stage.platform]);
      return { outcome: 'built', ...built };
    }
    const decision = this.#decide(there);
    if (decision.kind !== 'build') {
      await this.#reuse(decision);
      return {
        outcome: decision.kind === 'existed' ? 'existed' : 'retagged',
        digest: decision.digest,
        ...NOTHING_BUILT,
      };
    }
    switch (stage.kind) {
      case 'look':
        return { outcome: undefined, digest: undefined, ...NOTHING_BUILT };
      case 'join':
        return this.#join(stage.digests);
      default: {
        const built = await this.#build(this.#inputs.request.platforms);
        return { ...built, ...(await this.#publish(built.digest, 'built')) };
      }
    }
  }

  #decide(there: readonly Tags[]): Decision {
    const { commit, fixed } = this.#tags;
    const key = this.#keyTag;
    const seen = this.#registries.map(({ name }, at): Seen => {
      const found: Tags = there[at] ?? new Map();
      return {
        name,
        commit: found.get(commit),
        key: key === undefined ? undefined : found.get(key),
        fixed: new Map([...found].filter(([tag]) => fixed.includes(tag))),
      };
    });
    return decideBuild(seen, this.#inputs.force);
  }

  #build(platforms: readonly string[]): Promise<Built> {
    const { source } = this.#inputs;
    this.#deps.onStep(`building for ${platforms.join(', ')}`);
    const cache = cacheTags({ ...source, branch: source.ref.branch });
    return this.#deps.build(
      this.#registries.map(({ repository }) => repository),
      platforms,
      cache,
    );
  }

  /** Brings an image that one registry has to all of them. */
  async #reuse(decision: Exclude<Decision, { kind: 'build' }>): Promise<void> {
    const from = this.#registries[decision.from] ?? this.#first;
    this.#deps.onStep(
      decision.kind === 'existed' ? 'this commit was built before' : 'the same content was built before',
    );
    await this.#bringTo(this.#registries, from, decision.digest);
    // What a branch points to must not go back to an older commit when its run is started again.
    await this.#publish(decision.digest, decision.kind === 'existed' ? 'existed' : 'retagged');
  }

  async #bringTo(to: readonly ImageRegistry[], from: ImageRegistry, digest: string): Promise<void> {
    for (const registry of to) {
      if (registry !== from && !(await registry.has(digest))) {
        this.#deps.onStep(`copying ${digest} from ${from.name} to ${registry.name}`);
        await registry.copyFrom(from, digest);
      }
    }
  }

  /** Puts the tags, the commit's in the first registry first. Another run of this commit may have been quicker. */
  async #publish(digest: string, outcome: BuildOutcome): Promise<Pick<Result, 'outcome' | 'digest'>> {
    const { commit } = this.#tags;
    if ((await this.#first.tag(digest, commit)) === 'taken') {
      const winner = (await this.#first.find([commit])).get(commit);
      if (winner === undefined) {
        throw couldNot(`The tag ${commit} in ${this.#first.name} can neither be written nor read.`, {
          todo: 'Run it again.',
          reason: 'tag-taken',
        });
      }
      this.notes.push('Another run has built this commit at the same time; its image is taken.');
      await this.#bringTo(this.#registries, this.#first, winner);
      await this.#tagAll(winner, 'existed');
      return { outcome: 'existed', digest: winner };
    }
    await this.#tagAll(digest, outcome);
    return { outcome, digest };
  }

  async #tagAll(digest: string, outcome: BuildOutcome): Promise<void> {
    const { commit, fixed, moving } = this.#tags;
    await Promise.all(
      this.#registries.map(async (registry) => {
        await Promise.all([commit, ...fixed].map((tag) => this.#fix(registry, digest, tag)));
        if (outcome === 'existed') return;
        for (const tag of moving) {
          if ((await registry.tag(digest, tag)) === 'taken') {
            this.notes.push(
              `${registry.repository}: the tag ${tag} may not move. Exclude branch-* from the immutable tags of the repository.`,
            );
          }
        }
        // Last: who finds the key finds an image with all of its tags. Who was first with this content stays.
        if (this.#keyTag !== undefined) await registry.tag(digest, this.#keyTag);
      }),
    );
  }

  async #fix(registry: ImageRegistry, digest: string, tag: string): Promise<void> {
    if ((await registry.tag(digest, tag)) === 'taken') {
      throw couldNot(`The tag ${tag} in ${registry.name} belongs to another image.`, {
        todo: 'Run it again; if that does not help, look at what wrote this tag.',
        reason: 'tag-taken',
      });
    }
  }

  async #join(digests: readonly string[]): Promise<Result> {
    const { commit } = this.#tags;
    const { platforms } = this.#inputs.request;
    if (digests.length !== platforms.length) {
      throw couldNot(`There are ${digests.length} parts for ${platforms.length} platforms.`, {
        todo: 'Give one digest a platform, one a line, as the parts printed them.',
        reason: 'bad-parts',
      });
    }
    this.#deps.onStep(`joining ${digests.length} parts`);
    const joined = await this.#deps.join(this.#first.repository, digests, commit);
    const digest = (await this.#first.find([commit])).get(commit);
    if (digest === undefined) {
      throw couldNot(`The image was joined, and ${this.#first.name} does not know its tag ${commit}.`, {
        todo: 'Run it again.',
        reason: 'no-digest',
      });
    }
    await this.#bringTo(this.#registries, this.#first, digest);
    const outcome = joined === 'put' ? 'built' : 'existed';
    await this.#tagAll(digest, outcome);
    return { outcome, digest, ...NOTHING_BUILT };
  }
}
