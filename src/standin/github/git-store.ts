import { randomBytes } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate, deflateSync } from 'node:zlib';
import {
  byTreeOrder,
  type CommitContent,
  type CommitObject,
  emptyTree,
  encodeCommit,
  encodeTree,
  type FileMode,
  isOid,
  noOid,
  type ObjectType,
  type Oid,
  objectId,
  parseCommit,
  parseTree,
  type TreeItem,
} from './git-objects.ts';
import { GitError, git, ObjectReader, RefWriter } from './git-process.ts';

const compress = promisify(deflate);

/** One change to a tree: a blob at a mode, or null to remove. */
export type TreeChanges = ReadonlyMap<string, { mode: FileMode; oid: Oid } | null>;

/** A path in the tree that a change needs as a folder is a file, or the other way round. */
export class PathConflict extends Error {
  override readonly name = 'PathConflict';
}

/** What happens to one ref; `noOid` as `before` means it must not exist, as `after` that it is deleted. */
export interface RefChange {
  readonly ref: string;
  readonly before: Oid | undefined;
  readonly after: Oid;
}

/** The compare-and-swap of a ref was lost: somebody else moved it first. */
export class RefMoved extends Error {
  override readonly name = 'RefMoved';
}

export interface Comparison {
  readonly status: 'ahead' | 'behind' | 'identical' | 'diverged';
  readonly ahead: number;
  readonly behind: number;
  /** undefined for unrelated histories. */
  readonly mergeBase: Oid | undefined;
}

/** What GitHub (git check-ref-format) accepts as a full ref name. */
export function isRefName(ref: string): boolean {
  return (
    ref.startsWith('refs/') &&
    ref.split('/').length >= 3 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses control characters in ref names
    !/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$|\.lock(\/|$)|(^|\/)\./.test(ref)
  );
}

/**
 * A bare git repository: objects are read through one open git process and written as loose objects, so that a commit
 * costs only the trees along its paths, also in a repository of 50,000 files.
 */
export class GitStore implements Disposable {
  readonly folder: string;
  readonly #reader: ObjectReader;
  readonly #refs: RefWriter;
  // Objects never change, so what was read once stays true. Bounded by entries, not bytes: a tree of 50,000 files has few large trees.
  readonly #trees = new Map<Oid, readonly TreeItem[]>();
  readonly #commits = new Map<Oid, CommitObject>();
  readonly #comparisons = new Map<string, Promise<Comparison>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.folder = folder;
    this.#reader = new ObjectReader(folder);
    this.#refs = new RefWriter(folder);
  }

  /** Creates the repository and, when there are files, its first commit on the default branch, by one `git fast-import`. */
  static async create(
    folder: string,
    defaultBranch: string,
    first?: {
      files: Iterable<readonly [string, string | Uint8Array]>;
      commit: Omit<CommitContent, 'tree' | 'parents'>;
    },
  ): Promise<GitStore> {
    await mkdir(folder, { recursive: true });
    await git(folder, ['init', '--quiet', '--bare', '--template=', `--initial-branch=${defaultBranch}`, '.']);
    const settings = [
      '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true',
      '[http]\n\treceivepack = true',
      // What GitHub serves: partial clones, and any commit by its id.
      '[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n\tallowReachableSHA1InWant = true',
      '[receive]\n\tdenyDeleteCurrent = refuse\n\tautogc = false',
      '[gc]\n\tauto = 0',
      '[transfer]\n\thideRefs = refs/standin',
    ];
    await writeFile(join(folder, 'config'), `${settings.join('\n')}\n`);
    if (first !== undefined)
      await git(folder, ['fast-import', '--quiet', '--done'], { input: fastImport(defaultBranch, first) });
    return new GitStore(folder);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
    this.#refs[Symbol.dispose]();
  }

  /** Runs `work` alone among all writers of this repository inside the stand-in. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }

  /** The commit a ref points to; undefined where there is no such ref. Annotated tags are peeled. */
  async resolve(ref: string): Promise<Oid | undefined> {
    if (!isRefName(ref)) return undefined;
    return (await this.#reader.find(`${ref}^{}`))?.oid;
  }

  /** The object a ref points to, unpeeled. */
  async refTarget(ref: string): Promise<{ oid: Oid; type: ObjectType } | undefined> {
    return isRefName(ref) ? this.#reader.find(ref) : undefined;
  }

  async refs(prefix: string): Promise<{ ref: string; oid: Oid }[]> {
    const { out } = await git(this.folder, ['for-each-ref', '--format=%(refname) %(objectname)', prefix]);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [ref = '', oid = ''] = line.split(' ');
        return { ref, oid };
      });
  }

  async object(oid: Oid): Promise<{ oid: Oid; type: ObjectType; size: number } | undefined> {
    return isOid(oid) ? this.#reader.find(oid) : undefined;
  }

  /** An abbreviated object id, of a commit; undefined when it is unknown or ambiguous. */
  async abbreviated(prefix: string): Promise<Oid | undefined> {
    return /^[0-9a-f]{4,40}$/.test(prefix) ? (await this.#reader.find(`${prefix}^{commit}`))?.oid : undefined;
  }

  async blob(oid: Oid): Promise<Buffer | undefined> {
    if (!isOid(oid)) return undefined;
    const object = await this.#reader.read(oid);
    return object?.type === 'blob' ? object.content : undefined;
  }

  async commit(oid: Oid): Promise<CommitObject | undefined> {
    const known = this.#commits.get(oid);
    if (known !== undefined) return known;
    if (!isOid(oid)) return undefined;
    const object = await this.#reader.read(oid);
    if (object?.type !== 'commit') return undefined;
    const commit = parseCommit(oid, object.content);
    this.#commits.set(oid, commit);
    return commit;
  }

  async tree(oid: Oid): Promise<readonly TreeItem[] | undefined> {
    if (oid === emptyTree) return [];
    const known = this.#trees.get(oid);
    if (known !== undefined) return known;
    if (!isOid(oid)) return undefined;
    const object = await this.#reader.read(oid);
    if (object?.type !== 'tree') return undefined;
    const items = parseTree(object.content);
    this.#remember(oid, items);
    return items;
  }

  /** The entry at a path under a tree; undefined where there is none. `''` has no entry. */
  async entry(tree: Oid, path: string): Promise<TreeItem | undefined> {
    let at = tree;
    const parts = path.split('/');
    for (const [index, part] of parts.entries()) {
      const item = (await this.tree(at))?.find(({ name }) => name === part);
      if (item === undefined || index === parts.length - 1) return item;
      if (item.mode !== '40000') return undefined;
      at = item.oid;
    }
    return undefined;
  }

  /** All files under a tree, by path, in git's order. */
  async *files(tree: Oid, prefix = ''): AsyncGenerator<{ path: string; item: TreeItem }> {
    for (const item of (await this.tree(tree)) ?? []) {
      const path = `${prefix}${item.name}`;
      if (item.mode === '40000') yield* this.files(item.oid, `${path}/`);
      else yield { path, item };
    }
  }

  async write(type: ObjectType, content: Uint8Array): Promise<Oid> {
    const oid = objectId(type, content);
    const folder = join(this.folder, 'objects', oid.slice(0, 2));
    const path = join(folder, oid.slice(2));
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (exists) return oid;
    const whole = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
    // Large trees are ids, which do not compress: deflating one costs more than all the rest of a commit.
    const packed =
      whole.length > 65_536 ? deflateSync(whole, { level: 0 }) : await compress(whole, { level: 1 });
    const temporary = join(this.folder, 'objects', `tmp_obj_${randomBytes(6).toString('hex')}`);
    await writeFile(temporary, packed, { mode: 0o444 });
    await rename(temporary, path).catch(async () => {
      await mkdir(folder, { recursive: true });
      await rename(temporary, path);
    });
    return oid;
  }

  async writeTree(items: readonly TreeItem[]): Promise<Oid> {
    return this.#writeSorted(items.toSorted(byTreeOrder));
  }

  async #writeSorted(sorted: readonly TreeItem[]): Promise<Oid> {
    const oid = await this.write('tree', encodeTree(sorted));
    this.#remember(oid, sorted);
    return oid;
  }

  /**
   * The tree with these changes; only the folders along their paths are written anew. A folder left empty disappears.
   * Throws a `PathConflict` where a file would have to be a folder or a folder a file.
   */
  async editTree(tree: Oid, changes: TreeChanges, prefix = ''): Promise<Oid> {
    const here = new Map<string, { mode: FileMode; oid: Oid } | null>();
    const below = new Map<string, Map<string, { mode: FileMode; oid: Oid } | null>>();
    for (const [path, change] of changes) {
      const slash = path.indexOf('/');
      if (slash < 0) here.set(path, change);
      else {
        const folder = path.slice(0, slash);
        const inside = below.get(folder) ?? new Map<string, { mode: FileMode; oid: Oid } | null>();
        inside.set(path.slice(slash + 1), change);
        below.set(folder, inside);
      }
    }
    const items = new Map(((await this.tree(tree)) ?? []).map((item) => [item.name, item]));
    let reordered = false;
    for (const [name, change] of here) if (change === null) items.delete(name);
    for (const [name, inside] of below) {
      const old = items.get(name);
      if (old !== undefined && old.mode !== '40000')
        throw new PathConflict(`${prefix}${name} is a file, not a folder`);
      const oid = await this.editTree(old?.oid ?? emptyTree, inside, `${prefix}${name}/`);
      if (oid === emptyTree) items.delete(name);
      else items.set(name, { mode: '40000', name, oid });
      reordered ||= old === undefined;
    }
    for (const [name, change] of here) {
      if (change === null) continue;
      if (items.get(name)?.mode === '40000' && change.mode !== '40000') {
        throw new PathConflict(`${prefix}${name} is a folder, not a file`);
      }
      reordered ||= !items.has(name);
      items.set(name, { mode: change.mode, name, oid: change.oid });
    }
    if (items.size === 0) return emptyTree;
    // A Map keeps its order: only new entries, or ones that changed between file and folder, need sorting.
    return reordered ? this.writeTree([...items.values()]) : this.#writeSorted([...items.values()]);
  }

  async writeCommit(commit: CommitContent, sign?: (payload: string) => string): Promise<Oid> {
    // The empty tree is known to git without being stored, except to `git fsck` and clones: store it.
    if (commit.tree === emptyTree) await this.write('tree', Buffer.alloc(0));
    const content = encodeCommit(commit, sign);
    const oid = await this.write('commit', content);
    this.#commits.set(oid, parseCommit(oid, content));
    return oid;
  }

  /** Moves refs, all or none, compared with their old values under git's lock. Throws `RefMoved` when one is elsewhere. */
  async moveRefs(changes: readonly RefChange[]): Promise<void> {
    const lines = changes.map(({ ref, before, after }) => {
      if (!isRefName(ref)) throw new GitError(`not a ref name: ${ref}`);
      if (after === noOid) return before === undefined ? `delete ${ref}` : `delete ${ref} ${before}`;
      if (before === noOid) return `create ${ref} ${after}`;
      return before === undefined ? `update ${ref} ${after}` : `update ${ref} ${after} ${before}`;
    });
    try {
      await this.#refs.update(lines);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const moved =
        /'([^']+)': (is at [0-9a-f]+ but expected [0-9a-f]+|reference already exists|unable to resolve reference.*)/.exec(
          said,
        );
      if (moved !== null) throw new RefMoved(`Ref ${moved[1]} ${moved[2]}`, { cause: error });
      throw error;
    }
  }

  /** How `head` stands to `base`. */
  compare(base: Oid, head: Oid): Promise<Comparison> {
    if (base === head) return Promise.resolve({ status: 'identical', ahead: 0, behind: 0, mergeBase: base });
    const key = `${base}...${head}`;
    const known = this.#comparisons.get(key);
    if (known !== undefined) return known;
    const asked = this.#compare(base, head);
    this.#comparisons.set(key, asked);
    asked.catch(() => this.#comparisons.delete(key));
    return asked;
  }

  async #compare(base: Oid, head: Oid): Promise<Comparison> {
    const [counted, merged] = await Promise.all([
      git(this.folder, ['rev-list', '--left-right', '--count', `${base}...${head}`]),
      git(this.folder, ['merge-base', base, head], { allowed: [0, 1] }),
    ]);
    const [behind = 0, ahead = 0] = counted.out.trim().split(/\s+/).map(Number);
    const status = ahead > 0 ? (behind > 0 ? 'diverged' : 'ahead') : behind > 0 ? 'behind' : 'identical';
    return { status, ahead, behind, mergeBase: merged.code === 0 ? merged.out.trim() : undefined };
  }

  /** Whether `ancestor` is reachable from `descendant`. */
  async contains(descendant: Oid, ancestor: Oid): Promise<boolean> {
    const { behind } = await this.compare(ancestor, descendant);
    return behind === 0;
  }

  /** Commits reachable from `from`, newest first (by committer date, a child before its parents). */
  async *history(from: Oid): AsyncGenerator<CommitObject> {
    const seen = new Set<Oid>([from]);
    const first = await this.commit(from);
    const open = first === undefined ? [] : [first];
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      yield next;
      for (const parent of next.parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        const commit = await this.commit(parent);
        if (commit === undefined) continue;
        const at = open.findIndex((other) => other.committer.date < commit.committer.date);
        open.splice(at < 0 ? open.length : at, 0, commit);
      }
    }
  }

  /** The merge of two commits by git itself; undefined where it conflicts. */
  async mergeTree(ours: Oid, theirs: Oid): Promise<Oid | undefined> {
    const { code, out } = await git(this.folder, ['merge-tree', '--write-tree', ours, theirs], {
      allowed: [0, 1],
    });
    return code === 0 ? out.split('\n')[0] : undefined;
  }

  #remember(oid: Oid, items: readonly TreeItem[]): void {
    if (this.#trees.size > 5000) this.#trees.clear();
    this.#trees.set(oid, items);
  }
}

async function* fastImport(
  branch: string,
  first: {
    files: Iterable<readonly [string, string | Uint8Array]>;
    commit: Omit<CommitContent, 'tree' | 'parents'>;
  },
): AsyncGenerator<string | Uint8Array> {
  const { author, committer, message } = first.commit;
  const who = ({ name, email, date }: CommitContent['author']): string =>
    `${name} <${email}> ${Math.floor(date.getTime() / 1000)} +0000`;
  const said = Buffer.from(message);
  yield `commit refs/heads/${branch}\nauthor ${who(author)}\ncommitter ${who(committer)}\ndata ${said.length}\n`;
  yield said;
  yield '\n';
  let pending: (string | Uint8Array)[] = [];
  for (const [path, content] of first.files) {
    const bytes = Buffer.from(content as string);
    const name = `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
    pending.push(`M 100644 inline ${name}\ndata ${bytes.length}\n`, bytes, '\n');
    if (pending.length >= 3000) {
      yield Buffer.concat(pending.map((part) => Buffer.from(part as string)));
      pending = [];
    }
  }
  yield Buffer.concat(pending.map((part) => Buffer.from(part as string)));
  yield 'done\n';
}
