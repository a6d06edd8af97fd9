import type { BuildRequest } from './build-request.ts';
import type { CacheTags } from './image-tags.ts';
import type { BuildPaths } from './workspace.ts';

/** Everything that one call of `docker buildx build` is made of. */
export interface BuildxCall {
  readonly request: BuildRequest;
  readonly paths: BuildPaths;
  /** Where it goes: `<host>/<repository>`, without a tag. The first also keeps the cache. */
  readonly repositories: readonly string[];
  readonly platforms: readonly string[];
  readonly cache: CacheTags;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadataFile: string;
}

/** One field of CSV, as buildx reads the values of its flags. */
const csv = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * The arguments after `docker`. Secrets are named by where they are; their values are in no argument.
 *
 * Pushed by digest to all repositories by one build: no tag points to anything before all of it is everywhere, and
 * nothing is downloaded to be pushed again. Tags are put afterwards, by ECR's API.
 */
export function buildxArguments(call: BuildxCall): readonly string[] {
  const { request, paths, cache } = call;
  const [first = ''] = call.repositories;
  const output = [
    'type=image',
    csv(`name=${call.repositories.join(',')}`),
    'push=true',
    'push-by-digest=true',
    'name-canonical=true',
    // Layers are packed a second time then, and are not those of the cache: it costs as much as the build itself.
    ...(request.reproducible ? ['rewrite-timestamp=true'] : []),
    'oci-mediatypes=true',
  ];
  return [
    'buildx',
    'build',
    '--progress=plain',
    `--metadata-file=${call.metadataFile}`,
    `--file=${paths.dockerfile}`,
    `--platform=${call.platforms.join(',')}`,
    `--output=${output.join(',')}`,
    ...(request.stage === undefined ? [] : [`--target=${request.stage}`]),
    ...inputArguments(request, paths),
    ...Object.entries(call.labels).flatMap(([name, value]) => [
      `--label=${name}=${value}`,
      `--annotation=${annotationLevels(request)}:${name}=${value}`,
    ]),
    ...(request.cache
      ? [
          ...cacheFrom(first, cache),
          // ECR takes a cache only as an image of OCI's types; mode=max keeps the stages that are not in the image too.
          // A cache that could not be written must not fail a deploy.
          ...(cache.write === undefined
            ? []
            : [
                `--cache-to=type=registry,ref=${first}:${cache.write},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`,
              ]),
        ]
      : []),
    request.provenance === 'none' ? '--provenance=false' : `--provenance=mode=${request.provenance}`,
    `--sbom=${request.sbom}`,
    paths.context,
  ];
}

/** What a build is given beside its context. */
const inputArguments = (request: BuildRequest, paths: BuildPaths): readonly string[] => [
  ...Object.entries(request.args).map(([name, value]) => `--build-arg=${name}=${value}`),
  ...request.secrets.map(({ id, from, name }) =>
    from === 'env' ? `--secret=id=${id},env=${name}` : `--secret=id=${id},${csv(`src=${name}`)}`,
  ),
  ...Object.entries(paths.contexts).map(([name, value]) => `--build-context=${name}=${value}`),
];

const cacheFrom = (repository: string, cache: CacheTags): readonly string[] =>
  cache.read.map((tag) => `--cache-from=type=registry,ref=${repository}:${tag}`);

/**
 * The arguments after `docker` that write the files of one stage to a folder of this machine (Docker docs, "Local and tar
 * exporters").
 */
export const exportArguments = (
  { request, paths, repositories: [first = ''], platforms: [platform = ''], cache }: BuildxCall,
  stage: string,
  folder: string,
): readonly string[] => [
  'buildx',
  'build',
  '--progress=plain',
  `--file=${paths.dockerfile}`,
  `--platform=${platform}`,
  `--target=${stage}`,
  `--output=type=local,${csv(`dest=${folder}`)}`,
  ...inputArguments(request, paths),
  ...(request.cache ? cacheFrom(first, cache) : []),
  '--provenance=false',
  paths.context,
];

/** An index is there only with several platforms or attestations; buildx refuses annotations of what is not. */
const annotationLevels = (request: BuildRequest): string =>
  request.platforms.length > 1 || request.provenance !== 'none' || request.sbom
    ? 'index,manifest'
    : 'manifest';

/**
 * The arguments after `docker` that make one image of parts, each for one platform.
 *
 * A part with attestations is an index of its own; `--prefer-index=false` keeps what is not from being wrapped.
 */
export const joinArguments = (
  repository: string,
  digests: readonly string[],
  tag: string,
  labels: Readonly<Record<string, string>>,
): readonly string[] => [
  'buildx',
  'imagetools',
  'create',
  '--progress=plain',
  '--prefer-index=false',
  ...Object.entries(labels).map(([name, value]) => `--annotation=index:${name}=${value}`),
  `--tag=${repository}:${tag}`,
  ...digests.map((digest) => `${repository}@${digest}`),
];

/** The labels of an image (OCI image specification, "Annotations"). */
export const imageLabels = (of: {
  readonly repositoryUrl: string | undefined;
  readonly commit: string;
  readonly committedAt: Date;
  readonly version: string;
}): Readonly<Record<string, string>> => ({
  'org.opencontainers.image.revision': of.commit,
  // The commit's time, not now's: the same commit gives the same image.
  'org.opencontainers.image.created': of.committedAt.toISOString().replace('.000Z', 'Z'),
  'org.opencontainers.image.version': of.version,
  ...(of.repositoryUrl === undefined ? {} : { 'org.opencontainers.image.source': of.repositoryUrl }),
});
