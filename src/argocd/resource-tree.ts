import { z } from 'zod';

/** The live objects of an application, with what they own: `GET /api/v1/applications/{name}/resource-tree`. */
export interface ResourceTree {
  readonly nodes: readonly ResourceNode[];
}

export interface ResourceNode {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string | undefined;
  /** `uid`s of what owns it. */
  readonly parents: readonly string[];
  /** What Argo CD says of it by name: `Status Reason`, `Containers` (`1/2`), `Restart Count`, `Revision`… */
  readonly info: Readonly<Record<string, string>>;
  readonly health: string | undefined;
  readonly healthMessage: string | undefined;
  readonly images: readonly string[];
  readonly createdAt: number | undefined;
}

const optional = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const node = z.object({
  group: optional,
  kind: z.string(),
  namespace: optional,
  name: z.string(),
  uid: optional,
  parentRefs: z.array(z.object({ uid: optional })).nullish(),
  info: z.array(z.object({ name: z.string(), value: optional })).nullish(),
  health: z.object({ status: optional, message: optional }).nullish(),
  images: z.array(z.string()).nullish(),
  createdAt: optional,
});

const tree = z.object({ nodes: z.array(node).nullish() });

/** @returns undefined for what is no resource tree */
export function parseResourceTree(json: unknown): ResourceTree | undefined {
  const parsed = tree.safeParse(json);
  if (!parsed.success) return undefined;
  return {
    nodes: (parsed.data.nodes ?? []).map((each) => ({
      group: each.group ?? '',
      kind: each.kind,
      namespace: each.namespace,
      name: each.name,
      uid: each.uid,
      parents: (each.parentRefs ?? []).flatMap(({ uid }) => (uid === undefined ? [] : [uid])),
      info: Object.fromEntries((each.info ?? []).map(({ name, value }) => [name, value ?? ''])),
      health: each.health?.status,
      healthMessage: each.health?.message,
      images: each.images ?? [],
      createdAt: createdAt(each.createdAt),
    })),
  };
}

const createdAt = (text: string | undefined): number | undefined => {
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? undefined : at;
};
