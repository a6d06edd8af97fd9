/**
 * How long an image takes, by us and by plain `docker buildx build --push` with its cache in the registry, in one run.
 *
 * 1. cold: an empty BuildKit, an empty registry
 * 2. cache hit: a new commit that changes one small file of the context
 * 3. content hit: a new commit that changes nothing in the context; plain buildx builds again, all of it from the cache
 * 4. re-run: the same commit again
 *
 * BuildKit is emptied before every measurement, as it is on a fresh runner. Registry, BuildKit and AWS run on this machine
 * (test/build/rig.ts): there is no network in between, for us nor for the peer. Our action is bundled, as users get it, and
 * started as a process, sign-in and all. Options:
 *
 *   --runs 4         rounds; medians are compared
 *   --megabytes 120  size of the context, half of it compressible
 *   --files 3000     number of its files
 */
import { randomBytes } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdtempDisposable, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { bundle, suiteEntries } from '../scripts/bundle.ts';
import { couldNot } from '../src/report/failure.ts';
import { type ActionRun, type AppRepository, createAppRepository } from '../test/build/app-repository.ts';
import { whyNoBuildKit } from '../test/build/buildkit.ts';
import { signedInConfig } from '../test/build/docker-config.ts';
import { type BuildRig, startBuildRig } from '../test/build/rig.ts';
import type { Figures } from './main.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const ACCOUNT = '111111111111';
const REGION = 'ap-northeast-1';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/build`;
const REGISTRY = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com`;

const STEPS = ['cold', 'cache hit', 'content hit', 're-run'] as const;
type Step = (typeof STEPS)[number];
type Times = Record<Step, number>;

const DOCKERFILE = 'FROM scratch\nCOPY vendor /vendor\nCOPY src /src\n';

function contextFiles(files: number, megabytes: number): Record<string, Buffer> {
  const size = Math.floor((megabytes * 1_000_000) / files);
  return Object.fromEntries(
    Array.from({ length: files }, (_, number) => {
      const half = Math.floor(size / 2);
      return [
        `app/vendor/${number % 50}/${number}`,
        Buffer.concat([randomBytes(half), Buffer.alloc(size - half, `${number} `)]),
      ];
    }),
  );
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = 0, high = low] = [Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2)].map(
    (at) => sorted[at] ?? 0,
  );
  return (low + high) / 2;
};

/** Milliseconds. */
async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** What people write by hand. Milliseconds; that they sign in before is not counted. */
async function plainBuild(rig: BuildRig, app: AppRepository, name: string, commit: string): Promise<number> {
  await using config = await signedInConfig(rig, ROLE, REGION);
  await symlink(path.join(rig.dockerConfig, 'cli-plugins'), path.join(config.path, 'cli-plugins'));
  const repository = `${REGISTRY}/${name}`;
  const cache = `type=registry,ref=${repository}:cache-main`;
  const started = performance.now();
  await execa(
    'docker',
    [
      ['buildx', 'build', '--push', `--tag=${repository}:${commit}`, `--cache-from=${cache}`],
      [`--cache-to=${cache},mode=max,image-manifest=true,oci-mediatypes=true`, `${app.folder}/app`],
    ].flat(),
    {
      env: { ...rig.env, DOCKER_CONFIG: config.path, BUILDX_CONFIG: path.join(rig.dockerConfig, 'buildx') },
      extendEnv: false,
      stdin: 'ignore',
    },
  );
  return performance.now() - started;
}

async function ourBuild(
  app: AppRepository,
  name: string,
  outcome: string,
  inputs: Readonly<Record<string, string>> = { context: 'app' },
): Promise<void> {
  const run: ActionRun = await app.build({
    name,
    registries: `${ACCOUNT}/${REGION} ${ROLE}`,
    ...inputs,
  });
  if (run.exitCode !== 0 || run.outputs.outcome !== outcome) {
    throw couldNot(`our build was ${run.outputs.outcome} instead of ${outcome}: ${run.log.slice(-2000)}`);
  }
}

/** One round: all steps of both, in repositories of their own. */
async function round(
  rig: BuildRig,
  app: AppRepository,
  number: number,
): Promise<{ ours: Times; plain: Times }> {
  const [peer, us] = [`peer-${number}`, `ours-${number}`];
  const fresh = () => rig.docker('buildx', 'prune', '--all', '--force');
  const times = { ours: {} as Times, plain: {} as Times };
  let commit = await app.commit({ 'app/src/main': `round ${number}` });
  // The peer's repository is made before, since it cannot make one: by a push of something else, without a cache, or nothing
  // would be cold for the peer any more.
  await ourBuild(app, peer, 'built', { context: 'seed', cache: 'false' });
  const step = async (name: Step, outcome: string) => {
    const plain = async () => {
      await fresh();
      times.plain[name] = await plainBuild(rig, app, peer, `${commit}-${name.replace(' ', '-')}`);
    };
    const ours = async () => {
      await fresh();
      times.ours[name] = await timed(() => ourBuild(app, us, outcome));
    };
    // Who is second pays for what the first one left to be written to the disk: they take turns.
    for (const build of number % 2 === 0 ? [ours, plain] : [plain, ours]) await build();
  };
  // Not what was left by making the repository.
  await rig.docker('buildx', 'prune', '--all', '--force');
  commit = await app.commit({ 'app/src/main': `round ${number}, cold` });
  await step('cold', 'built');
  commit = await app.commit({ 'app/src/main': `round ${number}, changed` });
  await step('cache hit', 'built');
  commit = await app.commit({ 'README.md': `round ${number}` });
  await step('content hit', 'retagged');
  await step('re-run', 'existed');
  return times;
}

export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '4' },
      megabytes: { type: 'string', default: '120' },
      files: { type: 'string', default: '3000' },
    },
  });
  const [runs, megabytes, files] = [values.runs, values.megabytes, values.files].map(Number);
  if (!runs || !megabytes || !files || ![runs, megabytes, files].every((each) => each > 0)) {
    throw couldNot('--runs, --megabytes and --files are numbers above 0');
  }
  const why = await whyNoBuildKit();
  if (why !== undefined) throw couldNot(why);
  await using dist = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-bench-build-'));
  await bundle(
    suiteEntries(globSync('actions/*/main.ts', { cwd: root })),
    root,
    path.join(dist.path, 'dist'),
  );
  await using rig = await startBuildRig();
  rig.ecr.role(ROLE, { allow: ['ecr:*'], webIdentity: { subject: 'repo:acme/web:*' } });
  await using app = await createAppRepository(rig, path.join(dist.path, 'dist/build-image.js'));
  await app.commit({
    'app/Dockerfile': DOCKERFILE,
    'seed/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n',
    ...contextFiles(files, megabytes),
  });

  const rounds: { ours: Times; plain: Times }[] = [];
  for (let number = 1; number <= runs; number += 1) rounds.push(await round(rig, app, number));
  const of = (who: 'ours' | 'plain', step: Step) => median(rounds.map((times) => times[who][step]));
  const row = (name: string, ...cells: readonly string[]) =>
    console.log(name.padEnd(14) + cells.map((cell) => cell.padStart(12)).join(''));
  console.log(
    `an image of ${megabytes} MB in ${files} files, ${runs} rounds, medians, BuildKit empty each time\n`,
  );
  row('', 'ours s', 'plain s', 'ratio');
  for (const step of STEPS) {
    const [ours, plain] = [of('ours', step), of('plain', step)];
    row(step, (ours / 1000).toFixed(2), (plain / 1000).toFixed(2), (ours / plain).toFixed(3));
  }
  console.log('');
  const ratio = (step: Step, to: Step = step) => Number((of('ours', step) / of('plain', to)).toFixed(3));
  return {
    contentHitRatio: ratio('content hit'),
    coldRatio: ratio('cold'),
    cacheHitRatio: ratio('cache hit'),
    rerunRatio: ratio('re-run'),
    contentHitMs: Math.round(of('ours', 'content hit')),
    cachedPlainMs: Math.round(of('plain', 'content hit')),
  };
}
