import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import { KAJITORI_FILE, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { newAppFiles } from '../scaffold/new-app.ts';
import { parseYaml } from '../yaml/parse.ts';
import { GITOPS_REPOSITORY, SHOP_REPOSITORY } from './company.ts';
import { deploy } from './deploy.ts';
import { commitAndPush, git } from './git.ts';
import { columns, formatSeconds, secondsBetween } from './narrator.ts';
import type { BuiltImage, Clones, Scene } from './scene.ts';
import { codeOwnersOf } from './set-up.ts';

/** The services of the monorepo. */
const SERVICES = `
  accounts basket catalog checkout coupons fraud gifts invoices loyalty mail
  payments prices ratings returns reviews search shipping stock tax wishlist
`
  .trim()
  .split(/\s+/);

/** How the race ended, for `--json`. */
export interface Race {
  readonly bumps: number;
  /** New commits on the branch. */
  readonly commits: number;
  /** Deploys whose image does not stand in the repository at the end. */
  readonly lost: number;
  /** Commits of an app beyond its first. */
  readonly twice: number;
  /** How often the repository was read and tried, all deploys together. */
  readonly attempts: number;
  readonly seconds: number;
  /** The head before and after. */
  readonly before: string;
  readonly after: string;
}

/** Chapter: many deploys of different apps at the same moment, to the same branch of one repository. */
export const race = (scene: Scene, clones: Clones, image: BuiltImage): Promise<Race> =>
  scene.narrator.chapter(`${SERVICES.length} deploys at the same moment`, async (chapter) => {
    const { company, timing } = scene;
    chapter.tell(
      `One merge in ${SHOP_REPOSITORY} rebuilds ${SERVICES.length} services, and ${SERVICES.length} jobs write to the same branch at once. A commit goes only on top of the newest one, so of those that read the same state only one can win. The others read again, compute their change again, and try again. (To save time, all of them deploy the image of web.)`,
    );
    chapter.working('adding the services');
    await addServices(scene, clones);
    const repository = company.github.repository(GITOPS_REPOSITORY);
    const before = await repository.head();
    const source = `${SHOP_REPOSITORY}@${await company.github.repository(SHOP_REPOSITORY).head()}`;

    chapter.working(`${SERVICES.length} deploys are on their way`);
    const start = timing.now();
    const outcomes = await Promise.all(
      SERVICES.map((app) =>
        deploy(company, { app, environment: 'production', image: image.image, source, build: 1 }, timing),
      ),
    );
    const seconds = secondsBetween(start, timing.now());

    await company.pull(clones.gitops);
    const after = await git(clones.gitops, ['rev-parse', 'HEAD'], company.platformEngineer);
    const changed = await changedFiles(scene, clones, before);
    const recorded = await recordedDigests(clones);
    const attempts = outcomes.map((outcome) => outcome.attempts);
    const total = attempts.reduce((sum, each) => sum + each, 0);
    const result: Race = {
      bumps: SERVICES.length,
      commits: changed.length,
      lost: SERVICES.filter((app) => recorded.get(app) !== image.digest).length,
      twice: changed.length - new Set(changed.flat()).size,
      attempts: total,
      seconds,
      before,
      after,
    };
    chapter.show(
      columns([
        ['deploys', 'new commits', 'lost', 'written twice', 'tries', 'most tries of one', 'time'],
        [
          String(result.bumps),
          String(result.commits),
          String(result.lost),
          String(result.twice),
          String(total),
          String(Math.max(...attempts)),
          formatSeconds(seconds),
        ],
      ]),
    );
    chapter.holds(
      `${SERVICES.length} deploys made ${SERVICES.length} commits, each of them changed the one file of its own app.`,
      {
        found: changed.map((files) => files.join(' ')).sort(),
        expected: SERVICES.map((app) => `apps/${app}/release.production.yaml`),
      },
    );
    chapter.holds('Nothing was lost: all of them stand in the repository at the end, and web as it was.', {
      found: Object.fromEntries(recorded),
      expected: Object.fromEntries([...SERVICES, 'web'].map((app) => [app, image.digest])),
    });
    return result;
  });

async function addServices({ company }: Scene, clones: Clones): Promise<void> {
  const repository = await openWorkingCopy(clones.gitops);
  const config = parseKajitoriYaml((await repository.read(KAJITORI_FILE)) ?? '');
  const webFile = 'apps/web/app.yaml';
  const apps = new Map<string, AppDefinition>([
    ['web', parseAppYaml((await repository.read(webFile)) ?? '', webFile)],
  ]);
  for (const app of SERVICES) {
    const codeOwners = await codeOwnersOf(clones.gitops);
    const files = newAppFiles(
      config,
      { app, team: 'shop', sources: [SHOP_REPOSITORY], kind: 'web' },
      { apps, codeOwners },
    );
    await repository.write(files);
    const file = `apps/${app}/app.yaml`;
    apps.set(app, parseAppYaml(files.get(file) ?? '', file));
  }
  await commitAndPush(clones.gitops, `Add ${SERVICES.length} services of the shop`, company.platformEngineer);
}

/** The files of each commit since `before`, by real git. */
async function changedFiles({ company }: Scene, clones: Clones, before: string): Promise<string[][]> {
  const log = await git(
    clones.gitops,
    ['log', '--format=tformat:commit', '--name-only', `${before}..HEAD`],
    company.platformEngineer,
  );
  return log
    .split(/^commit$/m)
    .slice(1)
    .map((files) => files.split('\n').filter((file) => file !== ''));
}

/** The digest that each app's production release file names. */
async function recordedDigests(clones: Clones): Promise<Map<string, unknown>> {
  const repository = await openWorkingCopy(clones.gitops);
  const digests = new Map<string, unknown>();
  for (const app of [...SERVICES, 'web']) {
    const file = `apps/${app}/release.production.yaml`;
    const text = await repository.read(file);
    digests.set(app, text === undefined ? undefined : parseYaml(text, { file }).get(['image', 'digest']));
  }
  return digests;
}
