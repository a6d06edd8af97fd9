import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { generateExamples } from './examples.ts';

const FOLDER = fileURLToPath(new URL('../../examples/gitops/', import.meta.url));

it('examples/gitops is byte for byte what `npm run examples` makes', async () => {
  const files = (await readdir(FOLDER, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const committed = await Promise.all(
    files.map(async (entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(FOLDER, file), await readFile(file, 'utf8')] as const;
    }),
  );
  expect(Object.fromEntries(committed)).toEqual(Object.fromEntries(await generateExamples()));
});
