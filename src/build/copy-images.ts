import type { Agent } from 'node:https';
import { type Copied, copyImage, type Place } from '../aws/copy-image.ts';
import { authorization, type Ecr, openEcr } from '../aws/ecr.ts';
import { ensureRepository } from '../aws/ecr-repository.ts';
import { parseEcrHost } from '../aws/registry-host.ts';
import type { RepositoryPlan } from '../aws/repository-plan.ts';
import type { Timing } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { type AwsSession, type BuildTarget, identityOf, parseTargets } from './build-target.ts';
import type { RegistryReader } from './open-image-check.ts';

/** An image that is brought to other registries as it is: promotion without a build. */
export interface CopyRequest {
  /** The name in every registry. */
  readonly repository: string;
  readonly digest: string;
  readonly from: BuildTarget;
  readonly to: readonly BuildTarget[];
  /** At least one: what no tag points to is expired by the lifecycle policy. */
  readonly tags: readonly string[];
  readonly createRepository: boolean;
}

export interface CopyDeps extends AwsSession {
  readonly agent: Agent;
  readonly timing: Timing;
  /** How a repository is made. */
  readonly plan: RepositoryPlan;
  readonly onSecret: (value: string) => void;
  readonly onStep: (text: string) => void;
}

/** What one registry got. */
export interface CopyOutcome extends Copied {
  /** `repository:tag@digest`. */
  readonly image: string;
  readonly created: boolean;
}

/**
 * Reads what people write.
 *
 * @throws Failure (exit 2): `bad-target`, `bad-image`, `bad-repository`
 */
export function copyRequest(written: {
  readonly repository: string;
  readonly digest: string;
  readonly from: string;
  readonly to: string;
  readonly role: string | undefined;
  readonly tags: readonly string[];
  readonly createRepository: boolean;
}): CopyRequest {
  const [from, ...more] = parseTargets(written.from, written.role);
  if (from === undefined || more.length > 0) {
    throw couldNot('An image is copied from one registry.', {
      todo: 'Name one under --from.',
      reason: 'bad-target',
    });
  }
  if (!/^sha256:[a-f\d]{64}$/.test(written.digest)) {
    throw couldNot(`${JSON.stringify(written.digest.slice(0, 80))} is not a digest.`, {
      todo: 'Write sha256: and 64 digits, as the build prints it.',
      reason: 'bad-image',
    });
  }
  if (!/^[a-z\d][a-z\d._/-]{0,255}$/.test(written.repository)) {
    throw couldNot(`${JSON.stringify(written.repository.slice(0, 120))} is not a repository in ECR.`, {
      todo: 'Write it without the registry, like web.',
      reason: 'bad-repository',
    });
  }
  const wrong = written.tags.find((tag) => !/^\w[\w.-]{0,127}$/.test(tag));
  if (wrong !== undefined || written.tags.length === 0) {
    throw couldNot(
      wrong === undefined
        ? 'A copy needs a tag: without one, the lifecycle policy expires it.'
        : `${JSON.stringify(wrong.slice(0, 140))} cannot be a tag.`,
      { todo: 'Give --tag, the commit for example, as the release file has it.', reason: 'bad-tag' },
    );
  }
  return {
    repository: written.repository,
    digest: written.digest,
    from,
    to: parseTargets(written.to, written.role),
    tags: written.tags,
    createRepository: written.createRepository,
  };
}

/**
 * Brings an image to other registries, byte for byte: the digest that was tested in one account is the digest that runs in
 * the next, with its provenance, SBOM and signatures. Run again, it sends nothing.
 *
 * @returns in the order of the targets
 * @throws Failure: exit 1 (`tag-taken`), exit 2 (`no-image`, `no-repository`, `no-permission`…); earlier targets have it then
 */
export async function runCopy(request: CopyRequest, deps: CopyDeps): Promise<readonly CopyOutcome[]> {
  const { repository, digest, tags } = request;
  const source = await open(request.from, repository, deps);
  const outcomes: CopyOutcome[] = [];
  for (const target of request.to) {
    const { ecr, place } = await open(target, repository, deps);
    deps.onStep(`copying ${repository}@${digest} to ${target.account}/${target.region}`);
    const ensured = await ensureRepository(ecr, repository, deps.plan, request.createRepository);
    const copied = await copyImage(source.place, place, digest, tags);
    const name = `${place.registry.authorization.host}/${repository}`;
    outcomes.push({
      ...copied,
      image: `${name}:${tags[0]}@${digest}`,
      created: ensured.state === 'created',
    });
  }
  return outcomes;
}

async function open(
  target: BuildTarget,
  repository: string,
  deps: CopyDeps,
): Promise<{ readonly ecr: Ecr; readonly place: Place }> {
  const { agent, timing } = deps;
  const ecr = openEcr(identityOf(target, deps));
  const token = await authorization(ecr);
  deps.onSecret(token.password);
  return {
    ecr,
    place: { registry: { authorization: token, identity: ecr.identity, agent, timing }, repository },
  };
}

/** An image where a release file says it is, or is to say. */
interface PlacedImage {
  /** With the registry's host. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * Brings an image of one repository to another, as a promotion does before the release file names it there.
 *
 * What it returns throws Failure (exit 2): `image-unchecked` where one is not in ECR or has no digest; those of `copyImage`
 */
export function openImageCopy({
  identityFor,
  timing,
  agent,
  onSecret,
}: RegistryReader): (from: PlacedImage, to: PlacedImage) => Promise<void> {
  const placeOf = async ({ repository }: PlacedImage): Promise<Place> => {
    const [host = '', ...names] = repository.split('/');
    const registry = parseEcrHost(host);
    if (registry === undefined) {
      throw couldNot(`${repository} cannot be copied: its registry is not Amazon ECR.`, {
        todo: 'Copy it by the means of that registry, and leave copy-image out.',
        reason: 'image-unchecked',
      });
    }
    const identity = identityFor(registry);
    const token = await authorization(openEcr(identity));
    onSecret(token.password);
    return {
      // The password opens every registry that the identity may use, not only its own account's.
      registry: { authorization: { ...token, host }, identity, agent, timing },
      repository: names.join('/'),
    };
  };
  return async (from, to) => {
    const { digest } = from;
    // Without a tag the lifecycle policy would expire the copy.
    const tag = to.tag ?? from.tag;
    if (digest === undefined || tag === undefined) {
      throw couldNot(
        `${from.repository} cannot be copied: it has no ${digest === undefined ? 'digest' : 'tag'}.`,
        {
          todo: 'Deploy it by repository:tag@sha256:… first.',
          reason: 'image-unchecked',
        },
      );
    }
    await copyImage(await placeOf(from), await placeOf(to), digest, [tag]);
  };
}
