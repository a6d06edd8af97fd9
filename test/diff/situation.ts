import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { type ApplicationPair, capacityByCluster, diffApplication } from '../../src/diff/application-diff.ts';
import { collapse } from '../../src/diff/collapse.ts';
import type { DiffReport } from '../../src/diff/report.ts';
import { parseManifests } from '../../src/kubernetes/manifests.ts';

/** What a pull request does to the manifests of an application. */
const edit = z.union([
  z.strictObject({ replace: z.string(), with: z.string() }),
  z.strictObject({ replaceAll: z.string(), with: z.string() }),
  z.strictObject({ remove: z.string() }),
  z.strictObject({ add: z.string() }),
]);

const situation = z.strictObject({
  about: z.string(),
  /** How many applications the repository has. */
  of: z.number(),
  /** What its Applications say about their end; by default they are as an ApplicationSet makes them. */
  end: z
    .strictObject({
      finalizers: z.array(z.string()).default(['resources-finalizer.argocd.argoproj.io']),
      syncOptions: z.array(z.string()).default([]),
    })
    .prefault({}),
  notRendered: z
    .array(
      z.strictObject({
        application: z.string(),
        side: z.enum(['before', 'after']),
        message: z.string(),
        at: z.strictObject({ file: z.string(), line: z.number(), column: z.number() }),
        todo: z.string(),
      }),
    )
    .default([]),
  /** Applications of the same manifests, to which the same happens. */
  groups: z.array(
    z.strictObject({
      manifests: z.enum(['web', 'database', 'controller']),
      apps: z.array(z.string()).default([]),
      /** Instead of names, so many. */
      count: z.number().optional(),
      clusters: z.array(z.string()),
      setUp: z.array(edit).default([]),
      edits: z.array(edit).default([]),
      before: z.boolean().default(true),
      after: z.boolean().default(true),
    }),
  ),
});

type Edit = z.output<typeof edit>;

function edited(text: string, edits: readonly Edit[]): string {
  return edits.reduce((before, one) => {
    if ('add' in one) return `${before}\n---\n${one.add}`;
    if ('remove' in one) {
      const [kind = '', name = ''] = one.remove.split('/');
      const all = before.split('\n---\n');
      const left = all.filter(
        (document) =>
          !(document.includes(`kind: ${kind}\n`) && new RegExp(`name: ${name}[,\n ]`).test(document)),
      );
      if (left.length !== all.length - 1) throw new Error(`${one.remove} is not there once`);
      return left.join('\n---\n');
    }
    const from = 'replace' in one ? one.replace : one.replaceAll;
    if (!before.includes(from)) throw new Error(`${JSON.stringify(from)} is not there`);
    return 'replace' in one ? before.replace(from, () => one.with) : before.replaceAll(from, () => one.with);
  }, text);
}

/** The report of a situation in test/diff/situations. */
export function readSituation(file: string): { readonly about: string; readonly report: DiffReport } {
  const folder = import.meta.dirname;
  const { about, of, end, notRendered, groups } = situation.parse(
    parse(readFileSync(join(folder, 'situations', file), 'utf8')),
  );
  const application = { madeBy: 'ApplicationSet/production', ...end };
  const pairs = groups.flatMap(({ manifests, apps, count, clusters, setUp, edits, before, after }) => {
    const names = [...apps, ...Array.from({ length: count ?? 0 }, (_, index) => `app-${index + 1}`)];
    const template = readFileSync(join(folder, 'manifests', `${manifests}.yaml`), 'utf8');
    return names.flatMap((app) =>
      clusters.map((cluster): ApplicationPair => {
        const text = edited(template.replaceAll('{app}', app).replaceAll('{cluster}', cluster), setUp);
        return {
          name: `${app}-${cluster}`,
          cluster: { name: cluster, region: 'ap-northeast-1', account: '222222222222' },
          before: before ? parseManifests(text, manifests) : undefined,
          after: after ? parseManifests(edited(text, edits), manifests) : undefined,
          ...(before && { end: { application, leaving: after ? 'alone' : 'with-application' } }),
        };
      }),
    );
  });
  const diffs = pairs.map(diffApplication);
  return {
    about,
    report: {
      base: '1f3c9e2b7a6d',
      head: '9d8e7c6b5a43',
      applications: { total: of, affected: pairs.length + notRendered.length },
      notRendered,
      notLookedAt: [],
      blocks: collapse(diffs),
      capacity: capacityByCluster(diffs),
    },
  };
}
