/** What is known of a request when a fault may strike: before it is authenticated or takes effect. */
export interface RequestFacts {
  readonly method: string;
  /** The path with its query, without the host: `/api/v3/repos/acme/gitops`. */
  readonly path: string;
  /** REST: the route, `PATCH /repos/{owner}/{repo}/git/refs/{ref}`. GraphQL: the operation's name, or its first field. Git: `git-upload-pack`… */
  readonly operation: string;
  /** GraphQL: the fields at the root of the operation, without aliases; empty for others. */
  readonly fields: readonly string[];
}

/** What a fault is matched with. The body is not kept in the log. */
export interface MatchedRequest extends RequestFacts {
  /** Its text; empty for git. */
  readonly body: string;
}

/**
 * A fault for the requests that match.
 *
 * Before the request takes effect: `status` (5xx or any other), `reset-before` (connection reset), `secondary-limit`
 * (403 or `status`, with `retry-after`), `primary-limit` (403, or HTTP 200 with RATE_LIMITED for GraphQL, and
 * `x-ratelimit-reset`), `slow` (held until `release()`).
 * After it took effect: `reset-after` (connection reset), `lost-response` (502, or `status`), `truncated` (the
 * connection ends in the middle of the answer), `slow-after` (held).
 */
export interface Fault {
  /** `count` is 1 for the first request since the fault was injected, whether or not that one matched. */
  readonly match: (request: MatchedRequest & { readonly count: number }) => boolean;
  /** How many matching requests it strikes; 1 without it. */
  readonly times?: number;
  readonly kind:
    | 'status'
    | 'reset-before'
    | 'reset-after'
    | 'lost-response'
    | 'truncated'
    | 'slow'
    | 'slow-after'
    | 'secondary-limit'
    | 'primary-limit';
  readonly status?: number;
  readonly body?: unknown;
  readonly retryAfterSeconds?: number;
  /** primary-limit: seconds from now until the limit is lifted; 60 without it. */
  readonly resetAfterSeconds?: number;
}

/** A fault at work: how often it struck, and the hand that releases slow answers. */
export interface InjectedFault {
  readonly fault: Fault;
  readonly struck: number;
  /** Resolves when it strikes for the first time; for `slow` and `slow-after`: when a request waits. */
  readonly reached: Promise<void>;
  /** Lets the requests that `slow` and `slow-after` hold, now and later, go on. */
  release(): void;
}

class ActiveFault implements InjectedFault {
  readonly fault: Fault;
  struck = 0;
  seen = 0;
  readonly #reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly reached = this.#reached.promise;
  readonly released = this.#released.promise;

  constructor(fault: Fault) {
    this.fault = fault;
  }

  /** Every fault counts every request, so that `count` does not depend on its neighbours; only one strikes. */
  strikes(request: MatchedRequest, mayStrike: boolean): boolean {
    this.seen += 1;
    if (!mayStrike || this.struck >= (this.fault.times ?? 1)) return false;
    if (!this.fault.match({ ...request, count: this.seen })) return false;
    this.struck += 1;
    if (this.fault.kind !== 'slow-after') this.reach();
    return true;
  }

  reach(): void {
    this.#reached.resolve();
  }

  release(): void {
    this.#released.resolve();
  }
}

/** The faults injected into one stand-in. The first that matches a request strikes it. */
export class Faults {
  #active: ActiveFault[] = [];

  inject(fault: Fault): InjectedFault {
    const active = new ActiveFault(fault);
    this.#active.push(active);
    return active;
  }

  clear(): void {
    for (const active of this.#active) active.release();
    this.#active = [];
  }

  strike(request: MatchedRequest): Pick<ActiveFault, 'fault' | 'released' | 'reach'> | undefined {
    let struck: ActiveFault | undefined;
    for (const active of this.#active) {
      if (active.strikes(request, struck === undefined)) struck = active;
    }
    return struck;
  }
}
