/** What a repository was found to be before something is pushed to it. */
export interface PreparedRepository {
  readonly created: boolean;
  /** The digests of the tags that were looked for when it was opened, as far as they are there. */
  readonly tags: ReadonlyMap<string, string>;
}

/** One repository of one registry, as a build uses it. All methods throw Failure. */
export interface ImageRegistry {
  /** For people: `111111111111/ap-northeast-1`. */
  readonly name: string;
  /** `<host>/<repository>`, the host as AWS says it. */
  readonly repository: string;
  /** Makes sure that the repository is there. */
  prepare(): Promise<PreparedRepository>;
  /** How the repository differs from what we would have made: sentences. */
  drift(): Promise<readonly string[]>;
  /** The digests of the tags that are there. */
  find(tags: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Whether the image is there as a whole. */
  has(digest: string): Promise<boolean>;
  /** Compressed bytes; undefined where nobody knows. */
  bytes(digest: string): Promise<number | undefined>;
  /** Points a tag to an image that is there. `taken`: it points to another one and may not move. */
  tag(digest: string, tag: string): Promise<'put' | 'already-there' | 'taken'>;
  /** Copies an image with everything that belongs to it, its digest kept. */
  copyFrom(other: ImageRegistry, digest: string): Promise<void>;
}
