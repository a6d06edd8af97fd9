import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-answers.ts';
import type { Principal } from './principals.ts';
import type { Registry } from './registry.ts';
import type { EcrRequestRecord, World } from './world.ts';

/** The claims of an OIDC token that is good, or why it is not. */
export type VerifyToken = (token: string) => Readonly<Record<string, unknown>> | 'no-provider' | undefined;

/** What answering a call of an API needs. */
export interface ApiParts {
  readonly world: World;
  readonly registry: Registry;
  readonly verifyToken: VerifyToken;
}

/** One call, read. */
export interface Call {
  readonly service: EcrRequestRecord['service'];
  readonly operation: string;
  readonly account: string;
  readonly region: string;
  readonly principal: Principal | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** Refuses the call of a session that is over. */
export function checkSession(world: World, call: Call): void {
  const accessKeyId = /Credential=([^/]+)/.exec(call.request.headers.authorization ?? '')?.[1] ?? '';
  if (world.principals.session(accessKeyId)?.expired === true) {
    throw new ApiError('ExpiredTokenException', 'The security token included in the request is expired');
  }
}
