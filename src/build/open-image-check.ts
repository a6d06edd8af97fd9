import type { Agent } from 'node:https';
import { platformImages } from '../aws/copy-image.ts';
import type { AwsIdentity } from '../aws/credentials.ts';
import { authorization, type Ecr, findImage, openEcr, putTag } from '../aws/ecr.ts';
import { type EcrHost, parseEcrHost } from '../aws/registry-host.ts';
import { SEVERITIES, type Severity, scanFindings } from '../aws/scan-findings.ts';
import type { Timing } from '../github/timing.ts';
import { couldNot, Failure } from '../report/failure.ts';
import {
  checkImages,
  findingsFailure,
  type ImageCheck,
  type ImageCheckDeps,
  type PinnedImage,
} from './check-images.ts';
import type { MarkLiveDeps } from './mark-live.ts';

/** Who reads registries, from where. */
export interface RegistryReader {
  /** As whom one registry is read. */
  readonly identityFor: (registry: EcrHost) => AwsIdentity;
  readonly timing: Timing;
  /** How registries are reached. */
  readonly agent: Agent;
  /** Told every password before it is used. */
  readonly onSecret: (value: string) => void;
}

/** What looks into registries of ECR; each is signed in to when it is first looked at. */
export function openImageCheck({
  identityFor,
  timing,
  agent,
  onSecret,
}: RegistryReader): ImageCheckDeps & Pick<MarkLiveDeps, 'tag'> {
  const opened = new Map<string, Ecr>();
  const ecrOf = (host: EcrHost): Ecr => {
    const key = `${host.account}/${host.region}`;
    const ecr = opened.get(key) ?? openEcr(identityFor(host), host.account);
    opened.set(key, ecr);
    return ecr;
  };
  return {
    look: async (place, digest) => {
      const ecr = ecrOf(place);
      const image = await findImage(ecr, place.repository, { digest });
      if (image === undefined) return undefined;
      return platformImages(image, async () => {
        const token = await authorization(ecr);
        onSecret(token.password);
        // The password opens every registry that the identity may read, not only its own account's.
        const registry = {
          authorization: { ...token, host: place.host },
          identity: ecr.identity,
          agent,
          timing,
        };
        return { registry, repository: place.repository };
      });
    },
    scan: (place, digest) => scanFindings(ecrOf(place), place.repository, digest),
    tag: async (place, digest, tag) => {
      const ecr = ecrOf(place);
      const image = await findImage(ecr, place.repository, { digest });
      if (image === undefined) {
        throw couldNot(`${place.host}/${place.repository} has no image ${digest}.`, { reason: 'no-image' });
      }
      try {
        return await putTag(ecr, place.repository, image, tag);
      } catch (error) {
        if (error instanceof Failure && error.reason === 'tag-taken') return 'taken';
        throw error;
      }
    },
  };
}

/**
 * The question before a bump: throws a Failure that names every reason why clusters cannot run images.
 *
 * @param scanThreshold undefined: scans are not looked at
 */
export const imageGate =
  (deps: ImageCheckDeps, scanThreshold: Severity | undefined) =>
  async (images: readonly PinnedImage[], of: Pick<ImageCheck, 'clusters' | 'registries'>): Promise<void> => {
    const failure = findingsFailure(await checkImages({ images, ...of, scanThreshold }, deps));
    if (failure !== undefined) throw failure;
  };

/**
 * Reads a severity of ECR's scans; none: undefined.
 *
 * @throws Failure (exit 2): `bad-input`
 */
export function parseSeverity(text: string | undefined): Severity | undefined {
  if (text === undefined) return undefined;
  const found = SEVERITIES.find((severity) => severity === text.toUpperCase());
  if (found === undefined) {
    throw couldNot(`scan-threshold is ${JSON.stringify(text.slice(0, 40))}.`, {
      todo: `Write one of: ${SEVERITIES.join(', ').toLowerCase()}.`,
      reason: 'bad-input',
    });
  }
  return found;
}

/**
 * Whether an image can still be pulled from the repository that it names: what a rollback asks before it goes back.
 *
 * @throws Failure (exit 2): `image-unchecked` without a digest, or where the registry is not ECR; what AWS refuses
 */
export async function imageExists(
  { repository, digest }: PinnedImage,
  { look }: Pick<ImageCheckDeps, 'look'>,
): Promise<boolean> {
  const [host = '', ...names] = repository.split('/');
  const registry = parseEcrHost(host);
  if (registry === undefined || digest === undefined) {
    throw couldNot(
      `Whether ${repository} still has this image was not checked: ${digest === undefined ? 'it has no digest' : 'its registry is not Amazon ECR'}.`,
      { todo: 'Look yourself, or leave the check out.', reason: 'image-unchecked' },
    );
  }
  return (await look({ ...registry, host, repository: names.join('/') }, digest)) !== undefined;
}
