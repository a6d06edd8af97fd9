import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A chart as it lies on disk. */
export interface ChartFiles {
  /** sha256 (hex) over names and contents, or over the archive. */
  readonly digest: string;
  /** By path relative to the chart's folder, with `/`; undefined for an archive. */
  readonly files?: ReadonlyMap<string, Buffer>;
}

/** Charts are small (kube-prometheus-stack has 5 MB); what is larger is neither kept in memory nor in the cache. */
const MOST_BYTES = 32 * 1024 * 1024;

/**
 * Reads a chart's folder, or an archive as a whole.
 *
 * @returns undefined where its content is not all there is to know: links, which helm follows, other special files, too
 * much of it, or no chart at all
 */
export async function readChartFiles(chart: string): Promise<ChartFiles | undefined> {
  try {
    if (chart.endsWith('.tgz')) {
      return {
        digest: createHash('sha256')
          .update(await readFile(chart))
          .digest('hex'),
      };
    }
    const entries = await readdir(chart, { recursive: true, withFileTypes: true });
    const files = new Map<string, Buffer>();
    const hash = createHash('sha256');
    let bytes = 0;
    const named = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => ({ entry, name: path.relative(chart, path.join(entry.parentPath, entry.name)) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const { entry, name } of named) {
      if (!entry.isFile()) {
        return undefined;
      }
      const content = await readFile(path.join(chart, name));
      bytes += content.length;
      if (bytes > MOST_BYTES) {
        return undefined;
      }
      files.set(name.split(path.sep).join('/'), content);
      hash.update(`${JSON.stringify([name, content.length])}\n`).update(content);
    }
    return { digest: hash.digest('hex'), files };
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return undefined;
    }
    throw error;
  }
}
