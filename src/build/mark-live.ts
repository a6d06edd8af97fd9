import { liveTag, releaseTag } from '../aws/repository-plan.ts';
import { Failure } from '../report/failure.ts';
import { type ImagePlace, type PullingCluster, placesOf } from './check-images.ts';

/** An image that the GitOps repository says runs in an environment. */
export interface DeployedImage {
  /** With the registry's host. */
  readonly repository: string;
  readonly digest: string | undefined;
  /** The number of the build, where it is recorded. */
  readonly build: number | undefined;
  readonly environment: string;
  readonly clusters: readonly PullingCluster[];
  /** `registries` of kajitori.yaml. */
  readonly registries: readonly string[];
}

export interface MarkLiveDeps {
  /** What the GitOps repository says now; read anew each time. */
  readonly deployed: () => Promise<readonly DeployedImage[]>;
  readonly tag: (place: ImagePlace, digest: string, tag: string) => Promise<'tagged' | 'there' | 'taken'>;
}

/** What was done. */
export interface Marked {
  /** `<host>/<repository>:<tag>`, each tag that is where it should be now. */
  readonly tags: readonly string[];
  /** What could not be done, and what to do. Nothing of it touches the deploy. */
  readonly problems: readonly string[];
}

/** Another deploy would have to land between reading and tagging each time. */
const ROUNDS = 3;

/**
 * Puts the tags on what runs that the lifecycle policy of the repository spares: `live-<environment>`, and
 * `release.<environment>.<build>` for the last releases (src/aws/repository-plan.ts).
 *
 * It makes them what the GitOps repository says, and looks again after it wrote: of two runs at the same time the one that
 * wrote last sees the newer release and corrects itself, so an older one never stays. Run twice, it changes nothing.
 *
 * Never throws: the deploy is written already, and a tag is not worth its failing.
 */
export async function markLive(deps: MarkLiveDeps): Promise<Marked> {
  const tags = new Set<string>();
  const problems = new Set<string>();
  let done = '';
  for (let round = 0; round < ROUNDS; round += 1) {
    let images: readonly DeployedImage[];
    try {
      images = await deps.deployed();
    } catch (error) {
      problems.add(`What runs could not be read, so no image was marked as live: ${words(error)}`);
      break;
    }
    const state = JSON.stringify(images.map(({ repository, digest, build }) => [repository, digest, build]));
    if (state === done) break;
    tags.clear();
    problems.clear();
    for (const image of images) await markImage(image, deps, tags, problems);
    done = state;
  }
  return { tags: [...tags], problems: [...problems] };
}

async function markImage(
  image: DeployedImage,
  deps: MarkLiveDeps,
  tags: Set<string>,
  problems: Set<string>,
): Promise<void> {
  const { repository, digest, build, environment, clusters, registries } = image;
  const places = clusters.flatMap((cluster) => placesOf(repository, cluster, registries));
  const each = new Map(places.map((place) => [`${place.host}/${place.repository}`, place]));
  if (digest === undefined || each.size === 0) {
    problems.add(
      `${repository} was not marked as live in ${environment}: ${digest === undefined ? 'it has no digest' : 'its registry is not Amazon ECR'}.`,
    );
    return;
  }
  const wanted = [...(build === undefined ? [] : [releaseTag(environment, build)]), liveTag(environment)];
  for (const [name, place] of each) {
    for (const tag of wanted) {
      try {
        if ((await deps.tag(place, digest, tag)) !== 'taken') tags.add(`${name}:${tag}`);
        else if (tag === liveTag(environment)) {
          problems.add(
            `${name}:${tag} may not move: exclude live-* from the immutable tags of the repository.`,
          );
        } else {
          problems.add(`${name}:${tag} stays on another image: two builds have the number ${build}.`);
        }
      } catch (error) {
        problems.add(`${name}:${tag} was not set: ${words(error)}`);
      }
    }
  }
}

function words(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof Failure && error.todo !== undefined ? `${message} ${error.todo}` : message;
}
