import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crdSchemas } from './custom-kinds.ts';
import { parseManifests } from './manifests.ts';
import type { Schema } from './schema.ts';
import { readSchemaFile, schemasOf } from './schemas.ts';
import { KUBERNETES_VERSIONS } from './versions.ts';

const SOURCES = new URL('../../scripts/kubernetes-schemas.yaml', import.meta.url);
const CORPUS = new URL('../../../shared/corpus/crds/', import.meta.url);

/** What a schema says of each field, by its path; of defaults and enums only that they are there is left out. */
function fieldsOf(
  schema: Schema,
  definitions: ReadonlyMap<string, Schema>,
  path = '',
  fields = new Map<string, string>(),
): Map<string, string> {
  const given = schema.$ref === undefined ? schema : definitions.get(schema.$ref);
  if (given === undefined) throw new Error(`${schema.$ref} stands for nothing`);
  const {
    properties = {},
    items,
    additionalProperties,
    default: _,
    enum: __,
    required = [],
    ...rest
  } = given;
  const said = Object.entries({ ...rest, required: required.toSorted() }).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  fields.set(path, JSON.stringify(said));
  for (const [name, field] of Object.entries(properties))
    fieldsOf(field, definitions, `${path}.${name}`, fields);
  if (items !== undefined) fieldsOf(items, definitions, `${path}[]`, fields);
  if (typeof additionalProperties === 'object')
    fieldsOf(additionalProperties, definitions, `${path}.*`, fields);
  return fields;
}

const lastNames = (paths: Iterable<string>): string[] =>
  [...new Set([...paths].map((path) => path.replace(/^.*\.(\w+)[^.]*$/, '$1')))].toSorted();

describe('schemas.json.br', () => {
  it('is made from the versions of scripts/kubernetes-schemas.yaml (else run node scripts/kubernetes-schemas.ts)', async () => {
    const sources = parse(readFileSync(SOURCES, 'utf8')) as Record<string, { version: string }>;
    const file = await readSchemaFile();
    expect(file.sources).toEqual(
      Object.fromEntries(Object.entries(sources).map(([name, { version }]) => [name, version])),
    );
    expect(file.versions).toEqual(KUBERNETES_VERSIONS);
    expect(file.notice).toContain('Apache License 2.0');
  });

  it.each(KUBERNETES_VERSIONS)('leads nowhere but to its own definitions in %s', async (version) => {
    const { kinds, definitions } = await schemasOf(version);
    const seen = new Set<Schema>();
    const visit = (schema: Schema | undefined, from: string): void => {
      if (schema === undefined) throw new Error(`${from} leads to nothing`);
      if (seen.has(schema)) return;
      seen.add(schema);
      if (schema.$ref !== undefined) visit(definitions.get(schema.$ref), schema.$ref);
      for (const [name, field] of Object.entries(schema.properties ?? {})) visit(field, name);
      if (schema.items !== undefined) visit(schema.items, from);
      if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, from);
    };
    for (const [kind, schema] of kinds) visit(schema, kind);
    for (const [name, schema] of definitions) visit(schema, name);
    expect(kinds.size).toBeGreaterThan(60);
    expect([...kinds.keys()].filter((kind) => /alpha|List$|Options$/.test(kind))).toEqual([]);
  });

  it('has the custom kinds of the standard chart and its wiring', async () => {
    const { customKinds } = await schemasOf('1.34');
    expect([...customKinds.values()].map(({ kind }) => kind).toSorted()).toEqual([
      'AppProject',
      'Application',
      'ApplicationSet',
      'ExternalSecret',
      'PodMonitor',
      'PrometheusRule',
      'ScaledObject',
      'ServiceMonitor',
      'TriggerAuthentication',
    ]);
  });

  /** What the corpus, taken from the main branches at another time, has and has not. */
  const DIFFERENCES: Readonly<Record<string, { readonly more?: string[]; readonly less?: string[] }>> = {
    Application: { more: ['disableExtensionFilter'] },
    ApplicationSet: { more: ['disableExtensionFilter'] },
    ExternalSecret: { more: ['nullBytePolicy', 'syncWindows', 'valuesDecodingStrategy'] },
    TriggerAuthentication: { less: ['azureServicePrincipal'] },
  };

  it('says of these kinds what their real definitions say', async (context) => {
    context.skip(!existsSync(CORPUS), 'shared/corpus/crds is not beside the repository');
    const files = globSync('*.yaml', { cwd: fileURLToPath(CORPUS) });
    const real = crdSchemas(
      files.flatMap((file) => parseManifests(readFileSync(new URL(file, CORPUS), 'utf8'), file)),
    );
    const { customKinds, definitions } = await schemasOf('1.34');
    for (const [key, { kind, versions }] of customKinds) {
      for (const [name, { served, schema }] of versions) {
        const other = real.get(key)?.versions.get(name);
        expect(other?.served, `${key} ${name}`).toBe(served);
        if (other === undefined || !served) continue;
        const [ours, theirs] = [fieldsOf(schema, definitions), fieldsOf(other.schema, new Map())];
        const { more = [], less = [] } = DIFFERENCES[kind] ?? {};
        const known = (path: string) => [...more, ...less].some((field) => path.includes(`.${field}`));
        const both = [...ours.keys()].filter((path) => theirs.has(path));
        expect(
          both.filter((path) => ours.get(path) !== theirs.get(path)),
          kind,
        ).toEqual([]);
        expect(lastNames([...ours.keys()].filter((path) => !theirs.has(path) && !known(path))), kind).toEqual(
          [],
        );
        expect(lastNames([...theirs.keys()].filter((path) => !ours.has(path) && !known(path))), kind).toEqual(
          [],
        );
      }
    }
  });
});
