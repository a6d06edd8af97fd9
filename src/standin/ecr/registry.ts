/**
 * The registry of each account and region: the OCI distribution API as ECR speaks it, in front of a real registry.
 *
 * Layers are checked and kept by that one, under `<account>/<region>/<repository>`; tags and manifests are kept here,
 * because ECR's rules are about them. Answers and their words are those of ECR (user guide: "Amazon ECR error handling",
 * "Troubleshooting errors with Docker commands"; the codes are those of the OCI distribution specification).
 */
import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { EcrFault } from './faults.ts';
import { digestOf, type Images, type StoredImage } from './images.ts';
import { mayOverwrite, type TagMutability } from './mutability.ts';
import type { Principal } from './principals.ts';
import { type EcrRequestRecord, notAuthorized, repositoryArn, type World } from './world.ts';

/** A registry's host name. */
export interface RegistryHost {
  readonly account: string;
  readonly region: string;
}

/** The account and region of `<account>.dkr.ecr.<region>.amazonaws.com`; undefined for any other name. */
export function parseRegistryHost(host: string): RegistryHost | undefined {
  const [, account, region] = /^(\d{12})\.dkr\.ecr\.([a-z\d-]+)\.amazonaws\.com$/.exec(host) ?? [];
  return account === undefined || region === undefined ? undefined : { account, region };
}

/** Where layers are downloaded from: the region of a bucket of AWS's own; undefined for any other name. */
export const layerBucketRegion = (host: string): string | undefined =>
  /^prod-([a-z\d-]+)-starport-layer-bucket\.s3\.\1\.amazonaws\.com$/.exec(host)?.[1];

type Route =
  | { readonly kind: 'ping'; readonly action: 'GetAuthorizationToken' }
  | ({ readonly repository: string; readonly action: string } & (
      | { readonly kind: 'upload'; readonly rest: string }
      | { readonly kind: 'blob'; readonly digest: string }
      | { readonly kind: 'manifest'; readonly reference: string }
      | { readonly kind: 'tags' }
      | { readonly kind: 'referrers'; readonly digest: string }
    ));

/** The actions of IAM that ECR asks for ("Actions, resources, and condition keys for Amazon ECR"). */
const UPLOAD_ACTIONS: Readonly<Record<string, string>> = {
  POST: 'InitiateLayerUpload',
  PATCH: 'UploadLayerPart',
  PUT: 'CompleteLayerUpload',
};

function routeOf(method: string, path: string): Route | undefined {
  if (path === '/v2/' || path === '/v2') return { kind: 'ping', action: 'GetAuthorizationToken' };
  const reading = method === 'GET' || method === 'HEAD';
  const [, repository = '', what = '', rest = ''] =
    /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests|tags|referrers)\/(.*)$/.exec(path) ?? [];
  if (what === 'blobs/uploads') {
    const action = UPLOAD_ACTIONS[method];
    return action === undefined ? undefined : { kind: 'upload', repository, rest, action };
  }
  if (what === 'blobs' && reading) {
    const action = method === 'HEAD' ? 'BatchCheckLayerAvailability' : 'GetDownloadUrlForLayer';
    return { kind: 'blob', repository, digest: rest, action };
  }
  if (what === 'manifests' && (reading || method === 'PUT')) {
    return {
      kind: 'manifest',
      repository,
      reference: rest,
      action: reading ? 'BatchGetImage' : 'PutImage',
    };
  }
  if (what === 'tags' && rest === 'list' && method === 'GET') {
    return { kind: 'tags', repository, action: 'ListImages' };
  }
  if (what === 'referrers' && method === 'GET') {
    return { kind: 'referrers', repository, digest: rest, action: 'BatchGetImage' };
  }
  return undefined;
}

/** An answer in the form of the specification. */
export class RegistryRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  constructor(status: number, code: string, message: string) {
    this.status = status;
    this.code = code;
    this.message = message;
  }
}

const isWrite = (action: string): boolean =>
  ['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'].includes(action);

async function readText(request: IncomingMessage): Promise<string> {
  return Buffer.concat((await request.toArray()) as Buffer[]).toString();
}

/** ECR's limit ("Amazon ECR service quotas": maximum image manifest size). */
const MANIFEST_LIMIT = 4 * 1024 * 1024;

export class Registry {
  readonly #world: World;
  readonly #backend: { readonly port: number };
  readonly #agent = new Agent({ keepAlive: true });
  /** Signatures of download addresses, each for one blob. */
  readonly #downloads = new Map<string, string>();

  constructor(world: World, backend: { readonly port: number }) {
    this.#world = world;
    this.#backend = backend;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Answers one request to `host`. */
  async handle(
    host: RegistryHost,
    hostName: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const url = new URL(request.url ?? '/', `https://${hostName}`);
    const route = routeOf(request.method ?? '', url.pathname);
    const record: EcrRequestRecord = {
      service: 'registry',
      operation: route?.action ?? `${request.method} ${url.pathname}`,
      ...host,
      repository: route === undefined || route.kind === 'ping' ? undefined : route.repository,
      reference: referenceOf(route),
      who: 'anonymous',
      status: undefined,
      fault: undefined,
    };
    this.#world.log.push(record);
    response.on('close', () => {
      record.status ??= response.writableFinished ? response.statusCode : 0;
    });
    try {
      if (route === undefined) throw notImplemented(request);
      const principal = this.#authenticate(host, hostName, request, response);
      if (principal === undefined) return;
      (record as { who: string }).who = principal.arn;
      const fault = await this.#world.faults.strike(record);
      record.fault = fault?.kind;
      if (fault?.kind === 'reset') return await resetMidway(request);
      if (fault !== undefined && fault.kind !== 'lost') throw struck(fault, principal, record);
      if (fault?.kind === 'lost') losesItsAnswer(response, request);
      await this.#answer(host, url, route, principal, request, response);
    } catch (error) {
      if (!(error instanceof RegistryRefusal)) throw error;
      refuse(request, response, error);
    }
  }

  /** Layers come from a bucket, by an address that is signed; S3 refuses a second credential. */
  async download(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = this.#downloads.get(url.searchParams.get('X-Amz-Signature') ?? '');
    if (path === undefined)
      return void response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    if (request.headers.authorization !== undefined) {
      const message = 'Only one auth mechanism allowed';
      return void response
        .writeHead(400)
        .end(`<Error><Code>InvalidArgument</Code><Message>${message}</Message></Error>`);
    }
    await this.#pass('GET', path, request, response);
  }

  #authenticate(
    host: RegistryHost,
    hostName: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Principal | undefined {
    const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (basic === undefined) {
      response.writeHead(401, {
        'www-authenticate': `Basic realm="https://${hostName}/",service="ecr.amazonaws.com"`,
        'docker-distribution-api-version': 'registry/2.0',
      });
      response.end('Not Authorized\n');
      return undefined;
    }
    const [user, ...rest] = Buffer.from(basic, 'base64').toString().split(':');
    const token = this.#world.principals.token(rest.join(':'));
    if (user !== 'AWS' || token === undefined || token.region !== host.region) {
      throw new RegistryRefusal(400, 'DENIED', 'Your Authorization Token is invalid.');
    }
    if (token.expired) throw expired();
    return token.principal;
  }

  async #answer(
    host: RegistryHost,
    url: URL,
    route: Route,
    principal: Principal,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (route.kind === 'ping') return void response.writeHead(200, JSON_TYPE).end('{}');
    const { account, region } = host;
    const { repository, action } = route;
    const world = this.#world;
    if (!(await world.may(principal, `ecr:${action}`, account, region, repository))) {
      const resource = repositoryArn(account, region, repository);
      throw new RegistryRefusal(403, 'DENIED', notAuthorized(principal, `ecr:${action}`, resource));
    }
    const settings =
      (await world.settings(account, region, repository)) ??
      (isWrite(action) ? await world.createOnPush(account, region, repository) : undefined);
    if (settings === undefined) {
      const message = `The repository with name '${repository}' does not exist in the registry with id '${account}'`;
      throw new RegistryRefusal(404, 'NAME_UNKNOWN', message);
    }
    const images = world.images(account, region, repository);
    const backend = `/v2/${account}/${region}/${repository}`;
    switch (route.kind) {
      case 'upload':
        return this.#upload(host, url, route, backend, request, response);
      case 'blob':
        if (request.method === 'HEAD') {
          return this.#pass('HEAD', `${backend}/blobs/${route.digest}`, request, response);
        }
        return this.#redirectToBucket(host, `${backend}/blobs/${route.digest}`, response);
      case 'tags': {
        const tags = images
          .all()
          .flatMap((image) => [...image.tags])
          .sort();
        if (url.searchParams.has('n') || url.searchParams.has('last')) throw notImplemented(request);
        return void response.writeHead(200, JSON_TYPE).end(JSON.stringify({ name: repository, tags }));
      }
      case 'referrers': {
        const artifactType = url.searchParams.get('artifactType');
        response.writeHead(200, {
          'content-type': 'application/vnd.oci.image.index.v1+json',
          ...(artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' }),
        });
        const manifests = images.referrers(route.digest, artifactType);
        return void response.end(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: 'application/vnd.oci.image.index.v1+json',
            manifests,
          }),
        );
      }
      case 'manifest': {
        if (action === 'PutImage') {
          const text = await readText(request);
          const mediaType = request.headers['content-type'] ?? '';
          const put = await this.putManifest(host, repository, route.reference, text, mediaType);
          return void response
            .writeHead(201, {
              location: `/v2/${repository}/manifests/${put.digest}`,
              'docker-content-digest': put.digest,
              ...(put.manifest.subject?.digest === undefined
                ? {}
                : { 'oci-subject': put.manifest.subject.digest }),
            })
            .end();
        }
        const isDigest = route.reference.startsWith('sha256:');
        const image = images.find(isDigest ? { digest: route.reference } : { tag: route.reference });
        if (image === undefined)
          throw new RegistryRefusal(404, 'MANIFEST_UNKNOWN', 'Requested image not found');
        response.writeHead(200, {
          'content-type': image.mediaType,
          'content-length': String(Buffer.byteLength(image.text)),
          'docker-content-digest': image.digest,
        });
        return void response.end(request.method === 'HEAD' ? undefined : image.text);
      }
    }
  }

  /**
   * Puts a manifest under a tag or its digest, when everything that it names is there and the tag may be written.
   *
   * @throws RegistryRefusal
   */
  async putManifest(
    host: RegistryHost,
    repository: string,
    reference: string,
    text: string,
    mediaType: string,
  ): Promise<StoredImage> {
    const { account, region } = host;
    const digest = digestOf(text);
    if (Buffer.byteLength(text) > MANIFEST_LIMIT) {
      throw new RegistryRefusal(
        400,
        'MANIFEST_INVALID',
        'Invalid parameter: the manifest is larger than 4194304 bytes',
      );
    }
    if (reference.startsWith('sha256:') && reference !== digest) {
      throw new RegistryRefusal(400, 'DIGEST_INVALID', 'The digest provided does not match the manifest');
    }
    const tag = reference.startsWith('sha256:') ? undefined : reference;
    const images = this.#world.images(account, region, repository);
    const settings = await this.#world.settings(account, region, repository);
    checkTag(tag, repository, images, settings);
    const put = await this.#backendText(
      'PUT',
      `/v2/${account}/${region}/${repository}/manifests/${digest}`,
      text,
      mediaType,
    );
    if (put.status !== 201) {
      const [error] = (JSON.parse(put.text) as { errors?: { code: string; message: string }[] }).errors ?? [];
      throw new RegistryRefusal(put.status, error?.code ?? 'MANIFEST_INVALID', error?.message ?? put.text);
    }
    // Another push may have taken the tag while the registry behind looked at this one.
    checkTag(tag, repository, images, settings);
    return images.put(text, mediaType, tag, this.#world.now());
  }

  async #upload(
    { account, region }: RegistryHost,
    url: URL,
    route: { readonly repository: string; readonly rest: string },
    backend: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const query = new URLSearchParams(url.search);
    const from = query.get('from');
    if (query.has('mount')) {
      if (from !== null && this.#world.blobMounting.has(`${account}/${region}`)) {
        query.set('from', `${account}/${region}/${from}`);
      } else {
        query.delete('mount');
        query.delete('from');
      }
    }
    const path = `${backend}/blobs/uploads/${route.rest}${query.size === 0 ? '' : `?${query.toString()}`}`;
    await this.#pass(request.method ?? 'GET', path, request, response, (location) =>
      location.replace(backend, `/v2/${route.repository}`),
    );
  }

  #redirectToBucket(host: RegistryHost, path: string, response: ServerResponse): void {
    const signature = randomUUID();
    this.#downloads.set(signature, path);
    const bucket = `prod-${host.region}-starport-layer-bucket.s3.${host.region}.amazonaws.com`;
    const location = `https://${bucket}/${randomUUID()}?X-Amz-Signature=${signature}`;
    response.writeHead(307, { location }).end();
  }

  /** Hands a request on to the registry behind, body and answer streamed. */
  #pass(
    method: string,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    rewriteLocation: (location: string) => string = (location) => location,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { authorization: _, host: __, ...headers } = request.headers;
      const onward = httpRequest(
        { host: '127.0.0.1', port: this.#backend.port, method, path, headers, agent: this.#agent },
        (answer) => {
          const { location } = answer.headers;
          response.writeHead(answer.statusCode ?? 502, {
            ...answer.headers,
            ...(location === undefined ? {} : { location: rewriteLocation(location) }),
          });
          pipeline(answer, response).then(resolve, reject);
        },
      );
      onward.on('error', reject);
      pipeline(request, onward).catch(reject);
    });
  }

  async #backendText(method: string, path: string, body: string, mediaType: string) {
    const answer = await fetch(`http://127.0.0.1:${this.#backend.port}${path}`, {
      method,
      body,
      headers: { 'content-type': mediaType },
    });
    return { status: answer.status, text: await answer.text() };
  }
}

const JSON_TYPE = { 'content-type': 'application/json' } as const;

function referenceOf(route: Route | undefined): string | undefined {
  switch (route?.kind) {
    case 'upload':
      return route.rest === '' ? undefined : route.rest;
    case 'manifest':
      return route.reference;
    case 'blob':
    case 'referrers':
      return route.digest;
    default:
      return undefined;
  }
}

/** ECR refuses a tag that exists in a repository of immutable tags, also when it points to the same digest already. */
function checkTag(
  tag: string | undefined,
  repository: string,
  images: Images,
  settings: TagMutability | undefined,
): void {
  const taken = tag !== undefined && images.find({ tag }) !== undefined;
  if (!taken || settings === undefined || mayOverwrite(tag, settings)) return;
  const message = `The image tag '${tag}' already exists in the '${repository}' repository and cannot be overwritten because the tag is immutable.`;
  throw new RegistryRefusal(400, 'TAG_INVALID', message);
}

const notImplemented = (request: IncomingMessage): RegistryRefusal =>
  new RegistryRefusal(
    501,
    'UNSUPPORTED',
    `The stand-in of ECR does not implement ${request.method} ${request.url?.split('?')[0]}`,
  );

const expired = (): RegistryRefusal =>
  new RegistryRefusal(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.');

function struck(fault: EcrFault, principal: Principal, record: EcrRequestRecord): RegistryRefusal {
  switch (fault.kind) {
    case 'throttle':
      return new RegistryRefusal(429, 'TOOMANYREQUESTS', 'Rate exceeded');
    case 'expired':
      return expired();
    case 'denied': {
      const resource = repositoryArn(record.account, record.region, record.repository);
      return new RegistryRefusal(
        403,
        'DENIED',
        notAuthorized(principal, `ecr:${record.operation}`, resource),
      );
    }
    default:
      return new RegistryRefusal(fault.status ?? 503, 'UNKNOWN', 'Service Unavailable');
  }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, message }: RegistryRefusal,
): void {
  // What was not read of a body would be taken for the next request.
  request.resume();
  response.writeHead(status, { ...JSON_TYPE, 'docker-distribution-api-version': 'registry/2.0' });
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify({ errors: [{ code, message }] }));
}

/** Ends the connection after the first part of the body, or at once where there is none. */
async function resetMidway(request: IncomingMessage): Promise<void> {
  if (request.headers['content-length'] !== '0' && request.method !== 'GET' && request.method !== 'HEAD') {
    await new Promise((resolve) => request.once('data', resolve).once('end', resolve).once('close', resolve));
  }
  request.socket.destroy();
}

/** Lets a request take effect and its answer get lost. */
function losesItsAnswer(response: ServerResponse, request: IncomingMessage): void {
  response.writeHead = () => {
    request.socket.destroy();
    return response;
  };
}
