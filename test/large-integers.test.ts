import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareObjects } from '../src/diff/compare.ts';
import { yamlLines } from '../src/diff/field-lines.ts';
import { parseExactly } from '../src/kubernetes/large-integer.ts';
import { parseManifests, parseManifestsWithPlaces } from '../src/kubernetes/manifests.ts';
import { renderApplication } from '../src/render/application.ts';
import { anApplication, aSource } from '../src/render/application-fixture.ts';
import { renderedYaml } from '../src/render/rendered-yaml.ts';
import { isMap } from '../src/yaml/data.ts';

const manifest = (id: string) =>
  `apiVersion: example.com/v1\nkind: Account\nmetadata: { name: one }\nspec: { id: ${id}, ids: [${id}] }\n`;
const idOf = (id: string) => parseManifests(manifest(id), 'a.yaml').map(({ spec }) => isMap(spec) && spec.id);

describe('integers that JavaScript does not hold', () => {
  it.each([
    ['9007199254740993', 9007199254740993n],
    ['-9_007_199_254_740_993', -9007199254740993n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['0x7fffffffffffffff', 9223372036854775807n],
    // A number holds it.
    ['9007199254740991', 9007199254740991],
    // Kubernetes reads these as floating point.
    ['9223372036854775808', 2 ** 63],
    ['12345678901234567890123', Number('12345678901234567890123')],
    ['9007199254740993.0', 9007199254740992],
    ['9.007199254740993e15', 2 ** 53],
  ])('%s keeps its digits where Kubernetes keeps them', (text, value) => {
    expect(idOf(text)).toEqual([value]);
    expect(parseManifests(manifest(text), 'a.yaml')).toEqual(
      parseManifestsWithPlaces(manifest(text), 'a.yaml'),
    );
  });

  it('are written as they were, in YAML and in JSON', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-large-'));
    await writeFile(path.join(folder.path, 'a.yaml'), manifest('9007199254740993'));
    const application = anApplication({ sources: [aSource({ path: '.' })] });
    const rendered = await renderApplication(application, { root: folder.path, charts: folder.path });
    const objects = rendered.objects.map(({ object }) => object);
    expect(renderedYaml(rendered)).toContain('id: 9007199254740993\n  ids:\n    - 9007199254740993\n');
    expect(JSON.stringify(objects[0]?.spec)).toBe('{"id":9007199254740993,"ids":[9007199254740993]}');
    expect(parseExactly(JSON.stringify(objects))).toEqual(objects);
    expect(yamlLines(objects[0]?.spec)).toEqual(['id: 9007199254740993', 'ids:', '  - 9007199254740993']);
  });

  it('differ where only their last digit does', () => {
    const [before, after] = ['9007199254740992', '9007199254740993'].map((id) =>
      parseManifests(manifest(id), 'a.yaml'),
    );
    expect(compareObjects(before ?? [], after ?? [])).toMatchObject([
      {
        how: 'changed',
        fields: [
          { path: ['spec', 'id'], before: 9007199254740992n, after: 9007199254740993n },
          { path: ['spec', 'ids'] },
        ],
      },
    ]);
  });
});
