/** One writer: an app that a run wants to deploy, and the commit of the source that it brings. */
export interface Writer {
  readonly app: string;
  /** Which commit of acme/web, counted from the oldest. */
  readonly nth: number;
  /** Its name for good: the trailer Kajitori-Key of its commit. */
  readonly key: string;
}

/** What a writer says became of it. */
export interface Report {
  readonly writer: Writer;
  /** `wrote`, or that there was nothing to do (an older build), or that it gave up. */
  readonly said: 'wrote' | 'nothing-to-do' | 'gave-up';
  readonly attempts: number;
  /** Milliseconds from the start of all. */
  readonly endedAt: number;
}

export type Deploy = (writer: Writer) => Promise<Pick<Report, 'said' | 'attempts'>>;

/** Starts all writers at the same moment. */
export async function runTogether(writers: readonly Writer[], deploy: Deploy): Promise<readonly Report[]> {
  const start = performance.now();
  return Promise.all(
    writers.map(async (writer) => ({
      writer,
      ...(await deploy(writer)),
      endedAt: performance.now() - start,
    })),
  );
}
