/** A GraphQL error's `type`, as GitHub gives it. */
export type ErrorType =
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'STALE_DATA'
  | 'UNPROCESSABLE'
  | 'BRANCH_PROTECTION_RULE_VIOLATION'
  | 'INSUFFICIENT_SCOPES';

/** One line of a 422's `errors`: an object as documented, or the bare sentence of older endpoints. */
export type FieldError =
  | { resource: string; code: string; field?: string; message?: string; value?: unknown }
  | string;

/**
 * A refusal that is answered in GitHub's shape: by REST with `status`, by GraphQL (HTTP 200) with `type`.
 * Status 501 means: GitHub may do this, the stand-in does not.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly type: ErrorType;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    details: { type?: ErrorType; errors?: readonly FieldError[]; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.type =
      details.type ?? (status === 404 ? 'NOT_FOUND' : status === 403 ? 'FORBIDDEN' : 'UNPROCESSABLE');
    this.errors = details.errors;
    this.headers = details.headers ?? {};
  }
}

export const notFound = (): ApiError => new ApiError(404, 'Not Found');
export const badCredentials = (): ApiError => new ApiError(401, 'Bad credentials');
export const invalid = (...errors: FieldError[]): ApiError =>
  new ApiError(422, 'Validation Failed', { errors });
export const unprocessable = (message: string, type?: ErrorType): ApiError =>
  new ApiError(422, message, type === undefined ? {} : { type });

/** What GitHub may well do and the stand-in does not: the test that needs it must extend the stand-in. */
export const notImplemented = (what: string): ApiError =>
  new ApiError(501, `The stand-in for GitHub does not implement ${what}.`);

/** A whole HTTP answer. `body` undefined is an empty one (204). */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = <T>(body: T): Answer => ({ status: 200, body });
export const created = <T>(body: T): Answer => ({ status: 201, body });
export const noContent: Answer = { status: 204 };

/** The answer to a refused REST request. */
export function refusal(error: ApiError): Answer {
  return {
    status: error.status,
    headers: error.headers,
    body: {
      message: error.message,
      ...(error.errors === undefined ? {} : { errors: error.errors }),
      documentation_url: 'https://docs.github.com/rest',
      status: String(error.status),
    },
  };
}

/**
 * One page of a list, with the `Link` header of
 * https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api (30 a page, at most 100).
 */
export function page<T>(items: readonly T[], url: URL): Answer {
  const { shown, headers } = slice(items, url);
  return { status: 200, body: shown, headers };
}

/** The page of a list that its answer wraps in an object. */
export function slice<T>(
  items: readonly T[],
  url: URL,
): { shown: readonly T[]; headers: Record<string, string> } {
  const positive = (name: string, otherwise: number): number => {
    const value = Number(url.searchParams.get(name) ?? otherwise);
    return Number.isInteger(value) && value > 0 ? value : otherwise;
  };
  const size = Math.min(positive('per_page', 30), 100);
  const at = positive('page', 1);
  const last = Math.max(1, Math.ceil(items.length / size));
  const links: string[] = [];
  const link = (number: number, rel: string): void => {
    const to = new URL(url);
    to.searchParams.set('page', String(number));
    links.push(`<${to.href}>; rel="${rel}"`);
  };
  if (at > 1) link(at - 1, 'prev');
  if (at < last) link(at + 1, 'next');
  if (at < last) link(last, 'last');
  if (at > 1) link(1, 'first');
  return {
    shown: items.slice((at - 1) * size, at * size),
    headers: links.length === 0 ? {} : { link: links.join(', ') },
  };
}
