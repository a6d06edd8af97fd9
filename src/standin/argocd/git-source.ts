import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import {
  environmentsOf,
  KAJITORI_FILE,
  type KajitoriConfig,
  parseKajitoriYaml,
} from '../../config/kajitori-yaml.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';
import { renderApp } from '../../render/app.ts';
import { appValueFiles, extraFolder, releaseFile } from '../../render/wiring.ts';

/** The GitOps repository: the stand-in's for GitHub (`StandinRepository`), or any bare repository. */
export interface GitSource {
  readonly gitDir: string;
}

/** An application that the repository has: an app with a release file, in one cluster. */
export interface FoundApplication {
  readonly name: string;
  readonly app: string;
  readonly environment: string;
  readonly cluster: string;
}

/** Makes the objects of one application; `root` is a folder with the files of the commit. */
export type Renderer = (
  place: FoundApplication,
  config: KajitoriConfig,
  root: string,
) => Promise<readonly KubernetesObject[]>;

/** The real helm, with what `kajitori render` uses. */
export const helmRenderer: Renderer = (place, config, root) => renderApp({ root, config, ...place });

const run = promisify(execFile);

/** Reads one branch of a bare repository with the real git, and keeps what it rendered by the files that went into it. */
export class GitReader {
  readonly #gitDir: string;
  readonly #branch: string;
  readonly #render: Renderer;
  readonly #rendered = new Map<string, Promise<readonly KubernetesObject[]>>();
  #folder: { readonly commit: string; readonly path: string } | undefined;
  #found:
    | { readonly commit: string; readonly config: KajitoriConfig; readonly all: readonly FoundApplication[] }
    | undefined;

  constructor(source: GitSource, branch: string, render: Renderer) {
    this.#gitDir = source.gitDir;
    this.#branch = branch;
    this.#render = render;
  }

  async head(): Promise<string> {
    // Asked for all the time; the file is there unless git has packed its refs.
    const loose = await readFile(join(this.#gitDir, 'refs/heads', this.#branch), 'utf8').catch(
      () => undefined,
    );
    return (loose ?? (await this.#git('rev-parse', `refs/heads/${this.#branch}`))).trim();
  }

  /** As the generated ApplicationSets do: every app that has a release file × the clusters of that environment. */
  async applications(commit: string): Promise<readonly FoundApplication[]> {
    return (await this.#read(commit)).all;
  }

  async #read(commit: string) {
    if (this.#found?.commit !== commit) {
      const config = parseKajitoriYaml(await this.#git('cat-file', 'blob', `${commit}:${KAJITORI_FILE}`));
      const files = new Set(
        (await this.#git('ls-tree', '-r', '-z', '--name-only', commit, 'apps/')).split('\0'),
      );
      const apps = new Set([...files].flatMap((file) => /^apps\/([^/]+)\//.exec(file)?.[1] ?? []));
      const all = environmentsOf(config).flatMap(({ name: environment, clusters }) =>
        [...apps]
          .filter((app) => files.has(releaseFile({ app, environment })))
          .flatMap((app) =>
            clusters.map(({ name: cluster }) => ({ name: `${app}-${cluster}`, app, environment, cluster })),
          ),
      );
      this.#found = { commit, config, all };
    }
    return this.#found;
  }

  /** @throws whatever the renderer throws, for the same files again the same */
  async render(place: FoundApplication, commit: string): Promise<readonly KubernetesObject[]> {
    const { config } = await this.#read(commit);
    const paths = [...appValueFiles(place), extraFolder(place.app), 'charts/app', KAJITORI_FILE];
    const ids = await this.#git('ls-tree', commit, '--', ...paths);
    const key = `${place.name}\n${ids}`;
    const known = this.#rendered.get(key);
    if (known !== undefined) return known;
    const rendering = this.#checkout(commit).then((root) => this.#render(place, config, root));
    this.#rendered.set(key, rendering);
    return rendering;
  }

  async #checkout(commit: string): Promise<string> {
    if (this.#folder?.commit === commit) return join(this.#folder.path, 'files');
    const path = this.#folder?.path ?? (await mkdtemp(join(tmpdir(), 'argocd-standin-')));
    // Files of the commit before that are gone in this one must not stay.
    await rm(path, { recursive: true, force: true });
    await run('mkdir', ['-p', join(path, 'files')]);
    await run(
      'git',
      ['--work-tree', join(path, 'files'), 'checkout', '--quiet', '--force', commit, '--', '.'],
      {
        env: { ...process.env, GIT_DIR: this.#gitDir, GIT_INDEX_FILE: join(path, 'index') },
      },
    );
    this.#folder = { commit, path };
    return join(path, 'files');
  }

  async #git(...args: string[]): Promise<string> {
    const { stdout } = await run('git', ['--git-dir', this.#gitDir, ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder.path, { recursive: true, force: true });
  }
}

/**
 * For tests that are not about manifests, and repositories without a chart: a Deployment and a Service with the image of the
 * release file and, with `migrate: true` in the values, the migration as a hook; `replicas`, `progressDeadlineSeconds` and
 * `migrateDeadlineSeconds` of the values hold.
 */
export const plainRenderer: Renderer = async ({ app, environment }, _config, root) => {
  const read = async (file: string): Promise<Record<string, unknown>> => {
    const text = await readFile(join(root, file), 'utf8').catch(() => '');
    return (parse(text) as Record<string, unknown> | null) ?? {};
  };
  const values = await read(`apps/${app}/values.yaml`);
  const release = await read(releaseFile({ app, environment }));
  const image = release.image as Readonly<Record<string, string>>;
  const digest = image.digest === undefined ? '' : `@${image.digest}`;
  const pod = {
    template: { spec: { containers: [{ name: app, image: `${image.repository}:${image.tag}${digest}` }] } },
  };
  const isRollback = (release.release as { rollback?: boolean } | undefined)?.rollback === true;
  const objects: KubernetesObject[] = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: app, annotations: { 'argocd.argoproj.io/sync-wave': '-3' } },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: app, namespace: app } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: app, namespace: app },
      spec: {
        replicas: values.replicas ?? 1,
        progressDeadlineSeconds: values.progressDeadlineSeconds ?? 600,
        ...pod,
      },
    },
  ];
  if (values.migrate !== true || isRollback) return objects;
  const migration: KubernetesObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${app}-migrate`,
      namespace: app,
      annotations: {
        'argocd.argoproj.io/hook': 'Sync',
        'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
        'argocd.argoproj.io/sync-wave': '-1',
      },
    },
    spec: {
      backoffLimit: 0,
      ...(values.migrateDeadlineSeconds === undefined
        ? {}
        : { activeDeadlineSeconds: values.migrateDeadlineSeconds }),
      ...pod,
    },
  };
  return [...objects, migration];
};
