import type { Place } from '../report/failure.ts';

/** What is seen in what buildx prints with `--progress=plain`. */
export interface BuildLog {
  /** Steps of the Dockerfile that were looked at, and how many of them were taken from a cache. */
  readonly steps: number;
  readonly cached: number;
  /** The error, without the drawing of the Dockerfile around it. */
  readonly error: string | undefined;
  /** The line of the Dockerfile that failed. */
  readonly at: Place | undefined;
  /** Why it failed, as far as it matters for what to do. */
  readonly failure: BuildFailure | undefined;
}

/** `registry`: it stumbled, worth another try. `token`: another try with a new token. */
export type BuildFailure = 'registry' | 'token' | 'denied' | 'tag-taken' | 'build' | 'no-builder';

/** `#7 [build 2/4] RUN make`, `#7 [linux/arm64 build 2/4] COPY . .` */
const STEP = /^#(\d+) \[(?!internal|auth)[^\]]*\d+\/\d+\] /;

/** In the words of BuildKit, containerd and ECR. */
const FAILURES: readonly (readonly [BuildFailure, RegExp])[] = [
  [
    'no-builder',
    /unable to resolve docker endpoint|Cannot connect to the Docker daemon|no builder .* found|failed to find driver|is not a docker command/i,
  ],
  // What the Dockerfile runs may print anything, "500" and "denied" too.
  [
    'build',
    /did not complete successfully|failed to compute cache key|dockerfile parse error|failed to read dockerfile/i,
  ],
  ['token', /authorization token (?:has expired|is invalid)|no basic auth credentials|401 Unauthorized/i],
  ['tag-taken', /tag is immutable/i],
  ['denied', /not authorized to perform|denied:|403 Forbidden/i],
  [
    'registry',
    /failed to push|TOOMANYREQUESTS|Service Unavailable|\b429\b|\b50[0234]\b|connection reset|broken pipe|\bEOF\b|i\/o timeout|TLS handshake|connection refused|no such host|temporar/i,
  ],
];

/** Reads the whole output of a build. */
export function readBuildLog(text: string): BuildLog {
  const steps = new Set<string>();
  const cached = new Set<string>();
  for (const line of text.split('\n')) {
    const step = STEP.exec(line)?.[1];
    if (step !== undefined) steps.add(step);
    // `extracting`: its layer came from the cache in the registry, because a later step stands on it.
    const hit = /^#(\d+) (?:CACHED\s*$|extracting sha256:)/.exec(line)?.[1];
    if (hit !== undefined) cached.add(hit);
  }
  const error = /^(?:ERROR: |Failed to initialize: )([\s\S]*)$/m.exec(text)?.[1]?.trim();
  const [, file, line] = /^([^\s:]+):(\d+)\n-{10,}$/m.exec(text) ?? [];
  return {
    steps: steps.size,
    cached: [...cached].filter((step) => steps.has(step)).length,
    error: error === undefined ? undefined : error.replace(/^(?:failed to (?:build|solve): )+/, ''),
    at: file === undefined ? undefined : { file, line: Number(line) },
    failure:
      error === undefined ? undefined : (FAILURES.find(([, words]) => words.test(error))?.[0] ?? 'build'),
  };
}

/** What stands where a secret stood. */
const MASK = '***';

/**
 * Takes secrets out of a line. BuildKit prints what a RUN prints, the value of a secret too.
 *
 * @param secrets values, which may have several lines
 */
export function maskSecrets(line: string, secrets: readonly string[]): string {
  return (
    secrets
      .flatMap((secret) => secret.split('\n'))
      .map((part) => part.trim())
      // One or two letters would mask half of every log, and are no secret.
      .filter((part) => part.length > 3)
      .toSorted((a, b) => b.length - a.length)
      .reduce((text, part) => text.replaceAll(part, MASK), line)
  );
}
