import { ApiError } from './api-answers.ts';
import type { ApiParts } from './api-call.ts';
import { digestOf, type StoredImage } from './images.ts';
import { mayOverwrite } from './mutability.ts';
import { RegistryRefusal } from './registry.ts';

/** A call about the images of a repository that exists. */
export interface ImageCall extends ApiParts {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  readonly input: Readonly<Record<string, unknown>>;
}

interface ImageId {
  readonly imageTag?: string;
  readonly imageDigest?: string;
}

const imagesOf = ({ world, account, region, repository }: ImageCall) =>
  world.images(account, region, repository);

const find = (call: ImageCall, { imageTag, imageDigest }: ImageId): StoredImage | undefined =>
  imagesOf(call).find({ tag: imageTag, digest: imageDigest });

const idsOf = (call: ImageCall): readonly ImageId[] => (call.input.imageIds ?? []) as readonly ImageId[];

const notFound = (imageId: ImageId) => ({
  imageId,
  failureCode: 'ImageNotFound',
  failureReason: 'Requested image not found',
});

const noImage = (call: ImageCall, id: ImageId) =>
  new ApiError(
    'ImageNotFoundException',
    `The image with imageId {imageDigest:'${id.imageDigest ?? 'null'}', imageTag:'${id.imageTag ?? 'null'}'} does not exist within the repository with name '${call.repository}' in the registry with id '${call.account}'`,
  );

/** The calls of ECR's API that are about images ("Actions" in the Amazon ECR API reference). */
export const IMAGE_CALLS: Readonly<Record<string, (call: ImageCall) => object | Promise<object>>> = {
  PutImage: putImage,

  BatchGetImage: (call) => {
    const ids = idsOf(call);
    const found = ids.map((id) => ({ id, image: find(call, id) }));
    return {
      images: found.flatMap(({ id, image }) =>
        image === undefined
          ? []
          : [
              {
                registryId: call.account,
                repositoryName: call.repository,
                imageId: { imageDigest: image.digest, ...pick(id) },
                imageManifest: image.text,
                imageManifestMediaType: image.mediaType,
              },
            ],
      ),
      failures: found.flatMap(({ id, image }) => (image === undefined ? [notFound(id)] : [])),
    };
  },

  BatchDeleteImage: (call) => {
    const images = imagesOf(call);
    const ids = idsOf(call);
    const gone = ids.filter((id) => find(call, id) !== undefined);
    for (const { imageTag, imageDigest } of gone) {
      if (imageTag !== undefined) images.removeTag(imageTag);
      else images.remove(imageDigest ?? '');
    }
    return { imageIds: gone, failures: ids.filter((id) => !gone.includes(id)).map(notFound) };
  },

  ListImages: (call) => ({
    imageIds: imagesOf(call)
      .all()
      .flatMap(({ digest, tags }) =>
        tags.size === 0
          ? [{ imageDigest: digest }]
          : [...tags].map((imageTag) => ({ imageDigest: digest, imageTag })),
      ),
  }),

  DescribeImages: (call) => {
    const wanted = call.input.imageIds === undefined ? undefined : idsOf(call);
    const images =
      wanted?.map((id) => {
        const image = find(call, id);
        if (image === undefined) throw noImage(call, id);
        return image;
      }) ?? imagesOf(call).all();
    return {
      imageDetails: images.map((image) => ({
        registryId: call.account,
        repositoryName: call.repository,
        imageDigest: image.digest,
        // Absent, not empty, where there is none.
        ...(image.tags.size === 0 ? {} : { imageTags: [...image.tags] }),
        imageSizeInBytes: imagesOf(call).size(image),
        imagePushedAt: image.pushedAt.getTime() / 1000,
        imageManifestMediaType: image.mediaType,
        artifactMediaType: image.manifest.config?.mediaType,
      })),
    };
  },

  DescribeImageScanFindings: (call) => {
    const id = (call.input.imageId ?? {}) as ImageId;
    const image = find(call, id);
    if (image === undefined) throw noImage(call, id);
    const counts = call.world.findings.get(image.digest);
    if (counts === undefined) {
      throw new ApiError(
        'ScanNotFoundException',
        `Image scan does not exist for the image with '{imageDigest:'${image.digest}', imageTag:'null'}' in the repository with name '${call.repository}' in the registry with id '${call.account}'`,
      );
    }
    return {
      registryId: call.account,
      repositoryName: call.repository,
      imageId: { imageDigest: image.digest },
      imageScanStatus: { status: 'COMPLETE', description: 'The scan was completed successfully.' },
      imageScanFindings: { findings: [], findingSeverityCounts: counts },
    };
  },
};

const pick = ({ imageTag }: ImageId): ImageId => (imageTag === undefined ? {} : { imageTag });

async function putImage(call: ImageCall): Promise<object> {
  const { world, registry, account, region, repository, input } = call;
  const text = String(input.imageManifest);
  const tag = typeof input.imageTag === 'string' ? input.imageTag : undefined;
  const mediaType =
    typeof input.imageManifestMediaType === 'string'
      ? input.imageManifestMediaType
      : String((JSON.parse(text) as { mediaType?: string }).mediaType);
  const settings = await world.settings(account, region, repository);
  const taken = tag === undefined ? undefined : imagesOf(call).find({ tag });
  const same = tag === undefined ? undefined : taken?.text === text;
  if (same === true) {
    const message = `Image with digest '${taken?.digest}' and tag '${tag}' already exists in the repository with name '${repository}' in registry with id '${account}'`;
    throw new ApiError('ImageAlreadyExistsException', message);
  }
  if (tag !== undefined && taken !== undefined && settings !== undefined && !mayOverwrite(tag, settings)) {
    const message = `The image tag '${tag}' already exists in the '${repository}' repository and cannot be overwritten because the tag is immutable.`;
    throw new ApiError('ImageTagAlreadyExistsException', message);
  }
  try {
    const host = { account, region };
    const digest = typeof input.imageDigest === 'string' ? input.imageDigest : digestOf(text);
    // Under its digest first: the registry behind says whether all of it is there.
    const image = await registry.putManifest(host, repository, tag ?? digest, text, mediaType);
    return {
      image: {
        registryId: account,
        repositoryName: repository,
        imageId: { imageDigest: image.digest, ...(tag === undefined ? {} : { imageTag: tag }) },
        imageManifest: text,
        imageManifestMediaType: mediaType,
      },
    };
  } catch (error) {
    if (!(error instanceof RegistryRefusal)) throw error;
    // What an index names are images.
    const isIndex = 'manifests' in (JSON.parse(text) as object);
    const code = isIndex && error.code === 'MANIFEST_BLOB_UNKNOWN' ? 'MANIFEST_UNKNOWN' : error.code;
    throw new ApiError(PUT_ERRORS[code] ?? 'InvalidParameterException', error.message);
  }
}

/** The API's names for what the registry refuses. */
const PUT_ERRORS: Readonly<Record<string, string>> = {
  MANIFEST_BLOB_UNKNOWN: 'LayersNotFoundException',
  MANIFEST_UNKNOWN: 'ReferencedImagesNotFoundException',
  DIGEST_INVALID: 'ImageDigestDoesNotMatchException',
  TAG_INVALID: 'ImageTagAlreadyExistsException',
};
