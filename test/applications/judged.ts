import { fileURLToPath } from 'node:url';
import { applicationsOfSet } from '../../src/applications/application-set.ts';
import type { ArgoCluster } from '../../src/applications/generators.ts';
import { helmTemplates } from '../../src/applications/go-template.ts';
import { manifestsIn } from '../../src/applications/manifest-files.ts';
import { readApplication } from '../../src/applications/read-application.ts';
import { openListing } from '../../src/applications/repository-listing.ts';
import { Failure, formatFailure } from '../../src/report/failure.ts';
import type { Tree } from '../../src/repository/tree.ts';
import { openWorkingCopy } from '../../src/repository/working-copy.ts';

/**
 * A GitOps repository with an ApplicationSet for each way of writing one (`sets/`), and Applications of each kind of source
 * (`apps/`). A real Argo CD judges it in test/e2e/applications.e2e.ts; what it said is kept in judged.yaml.
 */
export const FIXTURE_REPOSITORY = fileURLToPath(new URL('fixtures/repository', import.meta.url));

/** By this URL the fixture's manifests name their own repository. */
export const FIXTURE_URL = 'https://git.example.com/acme/gitops.git';

/** The clusters that the fixture's Argo CD has. */
export const FIXTURE_CLUSTERS: readonly ArgoCluster[] = [
  {
    name: 'prod-1',
    server: 'https://prod-1.example.com',
    labels: { tier: 'production' },
    annotations: { owner: 'platform' },
  },
  { name: 'prod-2', server: 'https://prod-2.example.com', labels: { tier: 'staging' } },
];

/** What became of an ApplicationSet. */
export interface JudgedSet {
  /** Undefined when there was no error. */
  readonly error?: string;
  /** By name; without fields that are empty. */
  readonly applications: Readonly<Record<string, unknown>>;
}

/** What we make of the fixture's ApplicationSets, by their names. */
export async function ourSets(): Promise<Record<string, JudgedSet>> {
  const tree: Tree = await openWorkingCopy(FIXTURE_REPOSITORY);
  const listing = openListing(tree);
  const here = { urls: [FIXTURE_URL], branch: 'main' };
  const sets: Record<string, JudgedSet> = {};
  for (const file of (await listing.files()).filter((each) => each.startsWith('sets/'))) {
    const { manifests } = manifestsIn((await tree.read(file)) ?? '', file);
    for (const manifest of manifests) {
      const { name } = manifest.value.metadata as { name: string };
      const made = await applicationsOfSet(
        { ...manifest, name },
        {
          listing,
          here,
          clusters: FIXTURE_CLUSTERS,
          evaluate: helmTemplates(),
        },
      );
      const failures = [...made.failures];
      const accepted = made.manifests.filter((each) => {
        try {
          readApplication(each, { here, clusters: [] }, { at: manifest.at }, () => manifest.at);
          return true;
        } catch (error) {
          if (error instanceof Failure) failures.push(error);
          else throw error;
          return false;
        }
      });
      sets[name] = {
        ...(failures.length === 0 ? {} : { error: failures.map(formatFailure).join('\n') }),
        applications: Object.fromEntries(accepted.map((each) => judged(each))),
      };
    }
  }
  return sets;
}

/** An Application as it is compared: its name, and what an ApplicationSet decides of it. */
export function judged(manifest: unknown): [string, unknown] {
  const { metadata, spec } = manifest as {
    metadata: { name: string; labels?: object; annotations?: object; finalizers?: readonly string[] };
    spec: object;
  };
  const { labels, annotations } = metadata;
  return [metadata.name, withoutEmpty({ labels, annotations, spec })];
}

/** Go leaves out fields that are empty; `valuesObject` is kept as it is. */
function withoutEmpty(value: unknown, key = ''): unknown {
  if (key === 'valuesObject') return value;
  if (Array.isArray(value)) return value.map((item) => withoutEmpty(item) ?? {});
  if (typeof value !== 'object' || value === null) {
    return value === '' || value === false || value === 0 || value === null ? undefined : value;
  }
  const entries = Object.entries(value)
    .map(([name, item]) => [name, withoutEmpty(item, name)] as const)
    .filter(([, item]) => item !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
