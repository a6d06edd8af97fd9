import { type KubernetesObject, objectName } from '../kubernetes/object.ts';

/** An image that a rendered object runs, and where it stands. */
export interface RenderedImage {
  /** As it is written: `repository:tag@digest`, as far as they are there. */
  readonly image: string;
  /** `Deployment/shop-web`. */
  readonly object: string;
  readonly namespace: string | undefined;
  /** The container's name; for an image that is mounted, the volume's. */
  readonly container: string;
  /** `spec.template.spec.containers[0].image`. */
  readonly path: string;
}

/** The lists of a pod that hold containers (API reference, PodSpec). */
const CONTAINER_LISTS = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/**
 * The images of rendered objects, in their order.
 *
 * Pods are looked for everywhere in an object, so that kinds which we do not know (Rollout, ScaledJob…) count too.
 */
export const imagesOf = (objects: readonly KubernetesObject[]): RenderedImage[] =>
  objects.flatMap((object) =>
    [...containerImages(object, '')].map((found) => ({
      ...found,
      object: objectName(object),
      namespace: object.metadata.namespace,
    })),
  );

type Found = Pick<RenderedImage, 'image' | 'container' | 'path'>;

function* containerImages(value: unknown, path: string): Generator<Found> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield* containerImages(item, `${path}[${index}]`);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      const here = path === '' ? key : `${path}.${key}`;
      if (CONTAINER_LISTS.has(key) && Array.isArray(child)) {
        yield* imagesIn(child, here, (container) => ({ image: container.image, suffix: 'image' }));
      } else if (key === 'volumes' && Array.isArray(child)) {
        yield* imagesIn(child, here, (volume) => ({
          image: isRecord(volume.image) ? volume.image.reference : undefined,
          suffix: 'image.reference',
        }));
      } else {
        yield* containerImages(child, here);
      }
    }
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function* imagesIn(
  list: readonly unknown[],
  path: string,
  read: (item: Readonly<Record<string, unknown>>) => { image: unknown; suffix: string },
): Generator<Found> {
  for (const [index, item] of list.entries()) {
    if (isRecord(item)) {
      const { image, suffix } = read(item);
      if (typeof image === 'string') {
        yield {
          image,
          container: typeof item.name === 'string' ? item.name : String(index),
          path: `${path}[${index}].${suffix}`,
        };
      }
    }
  }
}
