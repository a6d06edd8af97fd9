import { createHash } from 'node:crypto';

/** What a manifest says of others. Read loosely: the registry behind judges whether it is one. */
interface Manifest {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: { readonly mediaType?: string; readonly size?: number };
  readonly layers?: readonly { readonly size?: number }[];
  readonly manifests?: readonly { readonly digest?: string }[];
  readonly subject?: { readonly digest?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image of a repository: one manifest or index, and the tags that point to it. */
export interface StoredImage {
  readonly digest: string;
  readonly text: string;
  readonly mediaType: string;
  readonly manifest: Manifest;
  readonly tags: Set<string>;
  readonly pushedAt: Date;
}

export const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** The images of one repository. */
export class Images {
  readonly #byDigest = new Map<string, StoredImage>();

  find(reference: { readonly tag?: string | undefined; readonly digest?: string | undefined }) {
    const { tag, digest } = reference;
    const image =
      digest === undefined
        ? this.all().find((candidate) => candidate.tags.has(tag ?? ''))
        : this.#byDigest.get(digest);
    return image !== undefined && (tag === undefined || image.tags.has(tag)) ? image : undefined;
  }

  all(): StoredImage[] {
    return [...this.#byDigest.values()];
  }

  put(text: string, mediaType: string, tag: string | undefined, pushedAt: Date): StoredImage {
    const digest = digestOf(text);
    const image = this.#byDigest.get(digest) ?? {
      digest,
      text,
      mediaType,
      manifest: JSON.parse(text) as Manifest,
      tags: new Set<string>(),
      pushedAt,
    };
    this.#byDigest.set(digest, image);
    if (tag !== undefined) {
      for (const other of this.#byDigest.values()) other.tags.delete(tag);
      image.tags.add(tag);
    }
    return image;
  }

  removeTag(tag: string): void {
    const image = this.find({ tag });
    image?.tags.delete(tag);
    // BatchDeleteImage: "If you remove the last tag from an image, the image is deleted".
    if (image?.tags.size === 0) this.#byDigest.delete(image.digest);
  }

  remove(digest: string): void {
    this.#byDigest.delete(digest);
  }

  /** Bytes, as DescribeImages says them: of an index, those of its largest image. */
  size(image: StoredImage): number {
    const { manifests, layers = [], config } = image.manifest;
    if (manifests === undefined) {
      return [config, ...layers].reduce((sum, part) => sum + (part?.size ?? 0), 0);
    }
    const children = manifests.map(({ digest }) => this.find({ digest }));
    return Math.max(0, ...children.map((child) => (child === undefined ? 0 : this.size(child))));
  }

  /** The manifests whose `subject` is this digest (OCI distribution specification, "Listing Referrers"). */
  referrers(digest: string, artifactType: string | null) {
    return this.all()
      .filter(({ manifest }) => manifest.subject?.digest === digest)
      .map(({ manifest, ...image }) => ({
        mediaType: image.mediaType,
        digest: image.digest,
        size: Buffer.byteLength(image.text),
        artifactType: manifest.artifactType ?? manifest.config?.mediaType,
        ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
      }))
      .filter((descriptor) => artifactType === null || descriptor.artifactType === artifactType);
  }
}
