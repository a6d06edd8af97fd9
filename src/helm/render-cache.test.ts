import { mkdir, mkdtempDisposable, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unfinished } from './bounded-folder.ts';
import type { HelmObject } from './documents.ts';
import { renderReleases } from './fleet.ts';
import { openRenderCache, type RenderCacheOptions, renderCacheFolder } from './render-cache.ts';
import type { HelmRelease } from './template.ts';

const NOW = Date.parse('2026-11-21T09:00:00Z');
const DAY = 24 * 60 * 60 * 1000;
const object = (name: string, data: unknown = {}): HelmObject => ({
  object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
  template: 'templates/a.yaml',
});

async function temporary(options: Partial<RenderCacheOptions> = {}) {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cache-'));
  const open = (more: Partial<RenderCacheOptions> = {}) =>
    openRenderCache(folder.path, { helmVersion: 'v3.22.0', now: () => NOW, ...options, ...more });
  const files = async () =>
    (await readdir(folder.path, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
  return { open, files, path: folder.path, [Symbol.asyncDispose]: () => folder.remove() };
}

describe('the cache of what was rendered', () => {
  it('gives back what was put in, to every process, by its inputs and helm’s version', async () => {
    await using cache = await temporary();
    cache.open().put('a', [object('x', { text: 'é\n', number: 1.5, none: null })]);
    expect(cache.open().get('a')).toEqual([object('x', { text: 'é\n', number: 1.5, none: null })]);
    expect(cache.open().get('b')).toBeUndefined();
    expect(cache.open({ helmVersion: 'v3.23.0' }).get('a')).toBeUndefined();
  });

  it('gives an entry back whole, or not at all, whatever happened to its bytes', async () => {
    await using cache = await temporary();
    const objects = [object('x', { a: 'b'.repeat(300) })];
    cache.open().put('a', objects);
    const [file = ''] = await cache.files();
    const whole = await readFile(file);
    const damage = fc.oneof(
      fc.nat(whole.length - 1).map((end) => whole.subarray(0, end)),
      fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ bits;
        return bytes;
      }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (bytes) => {
        await writeFile(file, bytes);
        expect(cache.open().get('a')).toBeUndefined();
      }),
    );
    cache.open().put('a', objects);
    expect(cache.open().get('a')).toEqual(objects);
  });

  it('does not take the entry of another for its own', async () => {
    await using cache = await temporary();
    cache.open().put('a', [object('a')]);
    const [a = ''] = await cache.files();
    cache.open().put('b', [object('b')]);
    const b = (await cache.files()).find((file) => file !== a) ?? '';
    await writeFile(b, await readFile(a));
    expect(cache.open().get('b')).toBeUndefined();
  });

  it('keeps nothing that JSON would change', async () => {
    await using cache = await temporary();
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, -0, 2n ** 60n]) {
      cache.open().put('a', [object('a', { number })]);
    }
    expect(await cache.files()).toEqual([]);
  });

  it('is written by several processes at once', async () => {
    await using cache = await temporary();
    const source = new URL('render-cache.ts', import.meta.url).href;
    const writer = `import { openRenderCache } from ${JSON.stringify(source)};
      const cache = openRenderCache(${JSON.stringify(cache.path)}, { helmVersion: 'v3.22.0', now: () => ${NOW} });
      for (let n = 0; n < 400; n += 1) cache.put(String(n % 4), [{ object: { n: n % 4, text: 'x'.repeat(n) } }]);
      process.exitCode = [0, 1, 2, 3].every((n) => cache.get(String(n))?.[0].object.n === n) ? 0 : 1;`;
    const write = () => execa(process.execPath, ['--input-type=module', '--eval', writer]);
    await Promise.all([write(), write(), write()]);
    expect(await cache.files()).toHaveLength(4);
    expect(cache.open().get('3')).toMatchObject([{ object: { n: 3 } }]);
  });

  it('forgets what was not used for longest, and what was never finished', async () => {
    await using cache = await temporary();
    const filler = (index: number) =>
      object(`x${index}`, { a: Array.from({ length: 99 }, (_, n) => `${n * index}`) });
    for (const index of [1, 2, 3, 4]) {
      const known = new Set(await cache.files());
      cache.open().put(`${index}`, [filler(index)]);
      const file = (await cache.files()).find((each) => !known.has(each)) ?? '';
      await utimes(
        file,
        NOW / 1000 - 1000 * (10 - index),
        NOW / 1000 - 1000 * (10 - index) - (10 * DAY) / 1000,
      );
    }
    // A use counts.
    expect(cache.open().get('1')).toBeDefined();
    const sizes = await Promise.all((await cache.files()).map(async (file) => (await stat(file)).size));
    const died = unfinished(path.join(cache.path, 'ab', 'cd'));
    await mkdir(path.dirname(died));
    await writeFile(died, '');
    await utimes(died, NOW / 1000 - 9e5, NOW / 1000 - 9e5);
    const last = cache.open({ mostBytes: sizes.reduce((sum, size) => sum + size, 0) });
    await last.prune();
    expect(await cache.files()).toHaveLength(5);
    last.put('5', [filler(5)]);
    await last.prune();
    const left = ['1', '2', '3', '4', '5'].map((key) => last.get(key));
    expect(left.map((each) => each !== undefined)).toEqual([true, false, true, true, true]);
    expect(await cache.files()).toHaveLength(4);
  });

  it('is not there where it cannot be: only time is lost', async () => {
    const cache = openRenderCache('/dev/null/x', { helmVersion: 'v3.22.0', now: () => NOW });
    cache.put('a', [object('a')]);
    await cache.prune();
    expect(cache.get('a')).toBeUndefined();
  });

  it.each([
    [{ KAJITORI_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, '/c/render'],
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/kajitori/render'],
    [{ HOME: '/h' }, '/h/.cache/kajitori/render'],
  ])('is where %j says', (environment, folder) => {
    expect(renderCacheFolder(environment)).toBe(folder);
  });
});

describe('releases that were rendered before', () => {
  it('start no helm, until one of their inputs changes', async () => {
    await using cache = await temporary();
    await using chart = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-chart-'));
    const write = (file: string, text: string) => writeFile(path.join(chart.path, file), text);
    await mkdir(path.join(chart.path, 'templates'));
    await write('Chart.yaml', 'apiVersion: v2\nname: demo\nversion: 1.0.0\n');
    const template =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\ndata: {{ toJson .Values.data }}\n';
    await write('templates/a.yaml', template);
    await write('one.yaml', 'data: { a: b }\n');
    const release: HelmRelease = {
      name: 'demo',
      namespace: 'demo',
      chart: chart.path,
      valueFiles: [path.join(chart.path, 'one.yaml')],
      kubeVersion: '1.34',
    };
    const processes = async (given: HelmRelease) => {
      let count = 0;
      const [result] = await renderReleases([given], { cache: cache.open(), onProcess: () => (count += 1) });
      return [count, result !== undefined && 'objects' in result ? result.objects[0]?.object.data : 'failed'];
    };
    expect(await processes(release)).toEqual([1, { a: 'b' }]);
    expect(await processes(release)).toEqual([0, { a: 'b' }]);
    await write('one.yaml', 'data: { a: c }\n');
    expect(await processes(release)).toEqual([1, { a: 'c' }]);
    await write('templates/a.yaml', template.replace('.Values.data', '(dict "x" "y")'));
    expect(await processes(release)).toEqual([1, { x: 'y' }]);
    for (const changed of [
      { values: { data: { d: 'e' } } },
      { kubeVersion: '1.33' },
      { name: 'other' },
      { apiVersions: ['a/v1'] },
      { set: [{ name: 'data.x', value: '1' }] },
      { skipCrds: true },
    ]) {
      expect((await processes({ ...release, ...changed }))[0]).toBe(1);
      expect((await processes({ ...release, ...changed }))[0]).toBe(0);
    }
  });

  it('are rendered again when they failed', async () => {
    await using cache = await temporary();
    const release = {
      name: 'demo',
      namespace: 'demo',
      chart: '/nowhere',
      valueFiles: [],
      kubeVersion: '1.34',
    };
    for (const _ of [1, 2]) {
      const [result] = await renderReleases([release], { cache: cache.open() });
      expect(result).toMatchObject({ failure: { reason: 'chart-missing' } });
    }
    expect(await cache.files()).toEqual([]);
  });
});
