import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { type CustomKind, type CustomKinds, type CustomVersion, customKindKey } from './custom-kinds.ts';
import type { Schema } from './schema.ts';
import { KUBERNETES_VERSIONS, type KubernetesVersion } from './versions.ts';

/** schemas.json.br, as `scripts/kubernetes-schemas.ts` writes it. */
export interface SchemaFile {
  /** Whose the schemas are, and under which licence. */
  readonly notice: string;
  /** Versions of the packages that it was made from. */
  readonly sources: Readonly<Record<string, string>>;
  readonly versions: readonly string[];
  /** `apps/v1 Deployment` → the name of its definition. */
  readonly kinds: Readonly<Record<string, string>>;
  /** What each definition became in which version of Kubernetes, oldest first; null: it is gone. */
  readonly definitions: Readonly<
    Record<string, readonly (readonly [since: KubernetesVersion, schema: Schema | null])[]>
  >;
  /** Parts that the custom kinds refer to. */
  readonly shared: Readonly<Record<string, Schema>>;
  readonly customKinds: readonly {
    readonly group: string;
    readonly kind: string;
    readonly versions: Readonly<Record<string, CustomVersion>>;
  }[];
}

/** The schemas of one version of Kubernetes. */
export interface Schemas {
  readonly version: KubernetesVersion;
  /** `apps/v1 Deployment` of every built-in kind → its schema. */
  readonly kinds: ReadonlyMap<string, Schema>;
  /** What a `$ref` stands for. */
  readonly definitions: ReadonlyMap<string, Schema>;
  /** Other versions that have this built-in kind, oldest first. */
  versionsOfKind(apiVersionAndKind: string): readonly KubernetesVersion[];
  /** Other versions where the definition has this field, oldest first. */
  versionsOfField(definition: string, field: string): readonly KubernetesVersion[];
  /** The kinds whose definitions come with this package. */
  readonly customKinds: CustomKinds;
}

/** The definition of `metadata`, which the API server reads alike in every kind. */
export const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

let file: Promise<SchemaFile> | undefined;
const loaded = new Map<KubernetesVersion, Promise<Schemas>>();

/** The schemas of one version of Kubernetes; read once a process. */
export function schemasOf(version: KubernetesVersion): Promise<Schemas> {
  let schemas = loaded.get(version);
  if (schemas === undefined) {
    file ??= readSchemaFile();
    schemas = file.then((all) => schemasIn(all, version));
    loaded.set(version, schemas);
  }
  return schemas;
}

export async function readSchemaFile(): Promise<SchemaFile> {
  const packed = await readFile(new URL('./schemas.json.br', import.meta.url));
  const json = await promisify(brotliDecompress)(packed);
  return JSON.parse(json.toString('utf8')) as SchemaFile;
}

function schemasIn(all: SchemaFile, version: KubernetesVersion): Schemas {
  const definitions = new Map<string, Schema>(Object.entries(all.shared));
  for (const name of Object.keys(all.definitions)) {
    const schema = definitionIn(all, name, version);
    if (schema !== undefined) definitions.set(name, schema);
  }
  const kinds = new Map<string, Schema>();
  for (const [kind, name] of Object.entries(all.kinds)) {
    const schema = definitions.get(name);
    if (schema !== undefined) kinds.set(kind, schema);
  }
  return {
    version,
    kinds,
    definitions,
    versionsOfKind: (kind) => {
      const name = all.kinds[kind];
      return KUBERNETES_VERSIONS.filter(
        (other) => name !== undefined && definitionIn(all, name, other) !== undefined,
      );
    },
    versionsOfField: (definition, field) =>
      KUBERNETES_VERSIONS.filter((other) =>
        Object.hasOwn(definitionIn(all, definition, other)?.properties ?? {}, field),
      ),
    customKinds: new Map(
      all.customKinds.map(({ group, kind, versions }): [string, CustomKind] => [
        customKindKey(group, kind),
        { group, kind, versions: new Map(Object.entries(versions)), bundled: true },
      ]),
    ),
  };
}

function definitionIn(all: SchemaFile, name: string, version: KubernetesVersion): Schema | undefined {
  if (!Object.hasOwn(all.definitions, name)) return undefined;
  const at = KUBERNETES_VERSIONS.indexOf(version);
  const stage = all.definitions[name]?.findLast(([since]) => KUBERNETES_VERSIONS.indexOf(since) <= at);
  return stage?.[1] ?? undefined;
}
