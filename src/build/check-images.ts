import type { PlatformImage } from '../aws/manifest.ts';
import { type EcrHost, parseEcrHost } from '../aws/registry-host.ts';
import { findingsFrom, type ScanSummary, type Severity } from '../aws/scan-findings.ts';
import { couldNot, type Failure, refused } from '../report/failure.ts';

/** An image as a release file names it. */
export interface PinnedImage {
  /** With the registry's host. */
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: string | undefined;
}

/** A cluster, as far as images matter to it. kajitori.yaml says it. */
export interface PullingCluster {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /** Of its nodes: `amd64`, `arm64`. */
  readonly architecture: readonly string[];
}

/** What is asked. */
export interface ImageCheck {
  readonly images: readonly PinnedImage[];
  readonly clusters: readonly PullingCluster[];
  /** `registries` of kajitori.yaml. */
  readonly registries: readonly string[];
  /** Findings of ECR's scan from this severity on count; undefined: scans are not looked at. */
  readonly scanThreshold: Severity | undefined;
}

/** A repository of ECR that must have an image. */
export interface ImagePlace extends EcrHost {
  readonly host: string;
  /** Without the host. */
  readonly repository: string;
}

/** What looks into registries. Both throw Failure where they may not. */
export interface ImageCheckDeps {
  /** The image's platforms; undefined: the image is not there. */
  readonly look: (place: ImagePlace, digest: string) => Promise<readonly PlatformImage[] | undefined>;
  readonly scan: (place: ImagePlace, digest: string) => Promise<ScanSummary>;
}

/** Why clusters cannot, or must not, run an image. */
export interface ImageFinding {
  /** `unchecked`: nobody knows, which is no green. */
  readonly kind: 'missing' | 'architecture' | 'vulnerable' | 'not-scanned' | 'unchecked';
  readonly image: string;
  readonly clusters: readonly string[];
  /** What, where. */
  readonly message: string;
  readonly todo: string;
}

/**
 * The repositories that must have an image so that a cluster can run it.
 *
 * A node pulls what the release file names, from wherever that is: one registry that all accounts share is the usual
 * case, and then the only place. A company that keeps a registry in each account (replication and a mirror in containerd,
 * builds with several targets) lists them in kajitori.yaml; the cluster's own must have the image too then.
 *
 * @returns empty where the image is in no registry of ECR
 */
export function placesOf(
  repository: string,
  cluster: PullingCluster,
  registries: readonly string[],
): readonly ImagePlace[] {
  const [host = '', ...names] = repository.split('/');
  const named = parseEcrHost(host);
  if (named === undefined) return [];
  const path = names.join('/');
  const own = registries.flatMap((registry): ImagePlace[] => {
    const [ownHost = '', ...prefix] = registry.split('/');
    const it = parseEcrHost(ownHost);
    const isOwn = it?.account === cluster.account && it.region === cluster.region;
    const isUnder = prefix.length === 0 || path.startsWith(`${prefix.join('/')}/`);
    return it !== undefined && isOwn && isUnder ? [{ ...it, host: ownHost, repository: path }] : [];
  });
  const places = [{ ...named, host, repository: path }, ...own];
  return places.filter(
    (place, at) =>
      places.findIndex((one) => one.account === place.account && one.region === place.region) === at,
  );
}

/**
 * Looks whether clusters can run images: each is where they pull from, for the processors of their nodes, and without
 * findings of ECR's scan from a severity on.
 *
 * @returns every reason why not; empty: they can
 * @throws Failure (exit 2) where a registry does not answer, or not to this role
 */
export async function checkImages(check: ImageCheck, deps: ImageCheckDeps): Promise<readonly ImageFinding[]> {
  const findings = await Promise.all(check.images.map((image) => checkImage(image, check, deps)));
  return findings.flat();
}

async function checkImage(
  { repository, tag, digest }: PinnedImage,
  check: ImageCheck,
  deps: ImageCheckDeps,
): Promise<readonly ImageFinding[]> {
  const image = `${repository}${digest === undefined ? '' : `@${digest}`}`;
  const everyone = check.clusters.map(({ name }) => name);
  if (digest === undefined) {
    return [
      {
        kind: 'unchecked',
        image,
        clusters: everyone,
        message: `${image} has no digest: what a tag points to can be another image when it is pulled.`,
        todo: 'Give repository:tag@sha256:…; the build prints it.',
      },
    ];
  }
  const wanted = new Map<string, { readonly place: ImagePlace; readonly clusters: PullingCluster[] }>();
  for (const cluster of check.clusters) {
    for (const place of placesOf(repository, cluster, check.registries)) {
      const key = `${place.account}/${place.region}`;
      const entry = wanted.get(key) ?? { place, clusters: [] };
      entry.clusters.push(cluster);
      wanted.set(key, entry);
    }
  }
  if (wanted.size === 0) {
    return [
      {
        kind: 'unchecked',
        image,
        clusters: everyone,
        message: `${image} was not checked: its registry is not Amazon ECR.`,
        todo: 'Leave check-image out for this app, or bring the image to ECR.',
      },
    ];
  }
  const findings = await Promise.all(
    [...wanted.values()].map(({ place, clusters }) =>
      checkPlace({ image, repository, tag, digest }, place, clusters, check, deps),
    ),
  );
  return findings.flat();
}

async function checkPlace(
  { image, repository, tag, digest }: PinnedImage & { readonly image: string; readonly digest: string },
  place: ImagePlace,
  clusters: readonly PullingCluster[],
  { scanThreshold }: ImageCheck,
  deps: ImageCheckDeps,
): Promise<readonly ImageFinding[]> {
  const names = clusters.map(({ name }) => name);
  const where = `${place.account}/${place.region}`;
  const platforms = await deps.look(place, digest);
  if (platforms === undefined) {
    const isNamed = repository === `${place.host}/${place.repository}`;
    const source = isNamed ? 'REGISTRY-THAT-HAS-IT' : repository.slice(0, repository.indexOf('/'));
    return [
      {
        kind: 'missing',
        image,
        clusters: names,
        message: `${place.repository}@${digest} is not in ${where}, where ${names.join(', ')} ${names.length === 1 ? 'pulls' : 'pull'} it from.`,
        todo: `${isNamed ? 'Build it again (a lifecycle policy may have expired it), or copy' : 'Copy'} it: kajitori copy-image --name ${place.repository} --digest ${digest} --tag ${tag ?? 'COMMIT'} --from ${source} --registry ${where}`,
      },
    ];
  }
  const required = [...new Set(clusters.flatMap(({ architecture }) => architecture))];
  const absent = required.filter((architecture) => !platforms.some((one) => runsOn(one, architecture)));
  const without = clusters.filter(({ architecture }) => architecture.some((one) => absent.includes(one)));
  return [
    ...(absent.length === 0
      ? []
      : [
          {
            kind: 'architecture' as const,
            image,
            clusters: without.map(({ name }) => name),
            message: `${image} does not run on ${absent.join(' and ')}, which nodes of ${without.map(({ name }) => name).join(', ')} are; it is for ${platforms.map(({ platform }) => platform).join(', ') || 'no known platform'}.`,
            todo: `Build it with platforms: ${required.map((architecture) => `linux/${architecture}`).join(',')}; or correct clusters.…architecture in kajitori.yaml.`,
          },
        ]),
    ...(scanThreshold === undefined
      ? []
      : await scanned(
          image,
          platforms.filter((one) => required.some((architecture) => runsOn(one, architecture))),
          place,
          names,
          scanThreshold,
          deps,
        )),
  ];
}

/** A variant (`linux/amd64/v3`) is the choice of whoever built it. */
const runsOn = ({ platform }: PlatformImage, architecture: string): boolean =>
  platform === `linux/${architecture}` || platform.startsWith(`linux/${architecture}/`);

async function scanned(
  image: string,
  platforms: readonly PlatformImage[],
  place: ImagePlace,
  clusters: readonly string[],
  threshold: Severity,
  deps: ImageCheckDeps,
): Promise<readonly ImageFinding[]> {
  const findings = await Promise.all(
    platforms.map(async ({ platform, digest }): Promise<readonly ImageFinding[]> => {
      const summary = await deps.scan(place, digest);
      if (summary.state !== 'complete') {
        return [
          {
            kind: 'not-scanned',
            image,
            clusters,
            message: `${image} (${platform}) was not scanned in ${place.account}/${place.region}: ${summary.message}`,
            todo:
              summary.state === 'pending'
                ? 'Run this again in a minute: the scan goes on.'
                : 'Turn scan on push on for the repository, or start a scan: aws ecr start-image-scan.',
          },
        ];
      }
      const count = findingsFrom(summary.counts, threshold);
      return count === 0
        ? []
        : [
            {
              kind: 'vulnerable',
              image,
              clusters,
              message: `${image} (${platform}) has ${count} known ${count === 1 ? 'vulnerability' : 'vulnerabilities'} of severity ${threshold} or worse.`,
              todo: `Update what has them (aws ecr describe-image-scan-findings --repository-name ${place.repository} --image-id imageDigest=${digest}), or raise scan-threshold.`,
            },
          ];
    }),
  );
  return findings.flat();
}

/** The Failure of what was found: exit 1; exit 2 where something could not be checked. undefined: nothing was found. */
export function findingsFailure(findings: readonly ImageFinding[]): Failure | undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  const isUnknown = findings.some(({ kind }) => kind === 'unchecked' || kind === 'not-scanned');
  return (isUnknown ? couldNot : refused)(findings.map(({ message }) => message).join('\n'), {
    todo: [...new Set(findings.map(({ todo }) => todo))].join('\n  → '),
    reason: `image-${first.kind}`,
  });
}
