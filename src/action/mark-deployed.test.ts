import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { digest } from '../../test/bump-world.ts';
import { waitWorld } from '../../test/wait-world.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { markDeployed } from './mark-deployed.ts';
import type { ReleaseRegistries } from './release-registries.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kajitori-mark-'));
  await writeFile(join(folder, 'output'), '');
  vi.stubEnv('GITHUB_OUTPUT', join(folder, 'output'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

test('what the repository says now of every released app is marked, and the tags are handed on', async () => {
  const at = await waitWorld(['web', 'billing']);
  await at.deploy(2);
  const seen: unknown[] = [];
  const markLive: ReleaseRegistries['markLive'] = async (deployed) => {
    seen.push(...(await deployed()).map((image) => [image.digest, image.build, image.environment]));
    return { tags: ['registry/web:live-production'], problems: [] };
  };
  const on = {
    client: at.client,
    target: { repository: parseRepositoryName(at.gitops.fullName), branch: undefined },
  };
  await markDeployed({ markLive }, on, [{ apps: ['web', 'billing'], environment: 'production' }]);
  expect(seen).toEqual([
    [digest(2), 2, 'production'],
    [digest(1), 1, 'production'],
  ]);
  expect(await readFile(join(folder, 'output'), 'utf8')).toContain('registry/web:live-production');
});
