/** One name in a folder. */
export interface TreeEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'symlink' | 'submodule';
}

/**
 * A tree of text files at one moment: a working copy on disk, or a GitHub repository at a commit.
 *
 * Paths are relative to the repository's root, with `/`, and never leave it: an absolute path, `..` or a
 * symbolic link is refused with a `Failure`.
 */
export interface Tree {
  /** For messages: `acme/gitops@1f3c9e2b`, or the folder of a working copy. */
  readonly name: string;
  /** The commit that the files belong to (40 hex digits); undefined for a working copy. */
  readonly commit: string | undefined;
  /** The text of a file, undefined where there is none. A file that is not text, or too large, is a `Failure`. */
  read(path: string): Promise<string | undefined>;
  /** The entries of a folder, sorted by name; empty where there is no such folder. `''` is the root. */
  list(folder: string): Promise<readonly TreeEntry[]>;
}

/** What happens to one file: its whole new text, or null when it is removed. */
export type FileEdits = ReadonlyMap<string, string | null>;
