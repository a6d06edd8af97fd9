import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { diffComment } from '../../src/diff/comment.ts';
import { openRenderer } from '../../src/diff/render-side.ts';
import { isEmptyReport } from '../../src/diff/report.ts';
import { type DiffInputs, runDiff } from '../../src/diff/run-diff.ts';
import { generateExamples } from '../../src/scaffold/examples.ts';

let folder: string;
let root: string;
let files: Record<string, string>;
const git = (...args: readonly string[]) =>
  execa('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args]);

async function write(changes: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, text] of Object.entries(changes)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kajitori-run-diff-'));
  root = join(folder, 'gitops');
  files = Object.fromEntries(
    [...(await generateExamples())].flatMap(([file, text]) => (text === null ? [] : [[file, text]])),
  );
  await execa('git', ['init', '-q', '-b', 'main', root]);
  await write(files);
  await git('add', '-A');
  await git('commit', '-qm', 'Sample repository');
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  await git('checkout', '-q', '--', '.');
  await git('clean', '-qfd');
});

function diff(inputs: Partial<DiffInputs> = {}) {
  const renderer = openRenderer({ ...process.env, KAJITORI_CACHE: join(folder, 'cache') }, Date.now);
  return runDiff(
    { root, base: 'HEAD', app: undefined, cluster: undefined, ...inputs },
    { render: renderer.render, urls: [], onProgress: () => {} },
  );
}

const values = (file: string, from: string, to: string) => ({
  [file]: (files[file] ?? '').replace(from, to),
});

describe('the sample repository, with the real git and helm', () => {
  test('without a change: nothing is rendered, and nothing is said', async () => {
    const { report, exitCode } = await diff();
    expect(exitCode).toBe(0);
    expect(isEmptyReport(report)).toBe(true);
    expect(report.applications.affected).toBe(0);
  });

  test('a value of one app: its three clusters as one change, all others untouched', async () => {
    await write(values('apps/web/values.yaml', 'scale: 2', 'scale: 5'));
    const { report, exitCode } = await diff();
    expect(exitCode).toBe(0);
    expect(report.applications.affected).toBe(3);
    expect(report.blocks).toHaveLength(1);
    const [comment] = diffComment(report);
    expect(comment).toContain('web in prod-1, prod-2 and stg-1 &#40;same in all 3&#41;');
    expect(comment).toMatch(/- {3}replicas: 2|- replicas: 2/);
    expect(comment).toContain('working copy');
  });

  test('a template of the chart: all apps, and what changes alike is said once', async () => {
    const template =
      Object.keys(files).find((file) => /charts\/app\/templates\/.*service\.yaml$/.test(file)) ?? '';
    await write(values(template, 'spec:', 'spec:\n  sessionAffinity: ClientIP'));
    const { report, exitCode } = await diff();
    expect(exitCode).toBe(0);
    expect(report.applications.affected).toBeGreaterThan(3);
    expect(report.blocks[0]?.changes[0]?.change.fields).toMatchObject([
      { path: ['spec', 'sessionAffinity'] },
    ]);
  });

  test('a release file that goes: the application goes, in every cluster of its environment', async () => {
    await rm(join(root, 'apps/web/release.production.yaml'));
    const { report } = await diff();
    expect(report.blocks).toMatchObject([
      { how: 'removed', places: [{ app: 'web', clusters: ['prod-1', 'prod-2'] }] },
    ]);
  });

  test('one cluster or one app only; a name that is not there is no "nothing changes"', async () => {
    await write(values('apps/web/values.yaml', 'scale: 2', 'scale: 5'));
    expect((await diff({ cluster: 'prod-1' })).report.applications.affected).toBe(1);
    expect((await diff({ app: 'billing' })).report.applications.affected).toBe(0);
    await expect(diff({ app: 'wbe' })).rejects.toMatchObject({ exitCode: 2, reason: 'unknown-app' });
  });
});

describe('what cannot be known is never green', () => {
  test('values that the chart refuses, before or after', async () => {
    await write(values('apps/web/values.yaml', 'scale: 2', 'scale: many'));
    const { report, exitCode } = await diff();
    expect(exitCode).toBe(2);
    expect(report.notRendered.map(({ application, side }) => [application, side])).toEqual([
      ['web-prod-1', 'after'],
      ['web-prod-2', 'after'],
      ['web-stg-1', 'after'],
    ]);
    expect(diffComment(report)[0]).toMatch(/^## Not checked: 3 applications/);
  });

  test('an ApplicationSet that is broken', async () => {
    await write(values('argocd/production.yaml', 'generators:', 'generators: [}'));
    const { report, exitCode } = await diff();
    expect(exitCode).toBe(2);
    expect(report.notRendered[0]).toMatchObject({ at: { file: 'argocd/production.yaml', line: 14 } });
    // Its applications are not known: saying that they are deleted would be as wrong as saying nothing.
    expect(report.blocks).toEqual([]);
  });

  test('values behind a link that leads out of the repository', async () => {
    await rm(join(root, 'apps/web/values.yaml'));
    await symlink('/etc/passwd', join(root, 'apps/web/values.yaml'));
    const { report, exitCode } = await diff();
    expect(exitCode).toBe(2);
    expect(JSON.stringify(report)).not.toContain('root:');
  });
});
