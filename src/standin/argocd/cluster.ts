import type { Fate, ImageScript } from './images.ts';

/** A cluster that the stand-in deploys to, as a test scripts it. */
export class StandinCluster {
  readonly name: string;
  readonly server: string;
  /** How images go on here, by tag. */
  readonly images = new Map<string, ImageScript>();
  readonly denials: { readonly kind: string; readonly words: string }[] = [];
  isDown = false;

  constructor(name: string) {
    this.name = name;
    this.server = `https://${name}.example`;
  }

  /** Its API server does not answer any more. What ran runs on, and Argo CD shows what it saw last. */
  down(): this {
    this.isDown = true;
    return this;
  }

  up(): this {
    this.isDown = false;
    return this;
  }

  /** Pods with this tag go so here, from the next sync on. */
  image(tag: string, fate: Fate, logs?: readonly string[]): this {
    this.images.set(tag, { fate, ...(logs === undefined ? {} : { logs }) });
    return this;
  }

  /** Refuses objects of a kind, as a ValidatingAdmissionPolicy does. */
  deny(kind: string, policy: string, message: string): this {
    const words = `ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: ${message}`;
    this.denials.push({ kind, words });
    return this;
  }

  allow(): this {
    this.denials.length = 0;
    return this;
  }

  /** What client-go says of it while it is down. */
  get unreachable(): string {
    return `Get "${this.server}/api/v1?timeout=32s": dial tcp: connect: connection refused`;
  }
}
