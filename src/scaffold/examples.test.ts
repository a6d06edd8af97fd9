import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseYaml } from '../yaml/parse.ts';
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

it('the descheduler of the example has a profile for each lifetime that the chart lets people ask for', async () => {
  const read = async (file: string) => parseYaml(await readFile(path.join(FOLDER, file), 'utf8'), { file });
  const lifetimes = (await read('charts/app/values.yaml')).get(['platform', 'maxLifetimes']);
  const profiles = (await read('platform/descheduler/values.yaml')).get(['deschedulerPolicy', 'profiles']);
  const ended = (profiles as { pluginConfig: { name: string; args: Record<string, unknown> }[] }[]).flatMap(
    ({ pluginConfig }) =>
      pluginConfig
        .filter(({ name }) => name === 'PodLifeTime')
        .map(({ args }) => [args.labelSelector, args.maxPodLifeTimeSeconds]),
  );
  expect(ended).toEqual(
    (lifetimes as string[]).map((lifetime) => [
      { matchLabels: { 'kajitori.dev/max-lifetime': lifetime } },
      Number.parseInt(lifetime, 10) * 3600,
    ]),
  );
});
