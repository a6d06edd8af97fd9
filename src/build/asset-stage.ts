import type { Bucket } from '../aws/s3-bucket.ts';
import { couldNot } from '../report/failure.ts';
import type { AssetStage } from './build-assets.ts';
import type { BuildRequest } from './build-request.ts';
import { identityOf } from './build-target.ts';
import type { BuildMachine } from './open-build.ts';
import { assetTarget } from './upload-assets.ts';

/** What is asked for, as people write it. */
export interface WrittenAssets {
  /** The stage; undefined: no assets. */
  readonly target: string | undefined;
  readonly path: string | undefined;
  /** `s3://BUCKET/PREFIX`. */
  readonly to: string | undefined;
  /** undefined: that of the first registry. */
  readonly region: string | undefined;
  /** undefined: that of the first registry. */
  readonly role: string | undefined;
  readonly cacheControl: string;
}

/**
 * The assets that a build is asked for, with the way to their bucket; undefined: none.
 *
 * @throws Failure (exit 2): `bad-input`
 */
export async function assetStage(
  { target: stage, path, to, region, role, cacheControl }: WrittenAssets,
  { targets: [first] }: Pick<BuildRequest, 'targets'>,
  machine: Pick<BuildMachine, 'env' | 'idToken' | 'sessionName'>,
): Promise<{ readonly assets: AssetStage; readonly bucket: Bucket } | undefined> {
  if (stage === undefined) {
    if (to === undefined) return undefined;
    // Taken silently, everybody would believe that the assets are there.
    throw couldNot('assets-to is given, but no stage whose files would go there.', {
      todo: 'Give assets-target too, the stage of the Dockerfile; a folder that is there goes by `kajitori upload-assets`.',
      reason: 'bad-input',
    });
  }
  if (!/^\w[\w.-]*$/.test(stage)) {
    throw couldNot(`${JSON.stringify(stage.slice(0, 120))} is not the name of a stage in a Dockerfile.`, {
      todo: 'Write the name after AS in its FROM line.',
      reason: 'bad-input',
    });
  }
  if (to === undefined) {
    throw couldNot('Where the assets go is missing: assets-to.', {
      todo: 'Write s3://BUCKET/PREFIX, like s3://acme-assets/web.',
      reason: 'bad-input',
    });
  }
  const target = assetTarget(to);
  // Who builds without assets does not wait for what S3 needs.
  const { openBucket } = await import('../aws/s3-bucket.ts');
  const identity = identityOf(
    {
      account: first?.account ?? '',
      region: region ?? first?.region ?? '',
      roles: role === undefined ? (first?.roles ?? []) : [role],
    },
    machine,
  );
  return {
    assets: { stage, path: path ?? '/', target, cacheControl },
    bucket: openBucket(target.bucket, identity, machine.env),
  };
}
