import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { awsFailure } from './aws-failure.ts';
import { type AwsIdentity, awsCredentials } from './credentials.ts';
import { httpsAgent } from './https-agent.ts';

/** What a bucket has under a key. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Without quotes: the MD5 of the content, unless the bucket encrypts by KMS ("Checking object integrity", S3 user guide). */
  readonly etag: string;
}

/** One object to write. */
export interface NewObject {
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
  readonly cacheControl: string;
}

/** A bucket, as far as uploads need it. All methods throw Failure. */
export interface Bucket {
  readonly name: string;
  list(prefix: string): AsyncIterable<StoredObject>;
  put(object: NewObject): Promise<void>;
}

/** Opens a bucket of S3 in the identity's region. Nothing is asked for until it is used. */
export function openBucket(name: string, identity: AwsIdentity, env: NodeJS.ProcessEnv): Bucket {
  const client = new S3Client({
    region: identity.region,
    credentials: awsCredentials(identity),
    maxAttempts: 6,
    requestHandler: { httpsAgent: httpsAgent() },
    // What stands in for S3 (MinIO, tests) seldom has a host name for each bucket.
    forcePathStyle: (env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL) !== undefined,
  });
  const send = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (error) {
      throw await awsFailure(error, { what, identity });
    }
  };
  return {
    name,
    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await send(`list s3://${name}/${prefix}`, () =>
          client.send(
            new ListObjectsV2Command({
              Bucket: name,
              Prefix: prefix,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
          ),
        );
        for (const { Key: key, Size: bytes = 0, ETag: etag = '' } of page.Contents ?? []) {
          if (key !== undefined) yield { key, bytes, etag: etag.replaceAll('"', '') };
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    put: async ({ key, body, contentType, contentEncoding, cacheControl }) => {
      await send(`write s3://${name}/${key}`, () =>
        client.send(
          new PutObjectCommand({
            Bucket: name,
            Key: key,
            Body: body,
            ContentType: contentType,
            CacheControl: cacheControl,
            ...(contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }),
          }),
        ),
      );
    },
  };
}
