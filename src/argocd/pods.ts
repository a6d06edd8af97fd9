import type { Cause } from './cause.ts';
import { cleanLine } from './cluster-text.ts';
import type { ResourceNode, ResourceTree } from './resource-tree.ts';

/** `registry.example:5000/web` of `registry.example:5000/web:v1@sha256:…`. */
export const repositoryOf = (image: string): string => (image.split('@')[0] ?? '').replace(/:[^:/]*$/, '');

/** Whether a pod's image is the expected one: by digest where both have one, else by tag. */
export function isOurImage(running: string, expected: string): boolean {
  if (repositoryOf(running) !== repositoryOf(expected)) return false;
  const [digest, other] = [running.split('@')[1], expected.split('@')[1]];
  if (digest !== undefined && other !== undefined) return digest === other;
  return tagOf(running) === tagOf(expected);
}

const tagOf = (image: string): string => /:([^:/]*)$/.exec(image.split('@')[0] ?? '')?.[1] ?? 'latest';

/** Images of pods that should run all the time: not of jobs, which keep the image with which they ran. */
export const workloadImages = (tree: ResourceTree): string[] => [
  ...new Set(podsOf(tree).flatMap((pod) => (isOfJob(pod, tree) ? [] : pod.images))),
];

export const podsOf = (tree: ResourceTree): readonly ResourceNode[] =>
  tree.nodes.filter(({ group, kind }) => group === '' && kind === 'Pod');

const isOfJob = (pod: ResourceNode, tree: ResourceTree): boolean =>
  tree.nodes.some(({ kind, uid }) => kind === 'Job' && uid !== undefined && pod.parents.includes(uid));

/** The kubelet's words for an image that it cannot get (pkg/kubelet/images/types.go). */
const PULL = /ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable/;

/** Will not mend itself: no such image or name. Credentials and networks may. */
const GONE =
  /not found|manifest unknown|does not exist|InvalidImageName|ErrImageNeverPull|invalid reference/i;

/**
 * A container that ended so often ends again: the kubelet waits 10 s, 20 s, 40 s, 80 s in between, so that by then it had some
 * three minutes (Kubernetes docs, "Pod Lifecycle", restart backoff). A deployment's own deadline is ten.
 */
const MOST_RESTARTS = 5;

const CRASH = /CrashLoopBackOff|RunContainerError|CreateContainerError|CreateContainerConfigError|OOMKilled/;

/** What is wrong with pods. */
export interface PodTrouble {
  readonly pod: ResourceNode;
  readonly cause: Cause;
  /** It will not mend itself. */
  readonly isFinal: boolean;
}

/**
 * What keeps the pods of these images from running; pods of other images (the old ones) are not looked at.
 *
 * @param images without any, every pod counts
 */
export function podTrouble(
  tree: ResourceTree | undefined,
  images: readonly string[],
): PodTrouble | undefined {
  if (tree === undefined) return undefined;
  const ours = podsOf(tree).filter(
    (pod) =>
      images.length === 0 || pod.images.some((each) => images.some((image) => isOurImage(each, image))),
  );
  return first(ours, pullTrouble) ?? first(ours, crashTrouble);
}

function first<T>(pods: readonly ResourceNode[], find: (pod: ResourceNode) => T | undefined): T | undefined {
  for (const pod of pods) {
    const found = find(pod);
    if (found !== undefined) return found;
  }
  return undefined;
}

function pullTrouble(pod: ResourceNode): PodTrouble | undefined {
  const reason = pod.info['Status Reason'] ?? '';
  const message = pod.healthMessage ?? '';
  if (!PULL.test(reason) && !PULL.test(message)) return undefined;
  const resource = { kind: 'Pod', name: pod.name };
  return {
    pod,
    cause: { kind: 'image-missing', words: pullWords(pod, `${reason} ${message}`), resource },
    isFinal: GONE.test(`${reason} ${message}`),
  };
}

/** `The image … cannot be pulled: there is no such image`, out of the kubelet's words. */
export function pullWords(pod: ResourceNode, said: string): string {
  const [image = 'of the pod'] = said.match(/image \\?"([^"\\]+)/)?.slice(1) ?? pod.images;
  return cleanLine(`The image ${shownImage(image)} cannot be pulled: ${pullReason(said)}`);
}

/** Without the digest where there is a tag: it is long, and people know the tag. */
const shownImage = (image: string): string => (/:[^:/@]+@/.test(image) ? (image.split('@')[0] ?? '') : image);

/** The end of containerd's chain of `…: …: not found` is the reason; the rest repeats the name. */
function pullReason(words: string): string {
  if (/not found|manifest unknown/i.test(words)) return 'there is no such image';
  if (/unauthorized|forbidden|denied|no basic auth/i.test(words)) return 'the cluster may not pull it';
  if (/InvalidImageName|invalid reference/i.test(words)) return 'that is no name of an image';
  return words.split(': ').at(-1)?.trim() || words.trim();
}

function crashTrouble(pod: ResourceNode): PodTrouble | undefined {
  const reason = pod.info['Status Reason'] ?? '';
  if (!CRASH.test(reason) || pod.health === 'Healthy') return undefined;
  const words = pod.healthMessage === undefined ? reason : `${reason}: ${pod.healthMessage}`;
  const resource = { kind: 'Pod', name: pod.name };
  return {
    pod,
    cause: { kind: 'crash', words: cleanLine(`The pod crashes: ${words}`), resource },
    isFinal: Number(pod.info['Restart Count'] ?? 0) >= MOST_RESTARTS,
  };
}

/** The pods that an object owns, by whatever is between. */
export function podsOwnedBy(tree: ResourceTree, owner: ResourceNode): ResourceNode[] {
  const owned = new Set<string>(owner.uid === undefined ? [] : [owner.uid]);
  // Owners may stand after what they own; a circle would not grow the set any further.
  for (let size = 0; size !== owned.size; ) {
    size = owned.size;
    for (const { uid, parents } of tree.nodes) {
      if (uid !== undefined && parents.some((parent) => owned.has(parent))) owned.add(uid);
    }
  }
  return podsOf(tree).filter(({ uid, name }) => (uid !== undefined && owned.has(uid)) || name === owner.name);
}

/** Ready ones and all, of the pods that run these images all the time. */
export function readyPods(
  tree: ResourceTree,
  images: readonly string[],
): { readonly ready: number; readonly all: number } {
  const pods = podsOf(tree).filter(
    (pod) =>
      !isOfJob(pod, tree) &&
      (images.length === 0 || pod.images.some((each) => images.some((image) => isOurImage(each, image)))),
  );
  return { ready: pods.filter(({ health }) => health === 'Healthy').length, all: pods.length };
}
