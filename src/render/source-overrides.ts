import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { ApplicationSource } from '../applications/application.ts';
import { couldNot } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import { lookInside } from './inside.ts';
import { MAX_INPUT_BYTES } from './value-files.ts';

const text = z.string();
const flag = z.boolean().default(false);
const texts = z.array(text).default([]);
const map = z.record(text, text).default({});

/** What Argo CD takes from an override file; other keys it ignores, as it reads JSON into Go's types. */
const overrides = z.object({
  helm: z
    .object({
      releaseName: text.optional(),
      valueFiles: texts,
      ignoreMissingValueFiles: flag,
      values: text.optional(),
      valuesObject: z.record(text, z.unknown()).optional(),
      parameters: z.array(z.object({ name: text, value: text.default(''), forceString: flag })).default([]),
      fileParameters: z.array(z.object({ name: text, path: text })).default([]),
      skipCrds: flag,
      skipTests: flag,
      skipSchemaValidation: flag,
      passCredentials: flag,
      kubeVersion: text.optional(),
      apiVersions: texts,
      namespace: text.optional(),
    })
    .optional(),
  kustomize: z
    .object({
      namePrefix: text.optional(),
      nameSuffix: text.optional(),
      namespace: text.optional(),
      images: texts,
      commonLabels: map,
      commonAnnotations: map,
      commonAnnotationsEnvsubst: flag,
      forceCommonLabels: flag,
      forceCommonAnnotations: flag,
      labelWithoutSelector: flag,
      labelIncludeTemplates: flag,
      replicas: z.array(z.object({ name: text, count: z.coerce.number().int() })).default([]),
      patches: z.array(z.unknown()).default([]),
      components: texts,
      ignoreMissingComponents: flag,
      kubeVersion: text.optional(),
      apiVersions: texts,
      version: text.optional(),
    })
    .optional(),
  directory: z
    .object({
      recurse: flag,
      include: text.optional(),
      exclude: text.optional(),
      jsonnet: z.unknown().optional(),
    })
    .optional(),
  plugin: z.unknown().optional(),
});

/**
 * A source with what `.argocd-source.yaml` and `.argocd-source-<application>.yaml` in its folder change, by JSON merge patch
 * (RFC 7386; docs: "Parameter Overrides", reposerver/repository `mergeSourceParameters`). Argo CD Image Updater writes them.
 *
 * @param folder relative to the root
 * @throws Failure (exit 2, `not-rendered`) for a file that Argo CD could not read
 */
export async function sourceWithOverrides(
  source: ApplicationSource,
  application: string,
  root: string,
  folder: string,
): Promise<ApplicationSource> {
  const { helm, kustomize, directory, plugin, ...fixed } = source;
  let merged: unknown = withoutUndefined({ helm, kustomize, directory, plugin });
  let changed = false;
  for (const name of ['.argocd-source.yaml', `.argocd-source-${application}.yaml`]) {
    const file = path.posix.join(folder, name);
    const found = await lookInside(root, file);
    if (found?.kind === 'file') {
      merged = mergePatch(merged, await readPatch(file, found));
      changed = true;
    }
  }
  if (!changed) {
    return source;
  }
  const parsed = overrides.safeParse(merged);
  if (!parsed.success) {
    throw unreadable(path.posix.join(folder, '.argocd-source*.yaml'), z.prettifyError(parsed.error));
  }
  return { ...fixed, ...(withoutUndefined(parsed.data) as Partial<ApplicationSource>) };
}

async function readPatch(
  file: string,
  { absolute, size }: { absolute: string; size: number },
): Promise<unknown> {
  if (size > MAX_INPUT_BYTES) {
    throw unreadable(file, 'it is too large');
  }
  try {
    return parse(await readFile(absolute, 'utf8'), { maxAliasCount: 100, version: '1.1' });
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (file: string, why: string) =>
  couldNot(`Argo CD cannot read these overrides: ${why}`, {
    at: { file },
    todo: 'Correct the file, or take it away.',
    reason: 'not-rendered',
  });

function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) {
    return patch;
  }
  const merged = new Map(Object.entries(isMap(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      merged.delete(key);
    } else {
      merged.set(key, mergePatch(merged.get(key), value));
    }
  }
  return Object.fromEntries(merged);
}

const withoutUndefined = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    return value.map(withoutUndefined);
  }
  return isMap(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([, each]) => each !== undefined)
          .map(([key, each]) => [key, withoutUndefined(each)]),
      )
    : value;
};
