import {
  BatchGetImageCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import { couldNot, refused } from '../report/failure.ts';
import { awsFailure } from './aws-failure.ts';
import { type AwsIdentity, awsCredentials } from './credentials.ts';
import { httpsAgent } from './https-agent.ts';

/** One account's ECR in one region, as one identity. */
export interface Ecr {
  readonly identity: AwsIdentity;
  readonly client: ECRClient;
  /** The account whose registry is meant; absent: the identity's own. */
  readonly account?: string;
}

/** Names another account's registry in a request; its repositories must let the identity in. */
export const registryOf = ({ account }: Ecr): { readonly registryId?: string } =>
  account === undefined ? {} : { registryId: account };

/**
 * ECR for an identity. Nothing is asked for until it is used.
 *
 * @param account whose registry is meant; default: the identity's own
 *
 * What AWS throttles is retried by the SDK, whose adaptive mode also slows down what follows ("Retry behavior", AWS SDKs
 * and Tools reference); so are 5xx and lost connections.
 */
export function openEcr(identity: AwsIdentity, account?: string): Ecr {
  const client = new ECRClient({
    region: identity.region,
    credentials: awsCredentials(identity),
    retryMode: 'adaptive',
    maxAttempts: 6,
    requestHandler: { httpsAgent: httpsAgent() },
  });
  return { identity, client, ...(account === undefined ? {} : { account }) };
}

/** What opens a registry: for `auths` in Docker's config, or as HTTP's basic authentication. */
export interface RegistryAuthorization {
  /** `333333333333.dkr.ecr.ap-northeast-1.amazonaws.com`, also where DNS or the partition make it another. */
  readonly host: string;
  readonly username: string;
  /** A secret. */
  readonly password: string;
  readonly expiresAt: Date;
}

/** A password for the registry of the identity's account, good for 12 hours. */
export async function authorization(ecr: Ecr): Promise<RegistryAuthorization> {
  const { authorizationData: [data] = [] } = await send(ecr, 'log in to ECR', (client) =>
    client.send(new GetAuthorizationTokenCommand({})),
  );
  const text = Buffer.from(data?.authorizationToken ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  if (data?.proxyEndpoint === undefined || data.expiresAt === undefined || colon < 1) {
    throw couldNot('ECR answered GetAuthorizationToken without a token.', { reason: 'aws' });
  }
  return {
    host: new URL(data.proxyEndpoint).host,
    username: text.slice(0, colon),
    password: text.slice(colon + 1),
    expiresAt: data.expiresAt,
  };
}

/** A manifest or index of a repository. */
export interface EcrImage {
  readonly digest: string;
  readonly mediaType: string;
  /** Exactly as it was pushed: its digest is the digest of these bytes. */
  readonly manifest: string;
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** The image of a tag or a digest; undefined where there is none. By BatchGetImage, which every role that pushes may call. */
export async function findImage(
  ecr: Ecr,
  repository: string,
  reference: { readonly tag: string } | { readonly digest: string },
): Promise<EcrImage | undefined> {
  const isTag = 'tag' in reference;
  const text = isTag ? `${repository}:${reference.tag}` : `${repository}@${reference.digest}`;
  const imageId = isTag ? { imageTag: reference.tag } : { imageDigest: reference.digest };
  const [found] = await getImages(ecr, repository, [imageId], text);
  return found?.image;
}

/** BatchGetImage's limit ("Amazon ECR API Reference"). */
const MOST_IDS = 100;

/** The images of tags, by tag; those that are not there are absent. One request. */
export async function findTags(
  ecr: Ecr,
  repository: string,
  tags: readonly string[],
): Promise<ReadonlyMap<string, EcrImage>> {
  if (tags.length === 0) return new Map();
  const ids = [...new Set(tags)].slice(0, MOST_IDS).map((imageTag) => ({ imageTag }));
  const found = await getImages(ecr, repository, ids, `${repository}:${tags.join(', ')}`);
  return new Map(found.flatMap(({ tag, image }) => (tag === undefined ? [] : [[tag, image] as const])));
}

async function getImages(
  ecr: Ecr,
  repository: string,
  imageIds: readonly { readonly imageTag?: string; readonly imageDigest?: string }[],
  text: string,
): Promise<readonly { readonly tag: string | undefined; readonly image: EcrImage }[]> {
  const { images = [], failures = [] } = await send(ecr, `look for ${text}`, (client) =>
    client.send(
      new BatchGetImageCommand({
        ...registryOf(ecr),
        repositoryName: repository,
        imageIds: [...imageIds],
        acceptedMediaTypes: MANIFEST_TYPES,
      }),
    ),
  );
  const failure = failures.find(({ failureCode }) => failureCode !== 'ImageNotFound');
  if (failure !== undefined) {
    throw couldNot(
      `ECR did not say whether ${text} exists: ${failure.failureCode}: ${failure.failureReason}`,
      { reason: 'aws' },
    );
  }
  return images.flatMap(({ imageId, imageManifest: manifest, imageManifestMediaType }) => {
    const digest = imageId?.imageDigest;
    if (digest === undefined || manifest === undefined) return [];
    const mediaType =
      imageManifestMediaType ?? String((JSON.parse(manifest) as { mediaType?: string }).mediaType);
    return [{ tag: imageId?.imageTag, image: { digest, mediaType, manifest } }];
  });
}

/**
 * Puts one more tag on an image, without pulling or pushing anything: the digest stays.
 *
 * @returns `there` where the tag was on this image already, also when an earlier attempt of ours put it there
 * @throws Failure (exit 1, `tag-taken`) where the tag is immutable and on another image
 */
export async function putTag(
  ecr: Ecr,
  repository: string,
  image: EcrImage,
  tag: string,
): Promise<'tagged' | 'there'> {
  try {
    await ecr.client.send(
      new PutImageCommand({
        ...registryOf(ecr),
        repositoryName: repository,
        imageManifest: image.manifest,
        imageManifestMediaType: image.mediaType,
        // ECR refuses a manifest that changed on the way.
        imageDigest: image.digest,
        imageTag: tag,
      }),
    );
    return 'tagged';
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    // ECR: this digest has this tag. It says so for immutable and mutable repositories alike.
    if (name === 'ImageAlreadyExistsException') return 'there';
    if (name !== 'ImageTagAlreadyExistsException') {
      throw await awsFailure(error, { what: `tag ${repository}:${tag}`, identity: ecr.identity });
    }
    const taken = await findImage(ecr, repository, { tag });
    if (taken?.digest === image.digest) return 'there';
    throw refused(
      `The tag ${repository}:${tag} is immutable and on another image (${taken?.digest}), not on ${image.digest}.`,
      {
        todo: 'Use another tag; a tag that has to move needs an exclusion in the repository.',
        reason: 'tag-taken',
      },
    );
  }
}

/** Asks ECR, and says what is missing when it refuses. */
export async function send<T>(ecr: Ecr, what: string, ask: (client: ECRClient) => Promise<T>): Promise<T> {
  try {
    return await ask(ecr.client);
  } catch (error) {
    throw await awsFailure(error, { what, identity: ecr.identity });
  }
}
