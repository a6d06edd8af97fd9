import { environmentsOf, KAJITORI_FILE, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import type { FileEdits } from '../repository/tree.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { type InitInputs, runInit } from '../scaffold/init.ts';
import { newAppFiles } from '../scaffold/new-app.ts';
import { ROOT_APPLICATION_FILE } from '../scaffold/root-application.ts';
import type { ArgoCdForDemo } from './argocd.ts';
import { type Company, GITOPS_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import { commitAndPush } from './git.ts';
import { columns } from './narrator.ts';
import type { RunningScene, Scene } from './scene.ts';

const NO_ANSWERS: InitInputs = { environments: [], clusters: [], registries: [], dryRun: false };

/** What stands where, by the first part of a path; in the order in which it is shown. */
const PLACES: readonly (readonly [prefix: string, about: string])[] = [
  ['kajitori.yaml', 'which environments and clusters there are'],
  ['argocd/', 'tells Argo CD which app goes to which cluster'],
  ['charts/app/', 'makes Kubernetes objects of a few lines'],
  ['defaults/', 'settings for every app, or for one cluster'],
  ['.github/', 'CODEOWNERS: who must review what'],
  ['README.md', 'what is where'],
];

/** Chapter: `kajitori init` in an empty repository, which Argo CD then reads. Returns the platform engineer's clone. */
export const setUpGitOps = (
  scene: Scene,
): Promise<{ readonly clone: string; readonly argocd: ArgoCdForDemo }> => {
  const { narrator, company, registry, suite } = scene;
  return narrator.chapter('A platform engineer sets up the GitOps repository, once', async (chapter) => {
    chapter.tell(
      `The repository ${GITOPS_REPOSITORY} says what runs where. Argo CD, a program beside the clusters, reads it and does what it says. Production has two clusters here, as companies have them while they upgrade Kubernetes.`,
    );
    chapter.command('kajitori init --environment staging=stg-1 --environment production=prod-1,prod-2 …');
    const clone = await company.clone(GITOPS_REPOSITORY);
    const repository = await openWorkingCopy(clone);
    const { written } = await runInit(
      {
        ...NO_ANSWERS,
        environments: ['staging=stg-1', 'production=prod-1,prod-2'],
        clusters: [
          'stg-1=1.34,ap-northeast-1,111111111111',
          'prod-1=1.33,ap-northeast-1,222222222222',
          'prod-2=1.34,ap-northeast-1,222222222222',
        ],
        registries: [registry.host],
        teams: '@acme/*',
        platformTeam: '@acme/platform',
        url: gitUrl(company),
      },
      { repository, suite, remoteUrl: async () => undefined, questions: undefined, show: () => {} },
    );
    chapter.show(
      columns(
        PLACES.map(([prefix, about]) => {
          const count = written.filter((file) => file.startsWith(prefix)).length;
          return [prefix, count === 1 ? '1 file' : `${count} files`, about];
        }),
      ),
    );
    const text = (await repository.read(KAJITORI_FILE)) ?? '';
    chapter.tell('The heart of kajitori.yaml:');
    chapter.show(text.slice(text.indexOf('environments:'), text.indexOf('clusters:\n')));
    const config = parseKajitoriYaml(text);
    chapter.holds('Production is prod-1 and prod-2, which are always deployed together.', {
      found: environmentsOf(config).map(({ name, clusters }) => [name, clusters.map((each) => each.name)]),
      expected: [
        ['staging', ['stg-1']],
        ['production', ['prod-1', 'prod-2']],
      ],
    });
    await commitAndPush(clone, 'Set up by kajitori init', company.platformEngineer);
    chapter.tell(
      `Then one file is given to Argo CD by hand, ${ROOT_APPLICATION_FILE}; from it Argo CD finds all others.`,
    );
    chapter.working('starting Argo CD');
    return { clone, argocd: await startReading(scene, clone) };
  });
};

/** Where Argo CD reads the GitOps repository. */
const gitUrl = ({ github }: Company): string => `${github.url}/${GITOPS_REPOSITORY}.git`;

/** Starts Argo CD on the GitOps repository, and gives it what a platform engineer applies by hand. */
async function startReading({ company, timing, argocdKind }: Scene, clone: string): Promise<ArgoCdForDemo> {
  const { login, token } = company.platformEngineer;
  const { gitDir } = company.github.repository(GITOPS_REPOSITORY);
  const argocd = await argocdKind.start({
    clusters: ['stg-1', 'prod-1', 'prod-2'],
    repository: { gitDir, url: gitUrl(company), login, token },
    timing,
  });
  const root = await (await openWorkingCopy(clone)).read(ROOT_APPLICATION_FILE);
  await argocd.adopt(root ?? '');
  return argocd;
}

/** Chapter: the app `web` gets its folder in the GitOps repository, and its repository the workflow that deploys it. */
export const addApp = (
  { narrator, company, suite, argocd }: RunningScene,
  clones: { readonly gitops: string; readonly web: string },
): Promise<void> =>
  narrator.chapter('A team adds its app, web', async (chapter) => {
    const repository = await openWorkingCopy(clones.gitops);
    const config = parseKajitoriYaml((await repository.read(KAJITORI_FILE)) ?? '');
    const codeOwners = await codeOwnersOf(clones.gitops);
    const files = newAppFiles(
      config,
      { app: 'web', team: 'shop', sources: [WEB_REPOSITORY], kind: 'web' },
      { apps: new Map(), codeOwners },
    );
    await repository.write(files);
    chapter.tell(
      'Two short files in the GitOps repository: who owns the app and which repository may deploy it; and how it runs.',
    );
    chapter.show(contentsOf(files, ['apps/web/app.yaml', 'apps/web/values.yaml']));
    await runInit(
      { ...NO_ANSWERS, appRepository: { app: 'web', gitops: GITOPS_REPOSITORY } },
      {
        repository: await openWorkingCopy(clones.web),
        suite,
        remoteUrl: async () => undefined,
        questions: undefined,
        show: () => {},
      },
    );
    chapter.tell(
      `And one in the repository of the app, ${WEB_REPOSITORY}: a workflow that hands each new image to Kajitori's release workflow. (\`kajitori init --app web --gitops acme/gitops\` writes it.)`,
    );
    await commitAndPush(clones.gitops, 'Add the app web', company.platformEngineer);
    await argocd.pushed();
    const there = await (await openWorkingCopy(clones.gitops)).list('apps/web');
    chapter.holds('Nothing runs yet: which image runs is written by deploys only, and there was none.', {
      found: there.map(({ name }) => name),
      expected: ['app.yaml', 'values.yaml'],
    });
  });

/** CODEOWNERS of a clone, as `newAppFiles` wants it. */
export async function codeOwnersOf(clone: string): Promise<{ file: string; text: string }> {
  const file = '.github/CODEOWNERS';
  return { file, text: (await (await openWorkingCopy(clone)).read(file)) ?? '' };
}

/** Files one below the other with their names, without the lines that are only for editors. */
const contentsOf = (files: FileEdits, names: readonly string[]): string =>
  names
    .map((name) => `# ${name}\n${(files.get(name) ?? '').replaceAll(/^# yaml-language-server:.*\n/gm, '')}`)
    .join('\n');
