import { createHash } from 'node:crypto';
import type { Bucket } from '../aws/s3-bucket.ts';
import { assetFiles } from './asset-files.ts';
import type { Content } from './build.ts';
import { type AssetOutputs, type AssetTarget, assetLines, uploadAssets } from './upload-assets.ts';

/** Assets that a stage of the Dockerfile makes. */
export interface AssetStage {
  readonly stage: string;
  /** The folder in that stage. */
  readonly path: string;
  readonly target: AssetTarget;
  /** For names without a digest. */
  readonly cacheControl: string;
}

export interface BuildAssetsDeps {
  readonly contentKey: () => Promise<Content>;
  /** Builds a stage and gives what it holds as a folder, which is gone when it is disposed of. */
  readonly exportStage: (stage: string) => Promise<AsyncDisposable & { readonly path: string }>;
  readonly bucket: Bucket;
  readonly onStep: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** undefined: the same content was uploaded before. */
export type BuiltAssets = AssetOutputs | undefined;

/**
 * Builds the assets of an app and brings them to S3, before its image gets a tag: an image that is deployed finds its
 * assets.
 *
 * A small object under `.kajitori/` remembers the content whose assets are all there, so that nothing is built for the same
 * content again.
 *
 * @param force build and look again all the same
 * @throws Failure (exit 2) of the build, of the folder and of S3
 */
export async function buildAssets(
  { stage, path, target, cacheControl }: AssetStage,
  force: boolean,
  commit: string,
  deps: BuildAssetsDeps,
): Promise<BuiltAssets> {
  const { tag, unclear } = await deps.contentKey();
  const key = createHash('sha256')
    .update(JSON.stringify([tag, stage, path]))
    .digest('hex');
  const marker = [
    ...(target.prefix === '' ? [] : [target.prefix]),
    '.kajitori',
    `assets-${key.slice(0, 32)}`,
  ];
  const isClear = unclear.length === 0;
  if (isClear && !force && (await isThere(deps.bucket, marker.join('/')))) {
    deps.onStep('assets: the same content was uploaded before');
    return undefined;
  }
  deps.onStep(`assets: building the stage ${stage}`);
  await using exported = await deps.exportStage(stage);
  const assets = await assetFiles(exported.path, path);
  const outputs = await uploadAssets(
    { assets, prefix: target.prefix, cacheControl, dryRun: false, signal: deps.signal },
    deps.bucket,
  );
  if (isClear) {
    await deps.bucket.put({
      key: marker.join('/'),
      body: Buffer.from(`${JSON.stringify({ commit, files: assets.files.length })}\n`),
      contentType: 'application/json',
      contentEncoding: undefined,
      cacheControl: 'no-store',
    });
  }
  return outputs;
}

/** By a list: the answer to a question for one object has no words when it is refused. */
async function isThere(bucket: Bucket, key: string): Promise<boolean> {
  for await (const object of bucket.list(key)) if (object.key === key) return true;
  return false;
}

/** For a log and the job summary. */
export const builtAssetLines = (assets: BuiltAssets, { bucket, prefix }: AssetTarget): readonly string[] =>
  assets === undefined
    ? ['assets: the same content was uploaded before']
    : assetLines(assets, `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`);
