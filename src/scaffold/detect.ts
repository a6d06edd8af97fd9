import { parseAllDocuments } from 'yaml';
import { LABEL } from '../config/names.ts';
import { filesBelow } from '../repository/suite.ts';
import type { Tree } from '../repository/tree.ts';
import { isMap } from '../yaml/data.ts';

/** One thing that was found out, and from where, to be shown to whoever runs `init`. */
export interface Detection {
  readonly what: 'cluster' | 'registry' | 'repository';
  readonly value: string;
  readonly from: string;
}

export interface DetectedCluster {
  readonly environment: string | undefined;
  readonly kubernetes: string | undefined;
  readonly region: string | undefined;
  readonly account: string | undefined;
}

/** What an existing GitOps repository tells about itself. All of it is a proposal: a person has the last word. */
export interface Detected {
  readonly clusters: ReadonlyMap<string, DetectedCluster>;
  readonly registries: readonly string[];
  readonly url: string | undefined;
  readonly detections: readonly Detection[];
  /** True when there were more files than are read. */
  readonly incomplete: boolean;
}

/** Guessing may not take longer than answering; a repository with more YAML files than this tells enough by then. */
const MAX_FILES = 2_000;

/** ECR only: a community image's registry in a values file must not become one that deploys may use. */
const ECR_HOST = /^(\d{12}\.dkr[.-]ecr\.[a-z\d-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws))\//;

/** The endpoint of an EKS cluster tells its region. */
const EKS_ENDPOINT = /^https:\/\/[\w]+\.[\w-]+\.([a-z]+(?:-[a-z]+)+-\d)\.eks\.amazonaws\.com/;

/**
 * Reads the YAML files of a repository for what kajitori.yaml must say: clusters from the list generators of
 * ApplicationSets, registries from the image repositories in values files, the URL from Argo CD's sources.
 *
 * Files that cannot be read (templates of charts, broken ones) are passed over: nothing is proposed from them.
 */
export async function detect(tree: Tree): Promise<Detected> {
  const files = (await filesBelow(await withoutHidden(tree), '')).filter((file) => /\.ya?ml$/.test(file));
  const clusters = new Map<string, DetectedCluster>();
  const registries = new Map<string, string>();
  const urls = new Map<string, string>();
  const detections: Detection[] = [];
  for (const file of files.slice(0, MAX_FILES)) {
    for (const document of await documentsOf(tree, file)) {
      for (const element of listElements(document)) {
        const [name, cluster] = clusterOf(element) ?? [];
        if (name !== undefined && cluster !== undefined && !clusters.has(name)) {
          clusters.set(name, cluster);
          const known = [cluster.environment, cluster.kubernetes, cluster.region, cluster.account];
          const facts = known.filter((fact) => fact !== undefined).join(', ');
          detections.push({ what: 'cluster', value: facts === '' ? name : `${name} (${facts})`, from: file });
        }
      }
      for (const text of textsUnder(document, ['repository', 'image', 'newName'])) {
        const host = ECR_HOST.exec(text)?.[1];
        if (host !== undefined && !registries.has(host)) {
          registries.set(host, file);
        }
      }
      if (isArgo(document)) {
        for (const url of textsUnder(document, ['repoURL']).filter((text) => /\.git$|^git@/.test(text))) {
          urls.set(url, urls.get(url) ?? file);
        }
      }
    }
  }
  for (const [value, from] of registries) {
    detections.push({ what: 'registry', value, from });
  }
  // Several URLs mean that Argo CD reads several repositories, and which is this one cannot be told.
  const [only] = urls.size === 1 ? [...urls] : [];
  if (only !== undefined) {
    detections.push({ what: 'repository', value: only[0], from: only[1] });
  }
  return {
    clusters,
    registries: [...registries.keys()],
    url: only?.[0],
    detections,
    incomplete: files.length > MAX_FILES,
  };
}

/** The URL of the git remote, where Argo CD's own manifests tell none. */
export const withRemote = (detected: Detected, url: string | undefined): Detected =>
  url === undefined
    ? detected
    : {
        ...detected,
        url,
        detections: [...detected.detections, { what: 'repository', value: url, from: 'git remote origin' }],
      };

/** What was detected and from where, for people. */
export function formatDetected({ detections, incomplete }: Detected): string {
  const lines = detections.map(({ what, value, from }) => `  ${what}: ${value}  (${from})`);
  return [
    lines.length === 0 ? 'Nothing was detected.' : 'Detected:',
    ...lines,
    ...(incomplete ? ['  (there are more files than were read)'] : []),
    '',
  ].join('\n');
}

/** .git and other tools' folders are no part of what Argo CD reads. */
async function withoutHidden(tree: Tree): Promise<Tree> {
  return {
    ...tree,
    list: async (folder) =>
      (await tree.list(folder)).filter(({ name }) => !name.startsWith('.') && name !== 'node_modules'),
  };
}

async function documentsOf(tree: Tree, file: string): Promise<unknown[]> {
  try {
    const text = await tree.read(file);
    const documents = parseAllDocuments(text ?? '', { logLevel: 'silent' });
    return Array.isArray(documents)
      ? documents
          .filter(({ errors }) => errors.length === 0)
          .map((document) => document.toJS({ maxAliasCount: 100 }))
      : [];
  } catch {
    return [];
  }
}

const isArgo = (document: unknown): boolean =>
  isMap(document) && String(document.apiVersion).startsWith('argoproj.io/');

/** The elements of all list generators of an ApplicationSet, however deep they are nested in matrix and merge. */
function listElements(document: unknown): unknown[] {
  if (!isMap(document) || document.kind !== 'ApplicationSet') {
    return [];
  }
  return valuesUnder(document, ['elements']).flatMap((elements) => (Array.isArray(elements) ? elements : []));
}

function clusterOf(element: unknown): readonly [string, DetectedCluster] | undefined {
  if (!isMap(element)) {
    return undefined;
  }
  const name = textOf(element, ['cluster', 'clusterName', 'name']);
  if (name === undefined || !LABEL.test(name)) {
    return undefined;
  }
  const endpoint = textOf(element, ['server', 'url', 'endpoint']) ?? '';
  return [
    name,
    {
      environment: textOf(element, ['environment', 'env', 'stage']),
      kubernetes: textOf(element, ['kubernetes', 'kubernetesVersion', 'k8sVersion']),
      region: textOf(element, ['region', 'awsRegion']) ?? EKS_ENDPOINT.exec(endpoint)?.[1],
      account: /^\d{12}$/.exec(
        textOf(element, ['account', 'accountId', 'accountID', 'awsAccount', 'awsAccountId']) ?? '',
      )?.[0],
    },
  ];
}

function textOf(element: Record<string, unknown>, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = element[key];
    if (typeof value === 'string' || typeof value === 'number') {
      return String(value);
    }
  }
  return undefined;
}

const textsUnder = (document: unknown, keys: readonly string[]): string[] =>
  valuesUnder(document, keys).filter((value) => typeof value === 'string');

/** All values of some keys, at any depth. */
function valuesUnder(node: unknown, keys: readonly string[]): unknown[] {
  if (Array.isArray(node)) {
    return node.flatMap((item) => valuesUnder(item, keys));
  }
  if (!isMap(node)) {
    return [];
  }
  return Object.entries(node).flatMap(([key, value]) => [
    ...(keys.includes(key) ? [value] : []),
    ...valuesUnder(value, keys),
  ]);
}
