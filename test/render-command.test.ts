import { cp, mkdir, mkdtempDisposable, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { parseManifests } from '../src/kubernetes/manifests.ts';
import { objectName } from '../src/kubernetes/object.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = path.join(ROOT, 'src/cli/main.ts');

/** Node keeps there what it made of the sources: the command is started a dozen times. */
const compiled = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-render-compiled-'));
afterAll(() => compiled.remove());

/** A copy of the example's GitOps repository, without what needs charts from elsewhere. */
async function example(files: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-render-command-'));
  const root = path.join(folder.path, 'gitops');
  await cp(path.join(ROOT, 'examples/gitops'), root, { recursive: true });
  await rm(path.join(root, 'platform'), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  const render = async (...parameters: readonly string[]) => {
    const { stdout, stderr, exitCode } = await execa(process.execPath, [MAIN, 'render', ...parameters], {
      cwd: root,
      reject: false,
      stdin: 'ignore',
      env: { KAJITORI_CACHE: path.join(folder.path, 'cache'), NODE_COMPILE_CACHE: compiled.path },
    });
    return { stdout, stderr, exitCode };
  };
  return { root, folder: folder.path, render, [Symbol.asyncDispose]: () => folder.remove() };
}

const APPLICATION = (name: string, folder: string) => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: ${name}, namespace: argocd }
spec:
  project: default
  source: { repoURL: https://github.com/acme/gitops.git, targetRevision: main, path: ${folder} }
  destination: { server: https://kubernetes.default.svc, namespace: ${name} }
`;

describe('kajitori render', () => {
  it('what it wrote before, and what git ignores, is not taken for what Argo CD reads', async () => {
    await using gitops = await example({
      'platform/none.yaml': '',
      '.gitignore': 'scratch/\n',
      'scratch/other.yaml': APPLICATION('other', 'nowhere'),
    });
    const git = (...parameters: readonly string[]) => execa('git', ['-C', gitops.root, ...parameters]);
    await git('init', '--quiet');
    await git('add', '--all');
    await git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '--quiet', '-m', 'x');
    const first = await gitops.render('--output', 'out');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await gitops.render('--output', 'out')).toEqual(first);
    // What somebody committed counts, whoever wrote it: Argo CD reads it.
    await git('add', '--all');
    expect(await gitops.render('--output', 'out2')).not.toEqual({
      ...first,
      stdout: first.stdout.replace('out', 'out2'),
    });
  });

  it('ends quietly when nobody reads what it prints', async () => {
    await using gitops = await example({ 'platform/none.yaml': '' });
    const command = `'${process.execPath}' '${MAIN}' render | true; exit "\${PIPESTATUS[0]}"`;
    const { stdout, stderr, exitCode } = await execa('bash', ['-c', command], {
      cwd: gitops.root,
      reject: false,
      env: { KAJITORI_CACHE: path.join(gitops.folder, 'cache'), NODE_COMPILE_CACHE: compiled.path },
    });
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });

  it('prints what Argo CD would apply, each object with whose it is', async () => {
    await using gitops = await example();
    const { stdout, stderr, exitCode } = await gitops.render('--app', 'web', '--cluster', 'prod-1');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const objects = parseManifests(stdout, 'stdout');
    expect(objects.map(objectName)).toEqual(
      expect.arrayContaining(['Namespace/web', 'Deployment/web-web', 'ServiceAccount/web']),
    );
    expect(new Set(objects.map(({ metadata, kind }) => metadata.namespace ?? kind))).toEqual(
      new Set(['web', 'Namespace']),
    );
    const heads = stdout.split('\n').filter((line) => line.startsWith('# application '));
    expect(heads).toHaveLength(objects.length);
    expect(heads[0]).toBe(
      '# application web-prod-1, cluster prod-1, from charts/app/templates/namespace.yaml',
    );
  });

  it('writes a file for each application, and the same again from what it kept', async () => {
    await using gitops = await example();
    const out = path.join(gitops.folder, 'out');
    const files = async () => {
      const names = (await readdir(out, { recursive: true }))
        .filter((name) => name.endsWith('.yaml'))
        .toSorted();
      return Promise.all(names.map(async (name) => [name, await readFile(path.join(out, name), 'utf8')]));
    };
    const first = await gitops.render('--environment', 'production', '--output', out);
    expect(first).toMatchObject({ exitCode: 0, stdout: `4 applications are in ${out}.` });
    const written = await files();
    expect(written.map(([name]) => name)).toEqual([
      'prod-1/billing-prod-1.yaml',
      'prod-1/web-prod-1.yaml',
      'prod-2/billing-prod-2.yaml',
      'prod-2/web-prod-2.yaml',
    ]);
    await writeFile(path.join(out, 'prod-1/left-over.yaml'), '');
    expect(await gitops.render('--environment', 'production', '--output', out)).toEqual(first);
    expect(await files()).toEqual(written);
    expect(await readdir(gitops.folder)).toEqual(expect.arrayContaining(['cache', 'gitops', 'out']));
    expect((await readdir(gitops.folder)).filter((name) => name.startsWith('out'))).toEqual(['out']);
  });

  it('replaces no folder that it did not write', async () => {
    await using gitops = await example();
    const { exitCode, stderr } = await gitops.render('--app', 'web', '--output', 'apps');
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('apps has files in it that `kajitori render` did not write.'),
    });
    expect(await readdir(path.join(gitops.root, 'apps'))).toEqual(['billing', 'web']);
  });

  it('says what it could not render and why, leaves that out, and ends with 2', async () => {
    await using gitops = await example({
      'apps/web/values.yaml': 'web: { prot: 8080 }\n',
      'broken/application.yaml': 'apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {\n',
    });
    const { stdout, stderr, exitCode } = await gitops.render('--environment', 'production');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Not rendered: Application/web-prod-1, Application/web-prod-2\n');
    expect(stderr).toContain('web.prot is not a key of this chart; did you mean "port"?');
    expect(stderr).toContain('broken/application.yaml:');
    expect(stdout).toContain('# application billing-prod-1, cluster prod-1');
    expect(stdout).not.toContain('# application web-');
  });

  it('tells all of it as JSON', async () => {
    await using gitops = await example({ 'apps/web/values.yaml': 'web: { prot: 8080 }\n' });
    const { stdout, exitCode } = await gitops.render('--cluster', 'stg-1', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      applications: [
        { name: 'billing-stg-1', cluster: 'stg-1', kubernetes: '1.34', isWhole: true },
        { name: 'web-stg-1', cluster: 'stg-1', isWhole: false, objects: [] },
      ],
      notRendered: [{ what: 'Application/web-stg-1', reason: 'values-refused', at: { file: 'charts/app' } }],
    });
  });

  it.each([
    [['--app', 'wbe'], 'There is no application "wbe". '],
    [['--cluster', 'prod-3'], 'No application is deployed to a cluster "prod-3". Did you mean "prod-1"?'],
    [['--environment', 'prodution'], 'Did you mean "production"?'],
  ])('does not take a typing error for nothing to do: %j', async (parameters, words) => {
    await using gitops = await example();
    expect(await gitops.render(...parameters)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(words),
    });
  });

  it('needs no kajitori.yaml, and follows applications that applications apply', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-render-plain-'));
    const write = async (file: string, text: string) => {
      await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true });
      await writeFile(path.join(folder.path, file), text);
    };
    await write('root.yaml', APPLICATION('root', 'charts/apps'));
    await write('charts/apps/Chart.yaml', 'apiVersion: v2\nname: apps\nversion: 1.0.0\n');
    await write('charts/apps/templates/inner.yaml', APPLICATION('inner', 'inner'));
    await write('inner/a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: deep }\n');
    await execa('git', ['init', '--quiet', folder.path]);
    await execa('git', ['-C', folder.path, 'remote', 'add', 'origin', 'https://github.com/acme/gitops.git']);
    const { stdout, stderr, exitCode } = await execa(process.execPath, [MAIN, 'render', '--no-cache'], {
      cwd: folder.path,
      reject: false,
      env: { KAJITORI_CACHE: path.join(folder.path, '.cache'), NODE_COMPILE_CACHE: compiled.path },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(parseManifests(stdout, 'stdout').map(objectName)).toEqual(['Application/inner', 'ConfigMap/deep']);
    expect(stdout).toContain('# application inner, cluster in-cluster, from inner/a.yaml');
  });
});
