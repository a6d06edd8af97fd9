import type { IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fullJitter, type Timing } from '../github/timing.ts';
import { couldNot, Failure } from '../report/failure.ts';
import { awsFailure } from './aws-failure.ts';
import type { AwsIdentity } from './credentials.ts';
import type { RegistryAuthorization } from './ecr.ts';

/** A registry that can be talked to (OCI distribution specification 1.1). */
export interface Registry {
  readonly authorization: RegistryAuthorization;
  /** For error messages. */
  readonly identity: AwsIdentity;
  readonly agent: Agent;
  readonly timing: Timing;
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** `/v2/web/manifests/v1`, or the whole address that the registry named. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the body, anew for each attempt. */
  readonly body?: () => Promise<Readable> | Readable | Buffer;
}

/** What a registry answers, its body unread. */
export interface RegistryAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
}

/** Status codes after which the same request may work: throttled, or a registry that stumbled. */
const PASSING = new Set([429, 500, 502, 503, 504]);
const ATTEMPTS = 6;
const BACK_OFF = { baseMs: 250, capMs: 8_000 };

/** A refusal that another attempt does not change. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Runs a step of a conversation with a registry until it works, is refused, or has failed six times. A step is run again
 * whole, because an upload that broke off cannot be continued by another address.
 *
 * @param what for people, after "could not"
 */
export async function persist<T>(registry: Registry, what: string, step: () => Promise<T>): Promise<T> {
  const { timing } = registry;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (error instanceof Refused || attempt === ATTEMPTS) throw await explain(registry, what, error);
      await timing.sleep(fullJitter(attempt, BACK_OFF, timing.random));
    }
  }
}

async function explain(registry: Registry, what: string, error: unknown): Promise<Failure> {
  const { identity, authorization } = registry;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('authorization token has expired')) {
    return couldNot(`Could not ${what}: ${message}`, {
      todo: 'The password of a registry is good for 12 hours: run this again.',
      reason: 'expired',
      cause: error,
    });
  }
  if (error instanceof Refused) return awsFailure(error, { what, identity });
  return couldNot(
    `Could not ${what}: ${authorization.host} did not do it in ${ATTEMPTS} attempts: ${message}`,
    {
      todo: 'Run this again; what was copied already is not copied twice.',
      reason: 'registry',
      cause: error,
    },
  );
}

/**
 * One request, redirects followed; an answer that says "not found" or "unsupported" is an answer.
 *
 * @throws Refused, or any Error where another attempt may work: for `persist`
 */
export async function ask(registry: Registry, asked: RegistryRequest): Promise<RegistryAnswer> {
  const { host, username, password } = registry.authorization;
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  let url = new URL(asked.url, `https://${host}`);
  for (let hops = 0; hops < 5; hops += 1) {
    // The password is for the registry alone; S3, where layers lie, also refuses a second credential.
    const authorization = url.host === host ? { authorization: basic } : {};
    const headers = { ...asked.headers, ...authorization };
    const answer = await once(registry.agent, url, asked, headers);
    const { location } = answer.headers;
    const words = async ({ body }: RegistryAnswer): Promise<string> => {
      if (asked.method !== 'HEAD') return errorText(body);
      body.resume();
      // The answer to HEAD has no words; GET is refused for the same reason, and says it.
      const said = await once(registry.agent, url, { method: 'GET', url: url.href }, headers);
      if (said.status >= 400) return errorText(said.body);
      said.body.destroy();
      return 'the registry gave no reason';
    };
    const isRedirect = [301, 302, 307, 308].includes(answer.status) && location !== undefined;
    if (!isRedirect) {
      if (answer.status < 400 || answer.status === 404) return answer;
      const message = `${answer.status}: ${await words(answer)}`;
      throw PASSING.has(answer.status) ? new Error(message) : new Refused(answer.status, message);
    }
    answer.body.resume();
    if (asked.body !== undefined) throw new Refused(answer.status, `${host} redirects an upload`);
    url = new URL(location, url);
    if (url.protocol !== 'https:') throw new Refused(0, `${host} redirects to ${url.protocol}//`);
  }
  throw new Refused(0, `${host} redirects in circles`);
}

function once(
  agent: Agent,
  url: URL,
  asked: RegistryRequest,
  headers: Readonly<Record<string, string>>,
): Promise<RegistryAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: asked.method, headers, agent }, (body) => {
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
    });
    sent.setTimeout(120_000, () => sent.destroy(new Error('no answer in 2 minutes')));
    sent.on('error', reject);
    Promise.resolve(asked.body?.())
      .then((body) => {
        if (body === undefined || Buffer.isBuffer(body)) sent.end(body);
        else return pipeline(body, sent);
      })
      .catch((error: Error) => {
        sent.destroy(error);
        reject(error);
      });
  });
}

/** At most `limit` bytes of a body, whose length others decide. */
export async function readBody(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new Refused(0, `the answer is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The first error in the form of the specification, else the text. */
async function errorText(body: Readable): Promise<string> {
  const text = (await readBody(body, 64 * 1024)).toString();
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { code?: string; message?: string }[] };
    const [first] = errors ?? [];
    return first === undefined ? text : `${first.code}: ${first.message}`;
  } catch {
    return text.slice(0, 500);
  }
}
