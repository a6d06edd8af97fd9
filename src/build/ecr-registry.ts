import { copyImage, type Place } from '../aws/copy-image.ts';
import { type Ecr, type EcrImage, findImage, findTags, putTag } from '../aws/ecr.ts';
import { ensureRepository } from '../aws/ecr-repository.ts';
import { parseManifest } from '../aws/manifest.ts';
import type { RepositoryPlan } from '../aws/repository-plan.ts';
import { couldNot, Failure } from '../report/failure.ts';
import type { ImageRegistry } from './image-registry.ts';

/** How repositories of a build are made. */
export interface RepositoryRules {
  readonly plan: RepositoryPlan;
  readonly mayCreate: boolean;
}

/** A repository in ECR. */
export class EcrRegistry implements ImageRegistry {
  readonly name: string;
  readonly repository: string;
  /** Where its image data is. */
  readonly place: Place;
  readonly #ecr: Ecr;
  readonly #rules: RepositoryRules;
  readonly #images = new Map<string, EcrImage>();
  /** What tags were seen to point to, so that nothing is asked twice. */
  readonly #tags = new Map<string, string>();

  constructor(ecr: Ecr, account: string, place: Place, rules: RepositoryRules) {
    this.#ecr = ecr;
    this.name = `${account}/${ecr.identity.region}`;
    this.place = place;
    this.repository = `${place.registry.authorization.host}/${place.repository}`;
    this.#rules = rules;
  }

  async prepare(tags: readonly string[]) {
    // Both at once: nearly always the repository is there, and each is a round trip to AWS.
    const looking = this.find(tags);
    const [found, looked] = await Promise.allSettled([
      ensureRepository(this.#ecr, this.place.repository, this.#rules.plan, this.#rules.mayCreate),
      looking,
    ]);
    if (found.status === 'rejected') throw found.reason;
    // What was made a moment ago was not there when it was looked into.
    if (found.value.state === 'created') return { created: true, drift: [], tags: new Map<string, string>() };
    if (looked.status === 'rejected') throw looked.reason;
    const drift =
      found.value.state === 'there' ? found.value.drift.map(({ message }) => message) : [found.value.message];
    return { created: false, drift, tags: looked.value };
  }

  async find(tags: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = await findTags(this.#ecr, this.place.repository, tags);
    for (const tag of tags) this.#tags.delete(tag);
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
