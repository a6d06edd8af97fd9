import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { releaseFiles } from '../config/layout.ts';
import { runRender } from '../render/run-render.ts';
import { openSuite } from '../repository/suite.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { type AdoptInputs, runAdopt } from './adopt.ts';
import { callerPaths } from './callers.ts';
import type { Questions } from './questions.ts';

const URL = 'https://github.com/acme/deploy.git';
const ECR = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';

const GIVEN: AdoptInputs = {
  environments: [],
  clusters: [
    'stg-1=1.34,ap-northeast-1,111111111111',
    'prod-1=1.33,ap-northeast-1,222222222222',
    'prod-2=1.34,ap-northeast-1,222222222222',
  ],
  registries: [],
  exclude: [],
  dryRun: false,
};

type Files = Readonly<Record<string, string>>;

const chart = (folder: string, image: string): Files => ({
  [`${folder}/Chart.yaml`]: 'apiVersion: v2\nname: service\nversion: 0.1.0\n',
  [`${folder}/values.yaml`]: 'replicas: 1\n',
  [`${folder}/templates/deployment.yaml`]: `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      containers: [{ name: app, image: "${image}" }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { kubernetes: "{{ .Capabilities.KubeVersion.Minor }}" }
`,
});

/** One chart for all, a values file an environment for each app: a set for each environment, over folders and clusters. */
function perEnvironment(): Files {
  const set = (environment: string, clusters: readonly string[]) => `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: ${environment}, namespace: argocd }
spec:
  goTemplate: true
  generators:
    - matrix:
        generators:
          - git: { repoURL: ${URL}, revision: HEAD, directories: [{ path: apps/* }] }
          - list: { elements: [${clusters.map((cluster) => `{ cluster: ${cluster} }`).join(', ')}] }
  template:
    metadata: { name: '{{.path.basename}}-{{.cluster}}' }
    spec:
      project: default
      source:
        repoURL: ${URL}
        targetRevision: HEAD
        path: charts/service
        helm: { valueFiles: ['/{{.path.path}}/values.yaml', '/{{.path.path}}/values-${environment}.yaml'] }
      destination: { name: '{{.cluster}}', namespace: '{{.path.basename}}' }
`;
  const app = (name: string): Files => ({
    [`apps/${name}/values.yaml`]: `image: { repository: ${ECR}/${name} }\n`,
    [`apps/${name}/values-stg.yaml`]: 'image:\n  tag: v2 # newest\n',
    [`apps/${name}/values-prod.yaml`]: 'image:\n  tag: v1\nreplicas: 3\n',
  });
  return {
    ...chart('charts/service', '{{ .Values.image.repository }}:{{ .Values.image.tag }}'),
    ...app('web'),
    ...app('web-admin'),
    'argocd/stg.yaml': set('stg', ['stg-1']),
    'argocd/prod.yaml': set('prod', ['prod-1', 'prod-2']),
  };
}

/** A values file for each cluster, the image as one text deep in it; an Application by hand for each, values from a second source. */
function perCluster(): Files {
  const clusters = ['stg-1', 'prod-1', 'prod-2'];
  const application = (app: string, cluster: string) => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: ${cluster}-${app}, namespace: argocd }
spec:
  project: default
  sources:
    - repoURL: ${URL}
      path: helm/${app}
      helm: { valueFiles: [$config/clusters/${cluster}/${app}.yaml] }
    - { repoURL: ${URL}, targetRevision: main, ref: config }
  destination: { name: ${cluster}, namespace: ${app} }
`;
  const files = ['shop', 'billing'].flatMap((app) => [
    ...Object.entries(chart(`helm/${app}`, '{{ .Values.web.image }}')),
    ...clusters.flatMap((cluster) => [
      [`argocd/${cluster}/${app}.yaml`, application(app, cluster)],
      [`clusters/${cluster}/${app}.yaml`, `web:\n  image: "${ECR}/${app}:2026.11.1"\n`],
    ]),
  ]);
  return Object.fromEntries(files);
}

const kustomizeApplication = (name: string, cluster: string) => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: ${name}, namespace: argocd }
spec:
  project: default
  source: { repoURL: ${URL}, path: overlays/${cluster}/${name} }
  destination: { name: ${cluster}, namespace: ${name} }
`;

/** Kustomize alone: the image is in `images` of an overlay. */
const kustomized: Files = {
  'argocd/legacy.yaml': kustomizeApplication('legacy', 'prod-1'),
  'overlays/prod-1/legacy/kustomization.yaml': `resources: [config.yaml]
images:
  - { name: proxy, newName: ${ECR}/proxy }
  - { name: legacy, newName: ${ECR}/legacy, newTag: v7 }
`,
  'overlays/prod-1/legacy/config.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: legacy }\ndata: {}\n',
};

const PREVIEWS = `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: previews, namespace: argocd }
spec:
  generators: [{ pullRequest: { github: { owner: acme, repo: web } } }]
  template:
    metadata: { name: 'preview-{{number}}' }
    spec:
      project: default
      source: { repoURL: ${URL}, path: charts/service }
      destination: { name: stg-1, namespace: previews }
`;

async function repository(files: Files) {
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-adopt-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
  }
  const shown: string[] = [];
  return {
    shown: () => shown.join('\n'),
    read: (file: string) => readFile(path.join(folder, file), 'utf8'),
    /** What is there now and was not given, or differs from it. */
    touched: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const all = entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
      const texts = await Promise.all(
        all.map(async (file) => [file, await readFile(path.join(folder, file), 'utf8')] as const),
      );
      return texts.flatMap(([file, text]) => (files[file] === text ? [] : [file])).sort();
    },
    adopt: async (inputs: Partial<AdoptInputs> = {}, questions?: Questions) =>
      runAdopt(
        { ...GIVEN, ...inputs },
        {
          repository: await openWorkingCopy(folder),
          suite: await openSuite(),
          remoteUrl: async () => URL,
          render: (tree, root) =>
            runRender(
              { app: undefined, environment: undefined, cluster: undefined },
              { tree, root, charts: path.join(folder, '.charts'), urls: [URL], onProgress: () => undefined },
            ),
          questions,
          show: (text) => shown.push(text),
        },
      ),
  };
}

describe('adopting a repository with a values file for each environment', () => {
  it('writes kajitori.yaml and the callers, nothing else, and proves that all objects stay the same', async () => {
    const there = await repository(perEnvironment());
    expect(await there.adopt()).toMatchObject({
      reason: 'written',
      exitCode: 0,
      pattern: { release: 'apps/{app}/values-{environment}.yaml', image: 'image' },
      left: [],
      proof: { applications: 6, objects: 12, changed: [], unknown: [] },
    });
    const config = parseKajitoriYaml(await there.read('kajitori.yaml'));
    expect(await there.touched()).toEqual([...callerPaths(config), 'kajitori.yaml'].sort());
    expect(callerPaths(config)).toContain('.github/workflows/rollback.yml');
    expect(callerPaths(config)).not.toContain('.github/workflows/new-app.yml');
    expect(there.shown()).toContain('12 objects of 6 applications render the same before and after.');
  });

  it('spells environments as the files do, in the order of promotion', async () => {
    const there = await repository(perEnvironment());
    await there.adopt();
    const config = parseKajitoriYaml(await there.read('kajitori.yaml'));
    expect(Object.entries(config.environments).map(([name, { clusters }]) => [name, clusters])).toEqual([
      ['stg', ['stg-1']],
      ['prod', ['prod-1', 'prod-2']],
    ]);
    expect(releaseFiles(config, 'web-admin', 'prod')).toEqual(['apps/web-admin/values-prod.yaml']);
  });

  it('finds nothing to do the second time', async () => {
    const there = await repository(perEnvironment());
    await there.adopt();
    expect(await there.adopt({ clusters: [] })).toMatchObject({
      reason: 'nothing-to-do',
      exitCode: 0,
      changed: false,
    });
  });

  it('proves on a dry run too, and writes nothing', async () => {
    const there = await repository(perEnvironment());
    expect(await there.adopt({ dryRun: true })).toMatchObject({
      reason: 'dry-run',
      proof: { objects: 12, changed: [] },
    });
    expect(await there.touched()).toEqual([]);
  });

  it('asks on a terminal for what no file says, and writes nothing when the answer is no', async () => {
    const there = await repository(perEnvironment());
    const asked: string[] = [];
    const outputs = await there.adopt(
      { clusters: [] },
      {
        text: async ({ message }) => {
          asked.push(message);
          return message.startsWith('Kubernetes') ? '1.34,ap-northeast-1,111111111111' : '';
        },
        confirm: async () => false,
      },
    );
    expect(asked.filter((message) => message.startsWith('Kubernetes'))).toHaveLength(3);
    expect(outputs).toMatchObject({ reason: 'declined', written: [] });
    expect(await there.touched()).toEqual([]);
  });
});

describe('adopting a repository with a values file for each cluster', () => {
  it('finds the image in a text, at its path, in the files of all clusters', async () => {
    const there = await repository(perCluster());
    expect(await there.adopt()).toMatchObject({
      reason: 'written',
      pattern: { release: 'clusters/{cluster}/{app}.yaml', image: 'web.image' },
      proof: { applications: 6, changed: [], unknown: [] },
    });
    const config = parseKajitoriYaml(await there.read('kajitori.yaml'));
    expect(releaseFiles(config, 'shop', 'prod')).toEqual([
      'clusters/prod-1/shop.yaml',
      'clusters/prod-2/shop.yaml',
    ]);
  });

  it('leaves an app alone that has no image in one of the clusters: a deploy would fail there', async () => {
    const { 'argocd/prod-2/shop.yaml': _, 'clusters/prod-2/shop.yaml': __, ...files } = perCluster();
    const { apps, left } = await (await repository(files)).adopt();
    expect(apps.map(({ app }) => app)).toEqual(['billing']);
    expect(left[0]?.why).toContain('clusters/prod-2/shop.yaml would be written too');
  });
});

describe('what kustomize makes', () => {
  it('is not adopted: nothing is written, and files and set are named that deploy it', async () => {
    const there = await repository(kustomized);
    const outputs = await there.adopt({ clusters: GIVEN.clusters.slice(1, 2) });
    expect(outputs).toMatchObject({ reason: 'no-pattern', exitCode: 1 });
    expect(outputs.left).toEqual([
      {
        application: 'legacy',
        why: 'kustomize makes it: it has no values file',
        explicit: { files: 'overlays/prod-1/legacy/kustomization.yaml', set: 'images[1].newTag=TAG' },
      },
    ]);
    expect(there.shown()).toContain('set: images[1].newTag=TAG');
    expect(await there.touched()).toEqual([]);
  });

  it('goes on as it is beside apps that are adopted', async () => {
    const there = await repository({ ...perEnvironment(), ...kustomized });
    const outputs = await there.adopt({ exclude: ['legacy'] });
    expect(outputs).toMatchObject({ reason: 'written', proof: { applications: 6, excluded: ['legacy'] } });
    expect(outputs.left.map(({ application }) => application)).toEqual(['legacy']);
    expect(there.shown()).toContain('Not compared, as you said: legacy.');
  });
});

describe('what would change, or is not known', () => {
  it('holds for a source that takes in the whole repository: Argo CD passes over what is no manifest', async () => {
    const everything = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: everything, namespace: argocd }
spec:
  project: default
  source: { repoURL: ${URL}, path: ., directory: { recurse: true, exclude: '{charts,ci}/*' } }
  destination: { name: stg-1, namespace: argocd }
`;
    const there = await repository({ 'root.yaml': everything, ...perEnvironment() });
    const { reason, proof } = await there.adopt({ dryRun: true });
    expect({ reason, changed: proof?.changed }).toEqual({ reason: 'dry-run', changed: [] });
    expect(proof?.applications).toBe(7);
  });

  it('stops where a generator would make applications of our files', async () => {
    const files = perEnvironment();
    const wide = (files['argocd/stg.yaml'] ?? '')
      .replace('directories: [{ path: apps/* }]', 'files: [{ path: "**/*.yml" }]')
      .replace("'{{.path.basename}}-{{.cluster}}'", "'{{.path.filename}}'")
      .replace(/valueFiles: .*\]/, 'valuesObject: { image: { repository: x, tag: y } }')
      .replace('name: stg,', 'name: wide,');
    const there = await repository({ ...files, 'argocd/wide.yaml': wide, 'ci/one.yml': '{}\n' });
    const outputs = await there.adopt();
    expect(outputs).toMatchObject({ reason: 'changes', exitCode: 1, written: [] });
    expect(outputs.proof?.changed).toContain('rollback.yml: the application is new');
    expect(await there.touched()).toEqual([]);
  });

  it('is exit 2 where something cannot be rendered, until it is excluded by its name', async () => {
    const there = await repository({ ...perEnvironment(), 'argocd/previews.yaml': PREVIEWS });
    expect(await there.adopt()).toMatchObject({ reason: 'not-proven', exitCode: 2, written: [] });
    await expect(there.adopt({ exclude: ['ApplicationSet/preview'] })).rejects.toMatchObject({
      reason: 'unknown-exclude',
    });
    expect(await there.adopt({ exclude: ['ApplicationSet/previews'] })).toMatchObject({
      reason: 'written',
      proof: { excluded: ['ApplicationSet/previews'] },
    });
  });

  it('promises no deploy of what something else decides: parameters, or Image Updater', async () => {
    const files = perEnvironment();
    const updater = 'charts/service/.argocd-source-web-prod-1.yaml';
    const there = await repository({
      ...files,
      'argocd/stg.yaml': (files['argocd/stg.yaml'] ?? '')
        .replace('path: apps/*', 'path: apps/web-admin')
        .replace('helm: {', 'helm: { parameters: [{ name: image.tag, value: v9 }], '),
      [updater]: 'helm: { parameters: [{ name: image.tag, value: v8 }] }\n',
    });
    const { reason, left } = await there.adopt();
    expect(reason).toBe('no-pattern');
    expect(new Map(left.map(({ application, why }) => [application, why]))).toEqual(
      new Map([
        ['web-prod-1', `${updater} (Argo CD Image Updater) wins over its values files`],
        ['web-prod-2', `${updater} (Argo CD Image Updater) wins over its values files`],
        ['web-admin-prod-1', 'the parameter image.tag of its manifest wins over its values files'],
        ['web-admin-prod-2', 'the parameter image.tag of its manifest wins over its values files'],
        ['web-admin-stg-1', 'the parameter image.tag of its manifest wins over its values files'],
      ]),
    );
    expect(await there.touched()).toEqual([]);
  });

  it('is no GitOps repository without applications', async () => {
    const there = await repository({ 'README.md': '# nothing\n' });
    await expect(there.adopt()).rejects.toMatchObject({ reason: 'no-applications', exitCode: 2 });
  });
});
