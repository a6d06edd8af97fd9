import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { compareObjects } from './compare.ts';
import { formatFieldPath } from './field-path.ts';

const anObject = (more: object, kind = 'Deployment', name = 'web'): KubernetesObject =>
  ({ apiVersion: 'apps/v1', kind, metadata: { name, namespace: 'shop' }, ...more }) as KubernetesObject;

/** The changed fields of one object, in words. */
const changed = (before: object, after: object): readonly string[] =>
  compareObjects([anObject(before)], [anObject(after)]).flatMap(({ fields }) =>
    fields.map(
      ({ path, before: from, after: to }) =>
        `${formatFieldPath(path)}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`,
    ),
  );

const containers = (...list: readonly object[]) => ({ spec: { template: { spec: { containers: list } } } });

describe('the fields of an object', () => {
  test('items of lists are found by their names, wherever they stand', () => {
    const web = {
      name: 'web',
      image: 'web:1',
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
    };
    const log = { name: 'log', image: 'log:1' };
    expect(
      changed(
        containers(web),
        containers(log, {
          ...web,
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '3' },
          ],
        }),
      ),
    ).toEqual([
      'spec.template.spec.containers[web].env[B].value: "2" → "3"',
      'spec.template.spec.containers[log]: undefined → {"name":"log","image":"log:1"}',
    ]);
  });

  test('another order of named items is a change: variables use one another, init containers run in turn', () => {
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    expect(changed(containers(a, b), containers(b, a))).toEqual([
      'spec.template.spec.containers: ["a","b"] → ["b","a"]',
    ]);
  });

  test('another order of a set is none', () => {
    const rules = (verbs: readonly string[]) => ({
      rules: [{ apiGroups: [''], resources: ['pods'], verbs }],
    });
    expect(changed(rules(['get', 'list']), rules(['list', 'get']))).toEqual([]);
  });

  test('what an API server reads as absent is absent', () => {
    expect(changed({ spec: { a: null, b: [] } }, { spec: {} })).toEqual([]);
    expect(changed({ spec: { v: { emptyDir: {} } } }, { spec: { v: {} } })).toEqual([
      'spec.v.emptyDir: {} → undefined',
    ]);
  });

  test('1 and "1" differ, and a key named __proto__ is a key', () => {
    expect(changed({ spec: { a: 1 } }, { spec: { a: '1' } })).toEqual(['spec.a: 1 → "1"']);
    expect(changed(JSON.parse('{"spec":{"__proto__":{"a":1}}}'), { spec: {} })).toEqual([
      'spec.__proto__: {"a":1} → undefined',
    ]);
  });
});

describe('objects', () => {
  const config = (name: string, text: string) =>
    anObject({ data: { text, a: '1', b: '2', c: '3' } }, 'ConfigMap', name);

  test('with another hash in their names are renamed, whatever is in them', () => {
    expect(compareObjects([config('c-7g9k2b5h4t', 'x')], [config('c-m2f8c6t9dk', 'y')])).toMatchObject([
      { how: 'renamed', fields: [{ path: ['data', 'text'] }] },
    ]);
  });

  test('with nearly the same content are renamed; others come and go', () => {
    expect(compareObjects([config('old', 'x')], [config('new', 'x')])).toMatchObject([{ how: 'renamed' }]);
    expect(
      compareObjects(
        [config('old', 'x')],
        [anObject({ data: { z: '9', y: '8', x: '7' } }, 'ConfigMap', 'new')],
      ),
    ).toMatchObject([{ how: 'removed' }, { how: 'added' }]);
  });

  test('of another version of an API are the same; of a group of somebody else they are not', () => {
    const of = (apiVersion: string) => ({ ...anObject({}, 'Thing'), apiVersion });
    expect(compareObjects([of('extensions/v1beta1')], [of('networking.k8s.io/v1')])).toMatchObject([
      { how: 'changed' },
    ]);
    expect(compareObjects([of('a.example.com/v1')], [of('b.example.com/v1')])).toMatchObject([
      { how: 'removed' },
      { how: 'added' },
    ]);
  });
});

test('any object is the same as itself, and differs from any other', () => {
  const value = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.string(), tie('tree'), { maxKeys: 3 }),
    ),
  })).tree;
  fc.assert(
    fc.property(value, (spec) => {
      expect(changed({ spec }, { spec: structuredClone(spec) })).toEqual([]);
      expect(changed({ spec: { spec, a: 1 } }, { spec: { spec, a: 2 } })).toEqual(['spec.a: 1 → 2']);
    }),
    { numRuns: 200 },
  );
});
