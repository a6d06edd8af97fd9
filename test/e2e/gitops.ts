import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import pLimit from 'p-limit';
import { type AppDefinition, parseAppYaml } from '../../src/config/app-yaml.ts';
import { KAJITORI_FILE, parseKajitoriYaml } from '../../src/config/kajitori-yaml.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { runBump } from '../../src/release/bump.ts';
import { bumpRequest } from '../../src/release/bump-request.ts';
import { parseSource } from '../../src/release/source.ts';
import { gitHubSourceHistory } from '../../src/release/source-history.ts';
import { openSuite } from '../../src/repository/suite.ts';
import type { FileEdits, Tree } from '../../src/repository/tree.ts';
import { openWorkingCopy } from '../../src/repository/working-copy.ts';
import { CODE_OWNERS_FILES } from '../../src/scaffold/code-owners.ts';
import { editedTree, emptyTree } from '../../src/scaffold/edited-tree.ts';
import { runInit } from '../../src/scaffold/init.ts';
import { type NewApp, newAppFiles } from '../../src/scaffold/new-app.ts';
import { runRegenerate } from '../../src/scaffold/regenerate.ts';
import { ROOT_APPLICATION_FILE } from '../../src/scaffold/root-application.ts';
import type { GitHubStandin } from '../../src/standin/github/server.ts';

const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';
const SOURCE = 'acme/web';

/** The GitOps repository of a company; Argo CD reads it. */
export interface Gitops {
  /** The URL by which Argo CD reads it; the stand-in serves git there. */
  readonly url: string;
  /**
   * What a merged pull request of the new-app form brings, with values of the developers' own and other files.
   *
   * @param values of values.yaml, as YAML; without them the first ones stay
   */
  newApp(
    app: string,
    kind: NewApp['kind'],
    values?: string,
    files?: Readonly<Record<string, string>>,
  ): Promise<string>;
  /** Commits as a person who pushes (null removes a file), and tells Argo CD. @returns the commit */
  push(files: Readonly<Record<string, string | null>>): Promise<string>;
  /** Deploys an image with this tag as release.yml does: `runBump` on GitHub. @returns the commit */
  deploy(app: string, tag: string, environment?: string): Promise<string>;
  /** Commits files together with what `kajitori regenerate` makes of them. @returns the commit */
  regenerate(files: Readonly<Record<string, string>>): Promise<string>;
  read(file: string): Promise<string | undefined>;
}

/** What a deploy writes into `image`. The digest is made up: nothing pulls. */
export const imageOf = (app: string, tag: string): string =>
  `${REGISTRY}/${app}:${tag}@sha256:${Buffer.from(tag).toString('hex').padEnd(64, '0').slice(0, 64)}`;

/** What of a platform the repository needs: a rig, or the stand-in for Argo CD. */
export interface GitopsPlatform {
  readonly github: GitHubStandin;
  readonly clusters: readonly {
    readonly name: string;
    kubectl(args: readonly string[], input?: string): Promise<unknown>;
  }[];
  readonly argocd: { refresh(): Promise<void> };
  /** Temporary. */
  readonly folder: string;
}

/**
 * Makes the repository as `kajitori init` does, and gives Argo CD its root Application.
 *
 * @param environments names of clusters by that of the environment, in promotion order; without it all are production
 */
export async function startGitops(
  rig: GitopsPlatform,
  environments: Readonly<Record<string, readonly string[]>> = {
    production: rig.clusters.map(({ name }) => name),
  },
): Promise<Gitops> {
  const url = `${rig.github.url}/acme/gitops.git`;
  const files = new Map<string, string | null>();
  const tree = (): Tree => editedTree(emptyTree('acme/gitops'), files);
  const clusters = rig.clusters.map(({ name }) => name);
  await runInit(
    {
      environments: Object.entries(environments).map(([name, its]) => `${name}=${its.join(',')}`),
      clusters: clusters.map((name) => `${name}=1.36,ap-northeast-1,222222222222`),
      registries: [REGISTRY],
      teams: '@acme/*',
      platformTeam: '@acme/platform',
      url,
      dryRun: false,
    },
    {
      repository: {
        ...tree(),
        write: async (edits) => {
          for (const [path, text] of edits) files.set(path, text);
        },
      },
      suite: await openSuite(),
      remoteUrl: async () => undefined,
      questions: undefined,
      show: () => {},
    },
  );
  const repository = await rig.github.createRepository('acme/gitops', { files: textsOf(files) });
  const source = await rig.github.createRepository(SOURCE, { files: { 'main.ts': '0\n' } });
  const writer = rig.github.createApp({ slug: 'kajitori', permissions: { contents: 'write' } });
  writer.install('acme', ['gitops']);
  const [home] = rig.clusters;
  await home?.kubectl(['apply', '--filename=-'], files.get(ROOT_APPLICATION_FILE) ?? '');

  const config = parseKajitoriYaml(files.get(KAJITORI_FILE) ?? '');
  const apps = new Map<string, AppDefinition>();
  let builds = 0;
  const oneByOne = pLimit(1);
  const push: Gitops['push'] = async (edits) => {
    const commit = await repository.commit(edits);
    await rig.argocd.refresh();
    return commit;
  };
  return {
    url,
    read: (file) => repository.read(file),
    push,
    regenerate: async (edits) => {
      const clone = await mkdtemp(join(rig.folder, 'clone-'));
      await execa('git', ['clone', '--quiet', url, clone]);
      const copy = await openWorkingCopy(clone);
      await copy.write(new Map(Object.entries(edits)));
      const deps = { repository: copy, suite: await openSuite(), version: '0.0.0' };
      const { drift } = await runRegenerate({ check: false }, deps);
      const texts = drift.map(async ({ path }) => [path, (await copy.read(path)) ?? null] as const);
      return push({ ...edits, ...Object.fromEntries(await Promise.all(texts)) });
    },
    newApp: (app, kind, values, more = {}) =>
      // All of them edit CODEOWNERS.
      oneByOne(async () => {
        const [codeOwners] = CODE_OWNERS_FILES;
        const owners = { file: codeOwners, text: (await repository.read(codeOwners)) ?? '' };
        const made = newAppFiles(
          config,
          { app, team: 'shop', sources: [SOURCE], kind },
          { apps, codeOwners: owners },
        );
        apps.set(app, parseAppYaml(made.get(`apps/${app}/app.yaml`) ?? '', `apps/${app}/app.yaml`));
        const own = values === undefined ? {} : { [`apps/${app}/values.yaml`]: values };
        return push({ ...Object.fromEntries(made), ...own, ...more });
      }),
    deploy: async (app, tag, environment = 'production') => {
      builds += 1;
      const build = builds;
      const sourceCommit = await oneByOne(() => source.commit({ 'main.ts': `${build}\n` }));
      const { apiUrl } = rig.github;
      const from = `${SOURCE}@${sourceCommit}`;
      const token = writer.token('acme', { repositories: ['gitops'] });
      const reader = rig.github.actionsToken(SOURCE, { contents: 'read' });
      const request = bumpRequest({
        app,
        environment,
        image: imageOf(app, tag),
        source: from,
        build: String(build),
        workflow: 'deploy.yml',
        tag: undefined,
        digest: undefined,
        files: undefined,
        set: undefined,
        force: false,
        override: undefined,
        reason: undefined,
        run: undefined,
        pullRequest: undefined,
      });
      const client = createGitHubClient({ apiUrl, token, timing: systemTiming });
      const history = createGitHubClient({ apiUrl, token: reader, timing: systemTiming });
      const { commit } = await runBump(
        { request, dryRun: false, labels: [], autoMerge: false },
        {
          on: { kind: 'github', client, target: { repository: { owner: 'acme', name: 'gitops' } } },
          history: gitHubSourceHistory(history, parseSource(from)),
          timing: systemTiming,
          key: `e2e-${build}`,
        },
      );
      if (commit === undefined) throw new Error(`the deploy of ${app} ${tag} changed nothing`);
      await rig.argocd.refresh();
      return commit.oid;
    },
  };
}

/** The files that are there, without those that were removed. */
const textsOf = (files: FileEdits): Record<string, string> =>
  Object.fromEntries([...files].flatMap(([path, text]) => (text === null ? [] : [[path, text]])));
