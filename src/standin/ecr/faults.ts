/** What is known of a request when a fault may strike: after it is authenticated, before it takes effect. */
export interface EcrRequest {
  readonly service: 'registry' | 'ecr' | 'sts' | 's3' | 'kms' | 'layers';
  /** The action as IAM names it, without the service: `PutImage`, `UploadLayerPart`, `AssumeRoleWithWebIdentity`. */
  readonly operation: string;
  readonly account: string;
  readonly region: string;
  readonly repository: string | undefined;
  /** Tag, digest or upload; undefined where the request has none. */
  readonly reference: string | undefined;
}

/**
 * A fault for the requests that match.
 *
 * Before the request takes effect: `status` (503 or `status`), `throttle`, `expired`, `denied`, `reset` (connection
 * reset, in the middle of the body where there is one), `slow` (held until `release()`).
 * After it took effect: `lost` (connection reset instead of the answer).
 */
export interface EcrFault {
  readonly match: (request: EcrRequest) => boolean;
  readonly kind: 'status' | 'throttle' | 'expired' | 'denied' | 'reset' | 'slow' | 'lost';
  /** How many matching requests it strikes; 1 without it. */
  readonly times?: number;
  /** How many matching requests pass before it strikes; 0 without it. */
  readonly after?: number;
  readonly status?: number;
}

/** A fault at work. */
export interface InjectedEcrFault {
  readonly struck: number;
  /** Resolves when it strikes for the first time. */
  readonly reached: Promise<void>;
  /** Lets the requests that `slow` holds, now and later, go on. */
  release(): void;
}

class ActiveFault implements InjectedEcrFault {
  readonly fault: EcrFault;
  struck = 0;
  matched = 0;
  readonly #reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly reached = this.#reached.promise;
  readonly released = this.#released.promise;

  constructor(fault: EcrFault) {
    this.fault = fault;
  }

  strikes(request: EcrRequest): boolean {
    const { match, after = 0, times = 1 } = this.fault;
    if (this.struck >= times || !match(request)) return false;
    this.matched += 1;
    if (this.matched <= after) return false;
    this.struck += 1;
    this.#reached.resolve();
    return true;
  }

  release(): void {
    this.#released.resolve();
  }
}

/** The faults injected into one stand-in. The first that matches a request strikes it. */
export class EcrFaults {
  #active: ActiveFault[] = [];

  inject(fault: EcrFault): InjectedEcrFault {
    const active = new ActiveFault(fault);
    this.#active.push(active);
    return active;
  }

  clear(): void {
    for (const active of this.#active) active.release();
    this.#active = [];
  }

  /** The kind of fault that strikes this request; `slow` has been waited for, and is over. */
  async strike(request: EcrRequest): Promise<EcrFault | undefined> {
    const active = this.#active.find((candidate) => candidate.strikes(request));
    if (active?.fault.kind !== 'slow') return active?.fault;
    await active.released;
    return undefined;
  }
}
