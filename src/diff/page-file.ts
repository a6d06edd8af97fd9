import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';
import { diffPage } from './page.ts';
import type { DiffReport } from './report.ts';

/**
 * Writes the page that stands alone; folders that are missing are made.
 *
 * @throws Failure (exit 2) `page-not-written`
 */
export async function writePage(file: string, report: DiffReport): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, diffPage(report));
  } catch (error) {
    throw couldNot(`The page cannot be written to ${file}: ${(error as Error).message}`, {
      todo: 'Name a file in a folder that can be written.',
      reason: 'page-not-written',
      cause: error,
    });
  }
}
