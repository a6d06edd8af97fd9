import { z } from 'zod';
import type { KubernetesObject } from './object.ts';
import { type Schema, structuralSchema } from './schema.ts';

/** One kind that a CustomResourceDefinition adds to a cluster. */
export interface CustomKind {
  readonly group: string;
  readonly kind: string;
  /** By name (`v1alpha1`), in the definition's order. */
  readonly versions: ReadonlyMap<string, CustomVersion>;
  /**
   * The definition came with this package. Regular expressions of others can be made to run for hours, so those are given
   * little time.
   */
  readonly bundled: boolean;
}

export interface CustomVersion {
  /** False: the API server knows it and refuses it. */
  readonly served: boolean;
  /** What the API server warns of; absent when the version is not deprecated. */
  readonly deprecation?: string;
  readonly schema: Schema;
}

/** Kinds by `customKindKey`. */
export type CustomKinds = ReadonlyMap<string, CustomKind>;

export const customKindKey = (group: string, kind: string): string => `${group} ${kind}`;

const definition = z.object({
  apiVersion: z.literal('apiextensions.k8s.io/v1'),
  kind: z.literal('CustomResourceDefinition'),
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(
      z.object({
        name: z.string(),
        served: z.boolean(),
        deprecated: z.boolean().nullish(),
        deprecationWarning: z.string().nullish(),
        schema: z.object({ openAPIV3Schema: z.unknown() }),
      }),
    ),
  }),
});

/**
 * Makes the kinds known that CustomResourceDefinitions among these objects define; other objects are passed over.
 *
 * A definition that an API server would refuse defines nothing here either: its kinds stay unknown, and `validateObject` of the
 * definition itself says what is wrong with it.
 */
export function crdSchemas(objects: Iterable<KubernetesObject>): CustomKinds {
  const kinds = new Map<string, CustomKind>();
  for (const object of objects) {
    const { data } = definition.safeParse(object);
    if (data === undefined) continue;
    const { group, names } = data.spec;
    const versions = new Map<string, CustomVersion>();
    for (const version of data.spec.versions) {
      const schema = structuralSchema(version.schema.openAPIV3Schema);
      if (schema === undefined) continue;
      const name = `${group}/${version.name} ${names.kind}`;
      versions.set(version.name, {
        served: version.served,
        ...(version.deprecated === true && {
          deprecation: version.deprecationWarning ?? `${name} is deprecated.`,
        }),
        schema,
      });
    }
    kinds.set(customKindKey(group, names.kind), { group, kind: names.kind, versions, bundled: false });
  }
  return kinds;
}
