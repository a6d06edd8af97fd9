import { randomBytes } from 'node:crypto';
import { mkdtempDisposable } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { answerApi } from './api.ts';
import type { VerifyToken } from './api-call.ts';
import { makeCertificate } from './certificate.ts';
import { startDistribution } from './distribution.ts';
import { type EcrFault, EcrFaults, type InjectedEcrFault } from './faults.ts';
import type { StoredImage } from './images.ts';
import { Moto } from './moto.ts';
import { Principals, type StandinRole } from './principals.ts';
import { layerBucketRegion, parseRegistryHost, Registry } from './registry.ts';
import { type CreationTemplate, type EcrRequestRecord, World } from './world.ts';

export interface EcrOptions {
  /** The regions whose registries can be reached; without it those of the examples. */
  readonly regions?: readonly string[];
  /** Checks GitHub's OIDC tokens; without it no account knows the provider. */
  readonly verifyToken?: VerifyToken;
  readonly now?: () => Date;
}

/** What a user of the stand-in, a process or an SDK, has in its environment. */
export interface AwsKeys {
  readonly AWS_ACCESS_KEY_ID: string;
  readonly AWS_SECRET_ACCESS_KEY: string;
}

/** ECR of all accounts, with STS, S3 and KMS beside it. */
export interface EcrStandin extends AsyncDisposable {
  /** The address of AWS's APIs, for AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  /** The way to registries, for HTTPS_PROXY. It reaches nothing else. */
  readonly proxy: string;
  /** The certificate of the registries, as a file and as text. */
  readonly caFile: string;
  readonly ca: string;
  /** For processes: the three above, and nothing of this machine's own AWS. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: readonly EcrRequestRecord[];
  /** Passwords, keys and tokens that were given out: what no log may show. */
  readonly secrets: readonly string[];
  /** What scans found, by digest. */
  readonly findings: Map<string, Readonly<Record<string, number>>>;
  /** Makes a role, or gives it other rights from its next session on. */
  role(arn: string, role: StandinRole): void;
  /** Long-lived keys that act as this role, as a machine's own role gives them to a self-hosted runner. */
  keys(arn: string): AwsKeys;
  createOnPush(template: CreationTemplate): void;
  /** Turns the account setting BLOB_MOUNTING on. */
  allowBlobMounting(account: string, region: string): void;
  /** What the repository holds, looked at from inside. */
  images(account: string, region: string, repository: string): readonly StoredImage[];
  expireTokens(): void;
  expireSessions(): void;
  inject(fault: EcrFault): InjectedEcrFault;
  clearFaults(): void;
}

/**
 * Starts a stand-in of ECR, as strict as ECR where builds meet it: a token per region and for 12 hours, roles and
 * policies of repositories, repositories that must exist, immutable tags with exclusions (also for the same digest),
 * layers from a bucket, no deletion by the registry's API. 501 for what it does not implement.
 *
 * Behind it run a real registry (`docker-registry`) and moto (`moto_server`). openssl makes the certificate.
 */
export async function startEcr(options: EcrOptions = {}): Promise<EcrStandin> {
  const { regions = ['ap-northeast-1', 'us-east-1', 'eu-west-1'], now = () => new Date() } = options;
  await using started = new AsyncDisposableStack();
  const folder = started.use(await mkdtempDisposable(path.join(tmpdir(), 'kajitori-ecr-')));
  const names = regions.flatMap((region) => [
    `*.dkr.ecr.${region}.amazonaws.com`,
    `prod-${region}-starport-layer-bucket.s3.${region}.amazonaws.com`,
  ]);
  const [certificate, moto, backend] = await Promise.all([
    makeCertificate(names, folder.path),
    Moto.start().then((server) => started.use(server)),
    startDistribution().then((server) => started.use(server)),
  ]);
  const principals = new Principals();
  const faults = new EcrFaults();
  const world = new World({ principals, faults, moto, now });
  const registry = new Registry(world, backend);
  started.defer(() => registry.close());

  const registries = createTlsServer({ key: certificate.key, cert: certificate.cert }, (request, response) =>
    serve(request, response, async () => {
      const hostName = (request.headers.host ?? '').replace(/:443$/, '');
      const host = parseRegistryHost(hostName);
      if (host !== undefined) return registry.handle(host, hostName, request, response);
      await registry.download(new URL(request.url ?? '/', `https://${hostName}`), request, response);
    }),
  );
  const sockets = new Set<Socket>();
  const proxy = createServer((_, response) => {
    response.writeHead(501).end('The stand-in of ECR is a proxy for HTTPS only.\n');
  });
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    const [name = '', port] = (request.url ?? '').split(':');
    const isOurs = parseRegistryHost(name) !== undefined || layerBucketRegion(name) !== undefined;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    if (!isOurs || port !== '443') {
      // No test reaches the internet.
      return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    registries.emit('connection', socket);
  });
  const api = createServer((request, response) =>
    serve(request, response, () =>
      answerApi(
        { world, registry, verifyToken: options.verifyToken ?? (() => 'no-provider') },
        request,
        response,
      ),
    ),
  );
  const listen = async (server: typeof api): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    started.defer(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const [endpoint, proxyUrl] = [await listen(api), await listen(proxy)];
  started.defer(() => {
    faults.clear();
    for (const socket of sockets) socket.destroy();
  });
  const all = started.move();

  return {
    endpoint,
    proxy: proxyUrl,
    caFile: certificate.certFile,
    ca: certificate.cert,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      HTTPS_PROXY: proxyUrl,
      NO_PROXY: '127.0.0.1,localhost',
      SSL_CERT_FILE: certificate.certFile,
      NODE_EXTRA_CA_CERTS: certificate.certFile,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    log: world.log,
    secrets: principals.secrets,
    findings: world.findings,
    role: (arn, role) => void principals.roles.set(arn, role),
    keys: (arn) => {
      const accessKeyId = `AKIA${randomBytes(8).toString('hex').toUpperCase()}`;
      const secret = randomBytes(30).toString('base64');
      principals.open(accessKeyId, [secret], arn, 'machine');
      return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secret };
    },
    createOnPush: (template) => void world.templates.push(template),
    allowBlobMounting: (account, region) => void world.blobMounting.add(`${account}/${region}`),
    images: (account, region, repository) => world.images(account, region, repository).all(),
    expireTokens: () => principals.expireTokens(),
    expireSessions: () => principals.expireSessions(),
    inject: (fault) => faults.inject(fault),
    clearFaults: () => faults.clear(),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}

/** Runs what answers one request; whatever goes wrong ends its connection and not the stand-in. */
function serve(request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): void {
  answer().catch((error: Error) => {
    // A client that went away, a fault that ended the connection: nobody is left to be answered.
    if (request.socket.destroyed || response.headersSent) return void response.destroy();
    response.writeHead(500).end(`The stand-in of ECR failed: ${error.stack}`);
  });
}
