/**
 * AWS's own APIs, behind one address (AWS_ENDPOINT_URL): who asks is known by the access key, and may do what the role
 * allows. Images and tokens of ECR are answered here; STS, repositories, S3 and KMS by moto.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, jsonAnswer, jsonError, xmlError } from './api-answers.ts';
import { type ApiParts, type Call, checkSession } from './api-call.ts';
import type { EcrFault } from './faults.ts';
import { IMAGE_CALLS } from './image-calls.ts';
import type { Answer } from './moto.ts';
import type { Principal } from './principals.ts';
import { answerSts } from './sts-calls.ts';
import { type EcrRequestRecord, notAuthorized, repositoryArn, type World } from './world.ts';

const ECR_TARGET = /^AmazonEC2ContainerRegistry_V20150921\.(\w+)$/;
const KMS_TARGET = /^TrentService\.(\w+)$/;

/** What moto answers well enough. Everything else of ECR is a 501: an HTML page of moto's would be a riddle. */
const BY_MOTO = new Set(
  `CreateRepository DeleteRepository DescribeRepositories DeleteLifecyclePolicy GetLifecyclePolicy PutLifecyclePolicy
   DeleteRepositoryPolicy GetRepositoryPolicy SetRepositoryPolicy PutImageTagMutability PutImageScanningConfiguration
   ListTagsForResource TagResource UntagResource DescribeRegistry GetRegistryScanningConfiguration`.split(
    /\s+/,
  ),
);

/** Answers one request of an SDK. */
export async function answerApi(
  parts: ApiParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { world } = parts;
  const body = Buffer.concat((await request.toArray()) as Buffer[]);
  const call = readCall(world, request, body);
  const record: EcrRequestRecord = {
    service: call.service,
    operation: call.operation,
    account: call.account,
    region: call.region,
    repository: repositoryOf(call),
    reference: undefined,
    who: call.principal?.arn ?? 'anonymous',
    status: undefined,
    fault: undefined,
  };
  world.log.push(record);
  const send = (answer: Answer): void => {
    record.status = answer.status;
    const { 'transfer-encoding': _, ...headers } = answer.headers;
    response.writeHead(answer.status, headers).end(answer.body);
  };
  try {
    const fault = await world.faults.strike(record);
    record.fault = fault?.kind;
    if (fault?.kind === 'reset') {
      record.status = 0;
      return void request.socket.destroy();
    }
    if (fault !== undefined && fault.kind !== 'lost') throw struck(fault, call);
    const answer = await answerCall(parts, call);
    if (fault?.kind !== 'lost') return send(answer);
    record.status = 0;
    request.socket.destroy();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    send(call.service === 'ecr' || call.service === 'kms' ? jsonError(error) : xmlError(error));
  }
}

function readCall(world: World, request: IncomingMessage, body: Buffer): Call {
  const signed = /Credential=([^/]+)\/\d+\/([^/]+)\/([^/]+)\//.exec(request.headers.authorization ?? '');
  const [, accessKeyId = '', region = 'us-east-1', scope = ''] = signed ?? [];
  const principal = world.principals.session(accessKeyId)?.principal;
  const account = principal?.account ?? '000000000000';
  const target = String(request.headers['x-amz-target'] ?? '');
  const common = { account, region, principal, request, body };
  const json = () => JSON.parse(body.toString()) as Record<string, unknown>;
  const ecr = ECR_TARGET.exec(target)?.[1];
  if (ecr !== undefined) return { ...common, service: 'ecr', operation: ecr, input: json() };
  const kms = KMS_TARGET.exec(target)?.[1];
  if (kms !== undefined) return { ...common, service: 'kms', operation: kms, input: json() };
  if (scope !== 's3' && request.method === 'POST') {
    const input = Object.fromEntries(new URLSearchParams(body.toString()));
    return { ...common, service: 'sts', operation: input.Action ?? '', input };
  }
  return { ...common, service: 's3', operation: s3Action(request), input: {} };
}

/** The action that S3 asks for ("Actions, resources, and condition keys for Amazon S3"), as far as objects go. */
function s3Action({ method, url = '/' }: IncomingMessage): string {
  const isObject = /^\/[^/]+\/[^?]/.test(url);
  if (!isObject) return method === 'PUT' ? 'CreateBucket' : 'ListBucket';
  if (method === 'GET' || method === 'HEAD') return 'GetObject';
  return method === 'DELETE' ? 'DeleteObject' : 'PutObject';
}

const repositoryOf = ({ input, service }: Call): string | undefined =>
  service === 'ecr' && typeof input.repositoryName === 'string' ? input.repositoryName : undefined;

async function answerCall(parts: ApiParts, call: Call): Promise<Answer> {
  const { world } = parts;
  if (call.service === 'sts') return answerSts(parts, call);
  const { principal, service, operation } = call;
  checkSession(world, call);
  if (principal === undefined) {
    throw new ApiError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
  if (service !== 'ecr') {
    if (!(await world.may(principal, `${service}:${operation}`, principal.account, call.region, undefined))) {
      const code = service === 's3' ? 'AccessDenied' : 'AccessDeniedException';
      throw new ApiError(
        code,
        notAuthorized(principal, `${service}:${operation}`, call.request.url ?? '*'),
        service === 's3' ? 403 : 400,
      );
    }
    return world.moto.forward(call.request, call.request.headers, call.body, principal.account);
  }
  return answerEcr(parts, call, principal);
}

async function answerEcr(parts: ApiParts, call: Call, principal: Principal): Promise<Answer> {
  const { world } = parts;
  const { operation, region, input } = call;
  const repository = repositoryOf(call);
  const account = typeof input.registryId === 'string' ? input.registryId : principal.account;
  const named = repository ?? onlyName(input);
  if (!(await world.may(principal, `ecr:${operation}`, account, region, named))) {
    const resource = repositoryArn(account, region, named);
    throw new ApiError('AccessDeniedException', notAuthorized(principal, `ecr:${operation}`, resource));
  }
  if (operation === 'GetAuthorizationToken') {
    const token = Buffer.from(`AWS:${world.principals.issueToken(principal, region)}`).toString('base64');
    world.principals.secrets.push(token);
    const expiresAt = world.now().getTime() / 1000 + 12 * 3600;
    const proxyEndpoint = `https://${account}.dkr.ecr.${region}.amazonaws.com`;
    return jsonAnswer({ authorizationData: [{ authorizationToken: token, expiresAt, proxyEndpoint }] });
  }
  if (BY_MOTO.has(operation)) {
    const answer = await world.moto.forward(call.request, call.request.headers, call.body, account);
    if (!/^(Describe|Get|List)/.test(operation)) world.forgetSettings();
    if (operation === 'DeleteRepository' && answer.status === 200) {
      world.deleteImages(account, region, repository ?? '');
    }
    return answer;
  }
  const answerImages = IMAGE_CALLS[operation];
  if (answerImages === undefined) {
    throw new ApiError('NotImplemented', `The stand-in of ECR does not implement ${operation}`, 501);
  }
  if (repository === undefined || (await world.settings(account, region, repository)) === undefined) {
    const message = `The repository with name '${repository}' does not exist in the registry with id '${account}'`;
    throw new ApiError('RepositoryNotFoundException', message);
  }
  return jsonAnswer(await answerImages({ ...parts, account, region, repository, input }));
}

/** DescribeRepositories names its repositories in a list. */
const onlyName = ({ repositoryNames }: Call['input']): string | undefined =>
  Array.isArray(repositoryNames) && repositoryNames.length === 1 ? String(repositoryNames[0]) : undefined;

function struck(fault: EcrFault, call: Call): ApiError {
  switch (fault.kind) {
    case 'throttle':
      return new ApiError('ThrottlingException', 'Rate exceeded');
    case 'expired':
      return new ApiError('ExpiredTokenException', 'The security token included in the request is expired');
    case 'denied': {
      const action = `${call.service}:${call.operation}`;
      const who = call.principal ?? { arn: 'anonymous', role: '', account: '', allow: [] };
      const resource = repositoryArn(call.account, call.region, repositoryOf(call));
      return new ApiError('AccessDeniedException', notAuthorized(who, action, resource));
    }
    default:
      return new ApiError('ServerException', 'Service Unavailable', fault.status ?? 503);
  }
}
