import { createHash } from 'node:crypto';

/** 40 hex digits. */
export type Oid = string;

export type FileMode = '100644' | '100755' | '120000' | '160000' | '40000';

/** One entry of a git tree object. */
export interface TreeItem {
  readonly mode: FileMode;
  readonly name: string;
  readonly oid: Oid;
}

/** Who wrote or committed, and when (git keeps whole seconds). */
export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly date: Date;
}

export interface CommitObject {
  readonly oid: Oid;
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
  /** The armoured `gpgsig` header; undefined for an unsigned commit. */
  readonly signature: string | undefined;
  /** The commit without its `gpgsig` header: what was signed. */
  readonly payload: string;
}

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';

export const emptyTree: Oid = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
export const noOid: Oid = '0'.repeat(40);
export const isOid = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

export function objectId(type: ObjectType, content: Uint8Array): Oid {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex');
}

export function parseTree(content: Buffer): TreeItem[] {
  const items: TreeItem[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const nul = content.indexOf(0, space);
    items.push({
      mode: content.toString('latin1', at, space) as FileMode,
      name: content.toString('utf8', space + 1, nul),
      oid: content.toString('hex', nul + 1, nul + 21),
    });
    at = nul + 21;
  }
  return items;
}

/** Git sorts the entries of a tree by bytes, a folder as if its name ended in `/`. */
const sortKey = (item: TreeItem): Buffer => Buffer.from(item.mode === '40000' ? `${item.name}/` : item.name);

export const byTreeOrder = (a: TreeItem, b: TreeItem): number => Buffer.compare(sortKey(a), sortKey(b));

export function encodeTree(sorted: readonly TreeItem[]): Buffer {
  const sizes = sorted.map(({ mode, name }) => mode.length + 1 + Buffer.byteLength(name) + 1 + 20);
  const content = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const { mode, name, oid } of sorted) {
    at += content.write(`${mode} ${name}\0`, at);
    at += content.write(oid, at, 'hex');
  }
  return content;
}

function parseSignature(line: string): Signature {
  const match = /^(.*?) ?<(.*)> (\d+) [+-]\d{4}$/.exec(line);
  if (match === null) throw new Error(`not a git signature: ${line}`);
  return { name: match[1] ?? '', email: match[2] ?? '', date: new Date(Number(match[3]) * 1000) };
}

export function parseCommit(oid: Oid, content: Buffer): CommitObject {
  const text = content.toString('utf8');
  const end = text.indexOf('\n\n');
  const headers = (end < 0 ? text : text.slice(0, end)).split('\n');
  const kept: string[] = [];
  const signature: string[] = [];
  const parents: Oid[] = [];
  const fields = new Map<string, string>();
  let inSignature = false;
  for (const line of headers) {
    if (line.startsWith(' ')) {
      (inSignature ? signature : kept).push(inSignature ? line.slice(1) : line);
      continue;
    }
    const space = line.indexOf(' ');
    const key = line.slice(0, space);
    const value = line.slice(space + 1);
    inSignature = key === 'gpgsig';
    if (inSignature) signature.push(value);
    else kept.push(line);
    if (key === 'parent') parents.push(value);
    else fields.set(key, value);
  }
  const message = end < 0 ? '' : text.slice(end + 2);
  return {
    oid,
    tree: fields.get('tree') ?? emptyTree,
    parents,
    author: parseSignature(fields.get('author') ?? ''),
    committer: parseSignature(fields.get('committer') ?? ''),
    message,
    signature: signature.length === 0 ? undefined : signature.join('\n'),
    payload: `${kept.join('\n')}\n\n${message}`,
  };
}

/** What a new commit says. */
export interface CommitContent {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

// A name or an email with `<`, `>` or a newline would forge headers; git itself strips them.
const clean = (text: string): string => text.replaceAll(/[<>\n\0]/g, '');
const formatSignature = ({ name, email, date }: Signature): string =>
  `${clean(name)} <${clean(email)}> ${Math.floor(date.getTime() / 1000)} +0000`;

/** The commit object's bytes; `sign` gets the unsigned text and returns an armoured signature. */
export function encodeCommit(commit: CommitContent, sign?: (payload: string) => string): Buffer {
  const headers = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${formatSignature(commit.author)}`,
    `committer ${formatSignature(commit.committer)}`,
  ].join('\n');
  const payload = `${headers}\n\n${commit.message}`;
  if (sign === undefined) return Buffer.from(payload);
  return Buffer.from(`${headers}\ngpgsig ${sign(payload).replaceAll('\n', '\n ')}\n\n${commit.message}`);
}
