/**
 * Writes src/kubernetes/schemas.json.br, which `validateObject` reads, from the sources of scripts/kubernetes-schemas.yaml:
 *
 *     node scripts/kubernetes-schemas.ts
 *
 * Run by hand when those change, or the list of versions in src/kubernetes/versions.ts. It needs python3 with pip, and go. The
 * same sources give the same file, byte for byte.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { execa } from 'execa';
import { parse } from 'yaml';
import { z } from 'zod';
import { crdSchemas } from '../src/kubernetes/custom-kinds.ts';
import { parseManifests } from '../src/kubernetes/manifests.ts';
import type { Schema } from '../src/kubernetes/schema.ts';
import type { SchemaFile } from '../src/kubernetes/schemas.ts';
import { KUBERNETES_VERSIONS, type KubernetesVersion } from '../src/kubernetes/versions.ts';

const WHEEL = 'kubernetes-validate';
const NOTICE =
  'JSON Schemas generated from the OpenAPI description of Kubernetes, Copyright The Kubernetes Authors, and from the ' +
  'CustomResourceDefinitions of Argo CD, External Secrets Operator, KEDA and Prometheus Operator (CoreOS Project, Copyright 2015 ' +
  'CoreOS, Inc; this product includes software developed at CoreOS, Inc.), all under the Apache License 2.0; changed: descriptions ' +
  'and what is not needed for validation are left out.';

const sourcesFile = z.record(
  z.string(),
  z.object({ version: z.string(), definitions: z.array(z.string()).optional() }),
);
type Sources = z.infer<typeof sourcesFile>;

/** A definition as the wheel has it: OpenAPI v2 where every type but the required may also be null. */
interface WheelSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, WheelSchema>>;
  readonly additionalProperties?: WheelSchema;
  readonly items?: WheelSchema;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[];
}
type Definitions = Readonly<Record<string, WheelSchema>>;

/**
 * What the published schema says less exactly than the API server's Go types do
 * (k8s.io/apimachinery/pkg/api/resource, …/util/intstr, …/runtime).
 */
const OWN_DECODERS: Readonly<Record<string, Schema>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { format: 'quantity' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { 'x-kubernetes-int-or-string': true },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': anyMap(),
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': anyMap(),
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': anyMap(),
};

function anyMap(): Schema {
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
}

function ownSchema(name: string, schema: WheelSchema): Schema {
  const decoder = OWN_DECODERS[name];
  if (decoder !== undefined) return decoder;
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.find((one) => one !== 'null');
  return {
    ...(schema.$ref === undefined ? {} : { $ref: nameOf(schema.$ref) }),
    // Beside a reference the wheel repeats only that null is a value, too.
    ...(type === undefined || type === 'null' || schema.$ref !== undefined ? {} : { type }),
    ...(schema.format === undefined ? {} : { format: schema.format }),
    ...(schema.properties === undefined
      ? {}
      : { properties: mapValues(schema.properties, (property) => ownSchema('', property)) }),
    ...(schema.additionalProperties === undefined
      ? {}
      : { additionalProperties: ownSchema('', schema.additionalProperties) }),
    ...(schema.items === undefined ? {} : { items: ownSchema('', schema.items) }),
    ...(schema.required === undefined ? {} : { required: [...schema.required].sort() }),
  };
}

const nameOf = ($ref: string): string => $ref.slice($ref.lastIndexOf('/') + 1);

const mapValues = <From, To>(
  map: Readonly<Record<string, From>>,
  to: (value: From, key: string) => To,
): Record<string, To> =>
  Object.fromEntries(
    Object.entries(map)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, to(value, key)]),
  );

/**
 * The kinds that people apply: no lists, no options of requests, and no alpha API, which Amazon EKS does not serve
 * (docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html, "Kubernetes alpha features are not supported").
 */
function kindsOf(definitions: Definitions): Map<string, string> {
  const kinds = new Map<string, string>();
  for (const [name, schema] of Object.entries(definitions)) {
    const [only, ...others] = schema['x-kubernetes-group-version-kind'] ?? [];
    const isObject = schema.properties?.metadata?.$ref?.endsWith('.ObjectMeta') === true;
    if (only === undefined || others.length > 0 || !isObject || only.version.includes('alpha')) continue;
    const apiVersion = only.group === '' ? only.version : `${only.group}/${only.version}`;
    kinds.set(`${apiVersion} ${only.kind}`, name);
  }
  return kinds;
}

/** Names of all definitions that these lead to, themselves included. */
function reachable(definitions: Definitions, from: Iterable<string>): Set<string> {
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    const definition = definitions[name];
    if (definition !== undefined && OWN_DECODERS[name] === undefined) visitSchema(definition);
  };
  const visitSchema = (schema: WheelSchema): void => {
    if (schema.$ref !== undefined) visit(nameOf(schema.$ref));
    for (const property of Object.values(schema.properties ?? {})) visitSchema(property);
    if (schema.items !== undefined) visitSchema(schema.items);
    if (schema.additionalProperties !== undefined) visitSchema(schema.additionalProperties);
  };
  for (const name of from) visit(name);
  return reached;
}

/**
 * Which fields are required is taken from the newest version that has the definition. Upstream has corrected the descriptions over
 * the years and not the server: `serviceName` of a StatefulSet or `apiGroup` of a RoleRef could always be left out, and a
 * HorizontalPodAutoscaler without `spec` was never accepted.
 */
function withRequiredOf(newest: WheelSchema, schema: WheelSchema): WheelSchema {
  const required = newest.required?.filter((field) => schema.properties?.[field] !== undefined) ?? [];
  const { required: _, ...rest } = schema;
  return required.length === 0 ? rest : { ...rest, required };
}

/** All versions in one: each definition with what it became in which version. */
function merged(byVersion: readonly (readonly [version: KubernetesVersion, definitions: Definitions])[]) {
  const kinds = new Map<string, string>();
  const history = new Map<string, [since: KubernetesVersion, schema: Schema | null][]>();
  const newest = Object.assign({}, ...byVersion.map(([, definitions]) => definitions)) as Definitions;
  for (const [version, definitions] of byVersion) {
    const ownKinds = kindsOf(definitions);
    for (const [kind, name] of ownKinds) kinds.set(kind, name);
    const names = reachable(definitions, ownKinds.values());
    for (const name of new Set([...history.keys(), ...names])) {
      const raw = definitions[name];
      const schema =
        names.has(name) && raw !== undefined
          ? ownSchema(name, withRequiredOf(newest[name] ?? raw, raw))
          : null;
      const stages = history.get(name) ?? [];
      if (JSON.stringify(stages.at(-1)?.[1]) !== JSON.stringify(schema)) stages.push([version, schema]);
      history.set(name, stages);
    }
  }
  return {
    kinds: mapValues(Object.fromEntries(kinds), String),
    definitions: mapValues(Object.fromEntries(history), (stages) => stages),
  };
}

/** Names what stands more than once in these schemas: an ApplicationSet repeats its template in every generator. */
function shareEqualParts<Root>(root: Root): { root: Root; shared: Record<string, unknown> } {
  const counts = new Map<string, number>();
  // Only a schema can be replaced by a reference: the map of properties cannot, and no default that looks like one.
  const isSchema = (value: object): boolean => 'type' in value && typeof value.type === 'string';
  const isData = (key: string): boolean => key === 'default' || key === 'enum';
  const count = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isSchema(value)) {
      const text = JSON.stringify(value);
      const seen = counts.get(text) ?? 0;
      counts.set(text, seen + 1);
      if (seen > 0) return;
    }
    for (const [key, child] of Object.entries(value)) if (!isData(key)) count(child);
  };
  count(root);
  const names = new Map<string, string>();
  const shared: Record<string, unknown> = {};
  const replace = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(replace);
    const withPartsReplaced = () =>
      mapValues(value as Record<string, unknown>, (child, key) => (isData(key) ? child : replace(child)));
    const text = isSchema(value) ? JSON.stringify(value) : '';
    if (text.length < 60 || (counts.get(text) ?? 0) < 2) return withPartsReplaced();
    const known = names.get(text);
    if (known !== undefined) return { $ref: known };
    const name = `#${names.size}`;
    names.set(text, name);
    shared[name] = withPartsReplaced();
    return { $ref: name };
  };
  return { root: replace(root) as Root, shared };
}

async function wheelDefinitions(version: string, folder: string) {
  await execa('python3', ['-m', 'pip', 'download', '--no-deps', '--dest', folder, `${WHEEL}==${version}`]);
  const wheel = join(folder, `${WHEEL.replace('-', '_')}-${version}-py3-none-any.whl`);
  await execa('python3', ['-m', 'zipfile', '-e', wheel, folder]);
  return Promise.all(
    KUBERNETES_VERSIONS.map(async (kubernetes) => {
      const file = `kubernetes_validate/kubernetes-json-schema/v${kubernetes}.0-local/_definitions.json`;
      const { $defs, definitions } = JSON.parse(await readFile(join(folder, file), 'utf8')) as {
        $defs?: Definitions;
        definitions?: Definitions;
      };
      return [kubernetes, $defs ?? definitions ?? {}] as const;
    }),
  );
}

async function moduleDefinitions(sources: Sources) {
  const files: string[] = [];
  for (const [module, { version, definitions }] of Object.entries(sources)) {
    if (definitions === undefined) continue;
    const { stdout } = await execa('go', ['mod', 'download', '-json', `${module}@${version}`], {
      cwd: tmpdir(),
    });
    const { Dir } = JSON.parse(stdout) as { Dir: string };
    files.push(...definitions.map((file) => join(Dir, file)));
  }
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const kinds = crdSchemas(texts.flatMap((text, index) => parseManifests(text, files[index] ?? '')));
  return [...kinds.values()].map(({ group, kind, versions }) => ({
    group,
    kind,
    // Nothing is validated against a version that is refused.
    versions: mapValues(Object.fromEntries(versions), (version) =>
      version.served ? version : { ...version, schema: {} },
    ),
  }));
}

async function main(): Promise<void> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const sources = sourcesFile.parse(
    parse(await readFile(join(root, 'scripts/kubernetes-schemas.yaml'), 'utf8')),
  );
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-schemas-'));
  try {
    const builtIn = merged(await wheelDefinitions(sources[WHEEL]?.version ?? '', folder));
    const custom = shareEqualParts(await moduleDefinitions(sources));
    const file = {
      notice: NOTICE,
      sources: mapValues(sources, ({ version }) => version),
      versions: KUBERNETES_VERSIONS,
      ...builtIn,
      shared: custom.shared as Record<string, Schema>,
      customKinds: custom.root,
    } satisfies SchemaFile;
    const json = Buffer.from(JSON.stringify(file));
    const asset = brotliCompressSync(json, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: json.length,
      },
    });
    await writeFile(join(root, 'src/kubernetes/schemas.json.br'), asset);
    console.log(
      `src/kubernetes/schemas.json.br: ${Object.keys(file.kinds).length} built-in kinds, ${file.customKinds.length} custom kinds, ` +
        `${json.length} bytes of JSON, ${asset.length} bytes`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
