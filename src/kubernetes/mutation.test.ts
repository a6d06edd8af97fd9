import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPath, type YamlPath } from '../yaml/path.ts';
import { customKindKey } from './custom-kinds.ts';
import { parseManifests } from './manifests.ts';
import type { KubernetesObject } from './object.ts';
import type { Schema } from './schema.ts';
import { OBJECT_META, type Schemas, schemasOf } from './schemas.ts';
import { validateObject } from './validate.ts';
import { KUBERNETES_VERSIONS } from './versions.ts';

const good = parseManifests(
  readFileSync(new URL('./typical-objects.yaml', import.meta.url), 'utf8'),
  'typical-objects.yaml',
);

// biome-ignore lint/suspicious/noExplicitAny: any place of any object is changed here
const at = (object: KubernetesObject, path: YamlPath): any =>
  path.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], object);

/** Ways to all maps of an object. */
function mapsIn(value: unknown, path: YamlPath = []): YamlPath[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => mapsIn(item, [...path, index]))
    : Object.entries(value).flatMap(([key, child]) => mapsIn(child, [...path, key]));
  return Array.isArray(value) ? inner : [path, ...inner];
}

/** The schema of a place, walked without the code under test; undefined where anything goes. */
function schemaAt(object: KubernetesObject, path: YamlPath, schemas: Schemas): Schema | undefined {
  const [group = '', version = ''] = object.apiVersion.split('/');
  const builtIn = schemas.kinds.get(`${object.apiVersion} ${object.kind}`);
  const own =
    builtIn ?? schemas.customKinds.get(customKindKey(group, object.kind))?.versions.get(version)?.schema;
  let schema: Schema | undefined = own;
  path.forEach((step, depth) => {
    const { properties, items, additionalProperties } = schema ?? {};
    const child: Schema | undefined =
      depth === 0 && step === 'metadata'
        ? { $ref: OBJECT_META }
        : typeof step === 'number'
          ? items
          : (properties?.[step] ??
            (typeof additionalProperties === 'object' ? additionalProperties : undefined));
    schema = child?.$ref === undefined ? child : schemas.definitions.get(child.$ref);
  });
  return schema;
}

const place = fc
  .tuple(fc.constantFrom(...good), fc.constantFrom(...KUBERNETES_VERSIONS), fc.nat())
  .map(([object, kubernetes, pick]) => {
    const maps = mapsIn(object);
    return { object: structuredClone(object), kubernetes, path: maps[pick % maps.length] ?? [] };
  });

describe('one change in a good object', () => {
  it('a field that no schema has is noticed where it stands, unless any field may stand there', async () => {
    await fc.assert(
      fc.asyncProperty(
        place,
        fc.stringMatching(/^[a-z]{3,9}Zz$/),
        async ({ object, kubernetes, path }, field) => {
          const schema = schemaAt(object, path, await schemasOf(kubernetes));
          at(object, path)[field] = 'x';
          const problems = await validateObject(object, { kubernetes });
          const isClosed =
            schema !== undefined &&
            schema.additionalProperties === undefined &&
            schema['x-kubernetes-preserve-unknown-fields'] !== true;
          const found = problems
            .filter(({ kind }) => kind === 'unknown-field')
            .map((one) => formatPath(one.path));
          expect(found).toEqual(isClosed ? [formatPath([...path, field])] : []);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('a field that is taken away is missed when it is required, and never else', async () => {
    await fc.assert(
      fc.asyncProperty(place, fc.nat(), async ({ object, kubernetes, path }, pick) => {
        const keys = Object.keys(at(object, path)).filter(
          (key) => path.length > 0 || (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata'),
        );
        const key = keys[pick % keys.length];
        fc.pre(key !== undefined);
        const schema = schemaAt(object, path, await schemasOf(kubernetes));
        delete at(object, path)[key];
        const problems = await validateObject(object, { kubernetes });
        const isRequired =
          schema?.required?.includes(key) === true && schema.properties?.[key]?.default === undefined;
        expect(problems.map(({ kind, path: where }) => [kind, formatPath(where)])).toEqual(
          isRequired ? [['missing-field', formatPath(path)]] : [],
        );
      }),
      { numRuns: 500 },
    );
  });

  it('null means the same as taking the field away', async () => {
    await fc.assert(
      fc.asyncProperty(place, fc.nat(), async ({ object, kubernetes, path }, pick) => {
        const keys = Object.keys(at(object, path)).filter((key) => path.length > 0 || key === 'spec');
        const key = keys[pick % keys.length];
        fc.pre(key !== undefined);
        const without = structuredClone(object);
        delete at(without, path)[key];
        at(object, path)[key] = null;
        expect(await validateObject(object, { kubernetes })).toEqual(
          await validateObject(without, { kubernetes }),
        );
      }),
      { numRuns: 300 },
    );
  });
});
