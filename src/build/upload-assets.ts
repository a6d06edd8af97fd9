import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { Bucket, StoredObject } from '../aws/s3-bucket.ts';
import { couldNot } from '../report/failure.ts';
import { type AssetFiles, readAsset } from './asset-files.ts';
import { assetHeaders } from './asset-headers.ts';

/** Where assets go. */
export interface AssetTarget {
  readonly bucket: string;
  /** Without `/` at its ends; empty: the root of the bucket. */
  readonly prefix: string;
}

/** What is uploaded. */
export interface AssetUpload {
  readonly assets: AssetFiles;
  readonly prefix: string;
  /** For files whose name does not change with their content: `public, max-age=300`. */
  readonly cacheControl: string;
  /** Says what it would do, and writes nothing. */
  readonly dryRun: boolean;
  /** Ends it between two files. */
  readonly signal?: AbortSignal | undefined;
}

/** What was done, by file names. */
export interface AssetOutputs {
  readonly uploaded: readonly string[];
  readonly bytes: number;
  /** They were there already, the same. */
  readonly there: number;
  /** Names with a digest whose content is another than what is there: what is there stays. */
  readonly differing: readonly string[];
  readonly skipped: readonly string[];
}

/** A year, as long as caches keep anything (RFC 9111; `immutable`: RFC 8246). */
const FOREVER = 'public, max-age=31536000, immutable';
/** Files at a time, each in memory. */
const LANES = 8;

/**
 * Reads where assets go: `s3://bucket/prefix`.
 *
 * @throws Failure (exit 2): `bad-input`
 */
export function assetTarget(written: string): AssetTarget {
  // "General purpose bucket naming rules" (S3 user guide); a prefix like ours needs no escapes anywhere.
  const [, bucket, prefix = ''] =
    /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])(?:\/([\w./-]*))?$/.exec(written) ?? [];
  const parts = prefix.split('/').filter((part) => part !== '');
  if (bucket === undefined || parts.some((part) => part === '.' || part === '..')) {
    throw couldNot(`${JSON.stringify(written.slice(0, 120))} is not a place in S3.`, {
      todo: 'Write s3://BUCKET/PREFIX, like s3://acme-assets/web.',
      reason: 'bad-input',
    });
  }
  return { bucket, prefix: parts.join('/') };
}

/**
 * Uploads what a bucket lacks. It only adds: pages that are open, and pods of the release before, still find their files.
 *
 * Files whose names have a digest come first, the others (manifests, `index.html`, which name them) last: whoever reads
 * the one finds the other. Run again after it broke off, it goes on where it was.
 *
 * @throws Failure (exit 2) of S3, with the statement that is missing
 */
export async function uploadAssets(upload: AssetUpload, bucket: Bucket): Promise<AssetOutputs> {
  const { assets, prefix, dryRun } = upload;
  const keyOf = (file: string): string => (prefix === '' ? file : `${prefix}/${file}`);
  const stored = new Map<string, StoredObject>();
  for await (const object of bucket.list(prefix === '' ? '' : `${prefix}/`)) {
    stored.set(object.key, object);
  }
  const uploaded: string[] = [];
  const differing: string[] = [];
  let [bytes, there] = [0, 0];
  const limit = pLimit(LANES);
  const isImmutable = (file: string): boolean => assetHeaders(file).isImmutable;
  for (const group of [assets.files.filter(isImmutable), assets.files.filter((file) => !isImmutable(file))]) {
    await Promise.all(
      group.map((file) =>
        limit(async () => {
          if (upload.signal?.aborted === true) {
            throw couldNot('The upload of assets was ended from outside.', {
              todo: 'Run it again: it goes on where it was.',
              reason: 'cancelled',
            });
          }
          const body = await readAsset(assets.folder, file);
          const headers = assetHeaders(file);
          const before = stored.get(keyOf(file));
          if (before !== undefined && isSame(before, body)) {
            there += 1;
            return;
          }
          if (before !== undefined && headers.isImmutable) {
            // Of a bucket that encrypts by KMS the content is not known; the length is.
            if (isContentKnown(before) || before.bytes !== body.length) differing.push(file);
            else there += 1;
            return;
          }
          uploaded.push(file);
          bytes += body.length;
          if (dryRun) return;
          await bucket.put({
            key: keyOf(file),
            body,
            contentType: headers.contentType,
            contentEncoding: headers.contentEncoding,
            cacheControl: headers.isImmutable ? FOREVER : upload.cacheControl,
          });
        }),
      ),
    );
  }
  return {
    uploaded: uploaded.toSorted(),
    bytes,
    there,
    differing: differing.toSorted(),
    skipped: assets.skipped,
  };
}

/** Uploads in parts, and KMS, have entity tags that are no MD5. */
const isContentKnown = ({ etag }: StoredObject): boolean => /^[a-f\d]{32}$/.test(etag);

const isSame = ({ etag, bytes }: StoredObject, body: Buffer): boolean =>
  bytes === body.length && etag === createHash('md5').update(body).digest('hex');

/** For a log and the job summary: sentences. */
export function assetLines(outputs: AssetOutputs, where: string, dryRun = false): readonly string[] {
  const { uploaded, bytes, there, differing, skipped } = outputs;
  const some = (files: readonly string[]): string =>
    `${files.slice(0, 5).join(', ')}${files.length > 5 ? ` and ${files.length - 5} more` : ''}`;
  return [
    `assets: ${uploaded.length} ${dryRun ? 'would be uploaded' : 'uploaded'} to ${where} (${(bytes / 1_000_000).toFixed(1)} MB), ${there} were there`,
    ...(differing.length === 0
      ? []
      : [
          `assets that have another content under the same name; what is there stays, as browsers keep it: ${some(differing)}`,
        ]),
    ...(skipped.length === 0 ? [] : [`not uploaded, because they are links: ${some(skipped)}`]),
  ];
}
