import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import { KAJITORI_FILE, type KajitoriConfig, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import { type BumpRequest, computeBump } from '../release/compute-bump.ts';
import { parseImageReference } from '../release/image-reference.ts';
import { NO_HISTORY } from '../release/source-history.ts';
import { openSuite } from '../repository/suite.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import { CODE_OWNERS_FILES } from './code-owners.ts';
import { editedTree, emptyTree } from './edited-tree.ts';
import { componentFiles } from './example-components.ts';
import { type InitInputs, runInit } from './init.ts';
import { type NewApp, newAppFiles } from './new-app.ts';

/** What the company acme answers to `kajitori init`. */
const INIT: InitInputs = {
  environments: ['staging=stg-1', 'production=prod-1,prod-2'],
  clusters: [
    'stg-1=1.34,ap-northeast-1,111111111111',
    'prod-1=1.33,ap-northeast-1,222222222222',
    'prod-2=1.34,ap-northeast-1,222222222222',
  ],
  registries: ['333333333333.dkr.ecr.ap-northeast-1.amazonaws.com'],
  teams: '@acme/*',
  platformTeam: '@acme/platform',
  url: 'https://github.com/acme/gitops.git',
  dryRun: false,
};

const APPS: readonly NewApp[] = [
  {
    app: 'web',
    team: 'shop',
    sources: ['acme/web'],
    kind: 'mixed',
    // What examples/web has.
    components: {
      web: { port: 8080, scale: 2 },
      workers: { worker: { run: 'bin/worker', scale: 1 } },
      migrate: { run: 'bin/migrate' },
    },
  },
  { app: 'billing', team: 'payments', sources: ['acme/billing'], kind: 'worker' },
];

interface Deploy {
  readonly app: string;
  readonly environment: string;
  readonly commit: string;
  readonly digest: string;
  readonly build: number;
  readonly at: string;
}

const DEPLOYS: readonly Deploy[] = [
  {
    app: 'web',
    environment: 'staging',
    commit: '7d1f0a4c9be2538160fd3a7c5e92b48d06c1f3ea',
    digest: 'sha256:4be1f2c07a9d3865e0b7c81f52d94a63be07d1c8f9305a642e7bd8c01f3a5962',
    build: 4130,
    at: '2026-11-20T08:12:00Z',
  },
  {
    app: 'web',
    environment: 'production',
    commit: '1f3c9e2b7a604d85c1e9f02b3d68a7540be1c2d9',
    digest: 'sha256:9c2f61d40be83a7715d09e4cf8a2b36107e5d4c8b1903f6ae27d5081c4f9be36',
    build: 4127,
    at: '2026-11-19T06:40:00Z',
  },
  {
    app: 'billing',
    environment: 'staging',
    commit: 'b80c41d2e57f9a3660ce18d4f2a7935be06d1c47',
    digest: 'sha256:07d5e1b94c38fa62905be7d31c8f4a60e2b95d7c1f083a46be9d2c705e8f13a4',
    build: 912,
    at: '2026-11-18T02:03:00Z',
  },
  {
    app: 'billing',
    environment: 'production',
    commit: 'b80c41d2e57f9a3660ce18d4f2a7935be06d1c47',
    digest: 'sha256:07d5e1b94c38fa62905be7d31c8f4a60e2b95d7c1f083a46be9d2c705e8f13a4',
    build: 912,
    at: '2026-11-18T04:55:00Z',
  },
];

/**
 * examples/gitops: the GitOps repository of the company acme, as the commands make it: `init`, two new apps, a bump
 * for each app and environment. The components of the platform team are beside it, written as a person would.
 *
 * @returns path (from the root of the GitOps repository) → text
 */
export async function generateExamples(): Promise<FileEdits> {
  const files = new Map<string, string | null>();
  const gitops = (): Tree => editedTree(emptyTree('examples/gitops'), files);
  const write = (edits: FileEdits): void => {
    for (const [path, text] of edits) {
      files.set(path, text);
    }
  };
  await runInit(INIT, {
    repository: { ...gitops(), write: async (edits) => write(edits) },
    suite: await openSuite(),
    remoteUrl: async () => undefined,
    questions: undefined,
    show: () => {},
  });
  const config = parseKajitoriYaml(files.get(KAJITORI_FILE) ?? '');
  const definitions = new Map<string, AppDefinition>();
  for (const app of APPS) {
    const [codeOwners] = CODE_OWNERS_FILES;
    write(
      newAppFiles(config, app, {
        apps: definitions,
        codeOwners: { file: codeOwners, text: files.get(codeOwners) ?? '' },
      }),
    );
    const file = appFile(config, app.app);
    definitions.set(app.app, parseAppYaml(files.get(file) ?? '', file));
  }
  for (const deploy of DEPLOYS) {
    const change = await computeBump(gitops(), requestOf(config, deploy), {
      history: NO_HISTORY,
      now: new Date(deploy.at),
    });
    write(change.edits);
  }
  write(componentFiles(config));
  return new Map([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function requestOf(config: KajitoriConfig, deploy: Deploy): BumpRequest {
  const { app, environment, commit, digest, build } = deploy;
  const [registry] = config.registries;
  return {
    apps: [app],
    environment,
    images: [
      {
        app: undefined,
        name: '',
        ...parseImageReference(`${registry}/${app}:${commit.slice(0, 8)}@${digest}`),
      },
    ],
    build: { source: { repository: `acme/${app}`, commit }, build, workflow: 'deploy.yml' },
    overriding: { overrides: new Set(), reason: undefined },
    run: undefined,
    via: undefined,
  };
}
