import { schemasOf } from './schemas.ts';
import { KUBERNETES_VERSIONS, type KubernetesVersion } from './versions.ts';

/** Kinds that are asked for and never stored: they cannot be listed, and Argo CD names only what can be listed and watched. */
const NEVER_LISTED =
  /^(?:authentication\.k8s\.io|authorization\.k8s\.io)\/|^v1 (?:Binding|ComponentStatus)$|^policy\/v1 Eviction$|^autoscaling\/v1 Scale$/;

const STABLE = /^(?:[^/ ]+\/)?v\d+ /;

const found = new Map<KubernetesVersion, Promise<readonly string[]>>();

/**
 * What every cluster of a version serves without being configured, as charts ask for it (`.Capabilities.APIVersions.Has`):
 * `apps/v1` and `apps/v1/Deployment`, sorted. Argo CD hands helm these and those of the cluster's CustomResourceDefinitions
 * (util/argo/argo.go `APIResourcesToStrings`); helm alone knows no kinds, and the groups of the version that it was built with.
 *
 * Alpha and beta versions are left out: since 1.24 a cluster serves new ones only when it is told to (KEP-3136).
 *
 * @param version like `1.34`; of one without schemas, the nearest
 */
export function servedApis(version: string): Promise<readonly string[]> {
  const nearest = nearestVersion(version);
  let served = found.get(nearest);
  if (served === undefined) {
    served = schemasOf(nearest).then(({ kinds }) => namesOf([...kinds.keys()]));
    found.set(nearest, served);
  }
  return served;
}

function namesOf(kinds: readonly string[]): string[] {
  const listed = kinds.filter((kind) => STABLE.test(kind) && !NEVER_LISTED.test(kind));
  return [...new Set(listed.flatMap((kind) => [kind.split(' ')[0] ?? '', kind.replace(' ', '/')]))].sort();
}

function nearestVersion(version: string): KubernetesVersion {
  const minor = (text: string): number => Number(text.split('.')[1] ?? Number.NaN);
  const [oldest] = KUBERNETES_VERSIONS;
  const known = KUBERNETES_VERSIONS.findLast((each) => minor(each) <= minor(version));
  return known ?? oldest;
}
