import { ApiError } from './answers.ts';

/** GitHub's secondary rate limits. Undefined is off. */
export interface Limits {
  /** Requests that create content (mutations; POST, PUT, PATCH, DELETE), in any 60 seconds, by one token. GitHub: 80. */
  contentPerMinute?: number | undefined;
  /** Requests under way at once, by one token. GitHub: 100. */
  concurrent?: number | undefined;
  /** The primary limit: requests an hour, by one token. GitHub: 5,000 and more. */
  requestsPerHour?: number | undefined;
}

export const secondaryLimit = (retryAfterSeconds: number, status = 403): ApiError =>
  new ApiError(
    status,
    'You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later.',
    { headers: { 'retry-after': String(retryAfterSeconds) } },
  );

export const primaryLimit = (resetsAt: Date): ApiError =>
  new ApiError(403, 'API rate limit exceeded.', {
    headers: {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.ceil(resetsAt.getTime() / 1000)),
    },
  });

interface Usage {
  /** When content was created in the last minute, oldest first, in milliseconds. */
  content: number[];
  running: number;
  hourStarted: number;
  requests: number;
}

/** Counts what each credential does. */
export class RateLimits {
  readonly limits: Limits = {};
  readonly #clock: () => Date;
  readonly #usage = new Map<string, Usage>();

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  /** Counts a request of a credential; throws what GitHub answers when it is one too many. Call `end` when it is done. */
  begin(credential: string, createsContent: boolean): { end(): void; headers: Record<string, string> } {
    const now = this.#clock().getTime();
    const usage = this.#usage.get(credential) ?? { content: [], running: 0, hourStarted: now, requests: 0 };
    this.#usage.set(credential, usage);
    if (now - usage.hourStarted >= 3_600_000) Object.assign(usage, { hourStarted: now, requests: 0 });
    const { contentPerMinute, concurrent, requestsPerHour = 5000 } = this.limits;
    const resets = new Date(usage.hourStarted + 3_600_000);
    if (this.limits.requestsPerHour !== undefined && usage.requests >= requestsPerHour)
      throw primaryLimit(resets);
    if (concurrent !== undefined && usage.running >= concurrent) throw secondaryLimit(1);
    if (createsContent && contentPerMinute !== undefined) {
      usage.content = usage.content.filter((at) => now - at < 60_000);
      const [oldest] = usage.content;
      if (usage.content.length >= contentPerMinute && oldest !== undefined) {
        throw secondaryLimit(Math.max(1, Math.ceil((oldest + 60_000 - now) / 1000)));
      }
      usage.content.push(now);
    }
    usage.running += 1;
    usage.requests += 1;
    const headers = {
      'x-ratelimit-limit': String(requestsPerHour),
      'x-ratelimit-remaining': String(Math.max(0, requestsPerHour - usage.requests)),
      'x-ratelimit-used': String(usage.requests),
      'x-ratelimit-reset': String(Math.ceil(resets.getTime() / 1000)),
    };
    return {
      headers,
      end: () => {
        usage.running -= 1;
      },
    };
  }
}
