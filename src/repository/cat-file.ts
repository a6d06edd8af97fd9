/**
 * What `git cat-file --batch` printed, in the order of what it was asked for: `<oid> <type> <size>`, then the bytes; or
 * `<name> missing` (docs: git-cat-file, "Batch output").
 *
 * @returns the bytes of blobs; undefined for what is not there, or is none
 */
export function blobsOf(output: Uint8Array): readonly (Uint8Array | undefined)[] {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  const blobs: (Uint8Array | undefined)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\n', at);
    const [, type, size] = /^[0-9a-f]{40,64} (\w+) (\d+)$/.exec(bytes.toString('utf8', at, end)) ?? [];
    at = end + 1;
    if (size === undefined) {
      blobs.push(undefined);
      continue;
    }
    blobs.push(type === 'blob' ? bytes.subarray(at, at + Number(size)) : undefined);
    at += Number(size) + 1;
  }
  return blobs;
}
