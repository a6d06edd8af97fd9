import { readFile } from 'node:fs/promises';
import { couldNot } from '../report/failure.ts';

/** What stands in a file that an option names. @throws Failure (exit 2, `missing-input`) where it cannot be read */
export const textOfFile = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: unknown) => {
    throw couldNot('The file cannot be read.', {
      at: { file },
      todo: 'Give a file that is there.',
      reason: 'missing-input',
      cause,
    });
  });
