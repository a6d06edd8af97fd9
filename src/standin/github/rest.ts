import type { Actor } from './accounts.ts';
import { type Answer, ApiError, notFound, notImplemented } from './answers.ts';
import type { Repository } from './repository.ts';
import { visibleRepository, type World } from './world.ts';

/** A REST request that found its route. */
export interface RestRequest {
  readonly world: World;
  readonly actor: Actor;
  readonly url: URL;
  /** The parts of the path that the route names, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: JsonBody;
}

export interface Route {
  readonly method: string;
  /** As in GitHub's documentation; `{path+}` takes the rest of the path, with its slashes. */
  readonly pattern: string;
  readonly answer: (request: RestRequest) => Promise<Answer> | Answer;
}

export const route = (method: string, pattern: string, answer: Route['answer']): Route => ({
  method,
  pattern,
  answer,
});

/** A route under /repos/{owner}/{repo}: its handler gets the repository, which the actor may see. */
export const repositoryRoute = (
  method: string,
  pattern: string,
  answer: (repository: Repository, request: RestRequest) => Promise<Answer> | Answer,
): Route =>
  route(method, `/repos/{owner}/{repo}${pattern}`, (request) => {
    const { owner = '', repo = '' } = request.parameters;
    return answer(visibleRepository(request.world, request.actor, owner, repo), request);
  });

/** The route of a path (without `/api/v3`), and what its placeholders stand for. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; parameters: Record<string, string> } | undefined {
  const parts = path.split('/');
  for (const candidate of routes) {
    if (candidate.method !== method) continue;
    const parameters = matchPattern(candidate.pattern.split('/'), parts);
    if (parameters !== undefined) return { route: candidate, parameters };
  }
  return undefined;
}

function matchPattern(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index];
    if (part === undefined || (part === '' && index > 0)) return undefined;
    const placeholder = /^\{(\w+)(\+?)\}(.*)$/.exec(expected);
    if (placeholder === null) {
      if (part !== expected) return undefined;
      continue;
    }
    const [, name = '', rest] = placeholder;
    parameters[name] = decode(rest === '+' ? parts.slice(index).join('/') : part);
    if (rest === '+') return parameters;
  }
  return parts.length === pattern.length ? parameters : undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ApiError(400, 'Bad Request');
  }
}

/** No route: 501 for what GitHub may have, 404 for what is no path of its API. */
export const noRoute = (method: string, path: string): ApiError =>
  path === '/' ? notFound() : notImplemented(`${method} ${path}`);

/** A request's JSON object, with the 422s GitHub gives for fields that are missing or of a wrong type. */
export class JsonBody {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(text: string) {
    let parsed: unknown;
    try {
      // `null` is as good as no body: Argo CD asks for an installation's token so (bradleyfalzon/ghinstallation).
      parsed = text === '' ? {} : (JSON.parse(text) ?? {});
    } catch {
      throw new ApiError(400, 'Problems parsing JSON');
    }
    if (typeof parsed !== 'object' || Array.isArray(parsed)) {
      throw new ApiError(400, 'Body should be a JSON object');
    }
    this.#fields = parsed as Record<string, unknown>;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  optionalText(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string')
      throw malformed(`For 'properties/${name}', ${JSON.stringify(value)} is not a string.`);
    return value;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw malformed(`"${name}" wasn't supplied.`);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean')
      throw malformed(`For 'properties/${name}', ${JSON.stringify(value)} is not a boolean.`);
    return value;
  }

  optionalTexts(name: string): string[] | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      throw malformed(`For 'properties/${name}', ${JSON.stringify(value)} is not an array of strings.`);
    }
    return value;
  }

  optionalRecord(name: string): Record<string, unknown> | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw malformed(`For 'properties/${name}', ${JSON.stringify(value)} is not an object.`);
    }
    return value as Record<string, unknown>;
  }

  optionalRecords(name: string): Record<string, unknown>[] | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'object' && item !== null)) {
      throw malformed(`For 'properties/${name}', ${JSON.stringify(value)} is not an array of objects.`);
    }
    return value as Record<string, unknown>[];
  }

  /** Refuses fields that the stand-in would silently ignore. */
  only(...known: readonly string[]): void {
    const unknown = Object.keys(this.#fields).filter((name) => !known.includes(name));
    if (unknown.length > 0) throw notImplemented(`the field ${unknown.join(', ')} here`);
  }
}

const malformed = (detail: string): ApiError => new ApiError(422, `Invalid request.\n\n${detail}`);
