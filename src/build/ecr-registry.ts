import { copyImage, type Place } from '../aws/copy-image.ts';
import { type Ecr, type EcrImage, findImage, findTags, putTag } from '../aws/ecr.ts';
import {
  type EnsuredRepository,
  ensureRepository,
  type FoundRepository,
  lookAtRepository,
} from '../aws/ecr-repository.ts';
import { parseManifest } from '../aws/manifest.ts';
import type { RepositoryPlan } from '../aws/repository-plan.ts';
import { couldNot, Failure } from '../report/failure.ts';
import type { ImageRegistry } from './image-registry.ts';

/** How repositories of a build are made. */
export interface RepositoryRules {
  readonly plan: RepositoryPlan;
  readonly mayCreate: boolean;
}

/** What was seen of a repository when it was opened. */
interface Looked {
  /** Not waited for: what has a tag is there. */
  readonly repository: Promise<FoundRepository>;
  /** The images of tags; an error where they could not be looked for, in a repository that is missing for one. */
  readonly tags: PromiseSettledResult<ReadonlyMap<string, EcrImage>>;
}

/**
 * Opens a repository: signs in to its registry, looks at it and for tags. Nothing is made.
 *
 * @param opening whose repository; `place` signs in; `tags` is waited for
 * @throws Failure of signing in, and where AWS does not let us look
 */
export async function openEcrRegistry(opening: {
  readonly ecr: Ecr;
  readonly account: string;
  readonly repository: string;
  readonly place: Promise<Place>;
  readonly tags: Promise<readonly string[]>;
  readonly rules: RepositoryRules;
}): Promise<ImageRegistry> {
  const { ecr, account, repository, rules } = opening;
  const finding = opening.tags.then((tags) => findTags(ecr, repository, tags));
  // All at once: each is a round trip to AWS, and nearly always the repository is there.
  const looking = lookAtRepository(ecr, repository);
  // Who asks for it hears of it.
  looking.catch(() => undefined);
  const [place, [tags]] = await Promise.all([opening.place, Promise.allSettled([finding])]);
  return new EcrRegistry(ecr, account, place, rules, { repository: looking, tags });
}

/** A repository in ECR. */
class EcrRegistry implements ImageRegistry {
  readonly name: string;
  readonly repository: string;
  /** Where its image data is. */
  readonly place: Place;
  readonly #ecr: Ecr;
  readonly #rules: RepositoryRules;
  readonly #looked: Looked;
  #ensuring: Promise<EnsuredRepository> | undefined;
  readonly #images = new Map<string, EcrImage>();
  /** What tags were seen to point to, so that nothing is asked twice. */
  readonly #tags = new Map<string, string>();

  constructor(ecr: Ecr, account: string, place: Place, rules: RepositoryRules, looked: Looked) {
    this.#ecr = ecr;
    this.name = `${account}/${ecr.identity.region}`;
    this.place = place;
    this.repository = `${place.registry.authorization.host}/${place.repository}`;
    this.#rules = rules;
    this.#looked = looked;
  }

  async prepare() {
    const { tags } = this.#looked;
    const isThere = tags.status === 'fulfilled' && tags.value.size > 0;
    if (!isThere && (await this.#ensured()).state === 'created') {
      // What was made a moment ago was not there when it was looked into.
      return { created: true, tags: new Map<string, string>() };
    }
    if (tags.status === 'rejected') throw tags.reason;
    return { created: false, tags: this.#remember(tags.value) };
  }

  async drift() {
    const ensured = await this.#ensured();
    if (ensured.state === 'created') return [];
    return ensured.state === 'there' ? ensured.drift.map(({ message }) => message) : [ensured.message];
  }

  #ensured(): Promise<EnsuredRepository> {
    const { plan, mayCreate } = this.#rules;
    this.#ensuring ??= this.#looked.repository.then((found) =>
      ensureRepository(this.#ecr, this.place.repository, plan, mayCreate, found),
    );
    return this.#ensuring;
  }

  async find(tags: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = await findTags(this.#ecr, this.place.repository, tags);
    for (const tag of tags) this.#tags.delete(tag);
    return this.#remember(found);
  }

  #remember(found: ReadonlyMap<string, EcrImage>): ReadonlyMap<string, string> {
    for (const [tag, image] of found) {
      this.#images.set(image.digest, image);
      this.#tags.set(tag, image.digest);
    }
    return new Map([...found].map(([tag, { digest }]) => [tag, digest]));
  }

  async has(digest: string): Promise<boolean> {
    return (await this.#image(digest)) !== undefined;
  }

  async bytes(digest: string): Promise<number | undefined> {
    const image = await this.#image(digest);
    if (image === undefined) return undefined;
    const { blobs, children } = parseManifest(image.manifest);
    if (children.length === 0) return blobs.reduce((sum, { size }) => sum + size, 0);
    // Of several architectures the largest: it is what the slowest node pulls.
    const sizes = await Promise.all(
      children
        // Attestations are pulled by nobody (BuildKit docs, "Image attestation storage").
        .filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined)
        .map(async ({ digest: child }) => this.bytes(child)),
    );
    const known = sizes.filter((size) => size !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  async tag(digest: string, tag: string): Promise<'put' | 'already-there' | 'taken'> {
    if (this.#tags.get(tag) === digest) return 'already-there';
    const image = await this.#image(digest);
    if (image === undefined) {
      throw couldNot(`${this.repository} has no image ${digest} to tag as ${tag}.`, {
        todo: 'Run it again; see that no lifecycle policy removes untagged images at once.',
        reason: 'no-image',
      });
    }
    try {
      const put = await putTag(this.#ecr, this.place.repository, image, tag);
      this.#tags.set(tag, digest);
      return put === 'tagged' ? 'put' : 'already-there';
    } catch (error) {
      if (error instanceof Failure && error.reason === 'tag-taken') return 'taken';
      throw error;
    }
  }

  async copyFrom(other: ImageRegistry, digest: string): Promise<void> {
    if (!(other instanceof EcrRegistry)) throw new Error(`${other.name} is not ECR`);
    await copyImage(other.place, this.place, digest);
  }

  async #image(digest: string): Promise<EcrImage | undefined> {
    const image = this.#images.get(digest) ?? (await findImage(this.#ecr, this.place.repository, { digest }));
    if (image !== undefined) this.#images.set(digest, image);
    return image;
  }
}
