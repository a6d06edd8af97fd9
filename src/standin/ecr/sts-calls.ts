import { ApiError, xmlAnswer } from './api-answers.ts';
import { type ApiParts, type Call, checkSession } from './api-call.ts';
import type { Answer } from './moto.ts';
import { accountOf, isLike } from './principals.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Opens sessions for those whom a role trusts; the credentials themselves are moto's. */
export async function answerSts(parts: ApiParts, call: Call): Promise<Answer> {
  const { world } = parts;
  const { operation, principal, input } = call;
  const role = text(input.RoleArn);
  const trust = world.principals.roles.get(role);
  if (operation === 'AssumeRoleWithWebIdentity') {
    const claims = parts.verifyToken(text(input.WebIdentityToken));
    if (claims === 'no-provider') {
      throw new ApiError('InvalidIdentityToken', 'No OpenIDConnect provider found in your account');
    }
    if (claims?.aud !== 'sts.amazonaws.com') {
      throw new ApiError('InvalidIdentityToken', 'Incorrect token audience');
    }
    const { webIdentity } = trust ?? {};
    // AWS does not say whether the role is missing or its trust policy says no.
    const isTrusted =
      webIdentity !== undefined &&
      isLike(webIdentity.subject, String(claims.sub)) &&
      (webIdentity.jobWorkflowRef === undefined || claims.job_workflow_ref === webIdentity.jobWorkflowRef);
    if (!isTrusted) {
      throw new ApiError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403);
    }
    return openSession(parts, call, role);
  }
  checkSession(world, call);
  if (principal === undefined) {
    throw new ApiError('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);
  }
  if (operation === 'AssumeRole') {
    const isAllowed = await world.may(principal, 'sts:AssumeRole', principal.account, call.region, undefined);
    if (!isAllowed || trust?.trusts?.includes(principal.role) !== true) {
      const message = `User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${role}`;
      throw new ApiError('AccessDenied', message, 403);
    }
    return openSession(parts, call, role);
  }
  if (operation === 'GetCallerIdentity') {
    return xmlAnswer(
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${principal.arn}</Arn><UserId>AROA:session</UserId><Account>${principal.account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
    );
  }
  throw new ApiError('NotImplemented', `The stand-in of STS does not implement ${operation}`, 501);
}

async function openSession({ world }: ApiParts, call: Call, role: string): Promise<Answer> {
  const { request, body, input } = call;
  const answer = await world.moto.forward(request, request.headers, body, accountOf(role));
  const xml = answer.body.toString();
  const field = (name: string): string => new RegExp(`<${name}>(.*?)</${name}>`).exec(xml)?.[1] ?? '';
  const secrets = [field('SecretAccessKey'), field('SessionToken')];
  world.principals.open(field('AccessKeyId'), secrets, role, text(input.RoleSessionName));
  return answer;
}
