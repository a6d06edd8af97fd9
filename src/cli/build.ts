import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { assetStage } from '../build/asset-stage.ts';
import { type BuildInputs, runBuild } from '../build/build.ts';
import { buildAssets, builtAssetLines } from '../build/build-assets.ts';
import { buildJson, buildText } from '../build/build-report.ts';
import type { BuildRequest } from '../build/build-request.ts';
import { readSource } from '../build/build-source.ts';
import { endedFromOutside } from '../build/ended-from-outside.ts';
import { type BuildMachine, openBuild } from '../build/open-build.ts';
import { repositoryPlan } from '../build/repository-defaults.ts';
import { buildRequests, type NamedOutputs, outputsByName } from '../build/several-images.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

interface BuildOptions extends CommonOptions {
  readonly name: string;
  readonly registry: readonly string[];
  readonly role?: string;
  readonly context?: string;
  readonly dockerfile?: string;
  readonly target?: string;
  readonly buildArg?: readonly string[];
  readonly secret?: readonly string[];
  readonly images?: string;
  readonly platforms?: string;
  readonly buildContext?: readonly string[];
  readonly tag?: readonly string[];
  readonly cache: boolean;
  readonly provenance?: string;
  readonly sbom?: boolean;
  readonly reproducible?: boolean;
  readonly createRepository?: boolean;
  readonly environments: string;
  readonly pullAccounts?: string;
  readonly assetsTarget?: string;
  readonly assetsPath?: string;
  readonly assetsTo?: string;
  readonly assetsRegion?: string;
  readonly assetsRole?: string;
  readonly assetsCacheControl: string;
  readonly force?: boolean;
}

/** `kajitori build`. */
export function buildCommand(): Command {
  return new Command('build')
    .description(
      'Build an image once and bring it to ECR in every account; build nothing that was built before.',
    )
    .requiredOption('--name <repository>', 'the repository in ECR, like web or shop/web')
    .requiredOption(
      '--registry <account/region [role]>',
      'where it goes, with the roles to assume; may be repeated',
      repeated,
    )
    .option(
      '--role <arn>',
      'the role for registries that name none (default: the credentials of this machine)',
    )
    .option('--context <folder>', 'the folder to build (default: this one)')
    .option('--dockerfile <file>', 'the Dockerfile (default: Dockerfile in the context)')
    .option('--target <stage>', 'the stage of the Dockerfile')
    .option('--build-arg <name=value>', 'not secret; may be repeated', repeated)
    .option('--secret <id=env:VARIABLE|id=file:PATH>', 'where a secret is; may be repeated', repeated)
    .option('--images <file>', 'several images: YAML as the input images of actions/build-image')
    .option('--platforms <list>', 'like linux/amd64,linux/arm64 (default: linux/amd64)')
    .option('--build-context <name=folder>', 'may be repeated', repeated)
    .option('--tag <tag>', 'one more tag that never moves; may be repeated', repeated)
    .option('--no-cache', 'read no layers from the first registry')
    .option('--provenance <max|min|none>', 'what is recorded of the build (default: max)')
    .option('--sbom', 'attach a list of the packages in the image')
    .option('--reproducible', "give the files in layers the commit's time; takes up to twice as long")
    .option('--create-repository', 'create the repository where it is missing')
    .option('--environments <list>', 'for a created repository', 'staging,production')
    .option('--pull-accounts <list>', 'for a created repository: accounts of the clusters that pull')
    .option('--assets-target <stage>', 'a stage whose files go to S3 before the image gets a tag')
    .option('--assets-path <folder>', 'with --assets-target: the folder in that stage (default: /)')
    .option('--assets-to <s3://bucket/prefix>', 'with --assets-target: where they go')
    .option('--assets-region <region>', 'of the bucket (default: that of the first registry)')
    .option('--assets-role <arn>', 'the role that uploads (default: that of the first registry)')
    .option('--assets-cache-control <header>', 'for names without a digest', 'public, max-age=300')
    .option('--force', 'build also when the same content was built before')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  Build the image of this commit for two accounts, in the root of the app's repository:
    kajitori build --name web --platforms linux/amd64,linux/arm64 \\
      --registry 111111111111/ap-northeast-1 \\
      --registry "222222222222/us-east-1 arn:aws:iam::222222222222:role/push"
  With its assets, from a stage of the Dockerfile:
    kajitori build --name web --registry 111111111111/ap-northeast-1 \\
      --assets-target assets --assets-path /public --assets-to s3://acme-assets/web
  Several, each in a repository of its own (web-app, web-nginx):
    echo '{ app: { target: app }, nginx: { context: nginx } }' > images.yaml
    kajitori build --name web --registry 111111111111/ap-northeast-1 --images images.yaml`,
    )
    .action((options: BuildOptions) => runCommand(options, () => build(options)));
}

async function build(options: BuildOptions) {
  const written = {
    repository: options.name,
    targets: options.registry.join('\n'),
    role: options.role,
    context: options.context,
    dockerfile: options.dockerfile,
    stage: options.target,
    args: options.buildArg?.join('\n'),
    secrets: options.secret?.join('\n'),
    platforms: options.platforms,
    contexts: options.buildContext?.join('\n'),
    tags: options.tag?.join(','),
    cache: options.cache,
    provenance: options.provenance,
    sbom: options.sbom ?? false,
    reproducible: options.reproducible ?? false,
    createRepository: options.createRepository ?? false,
  };
  const requests = await buildRequests(written, await readImages(options.images), options.images);
  const plan = repositoryPlan(options.environments, options.pullAccounts);
  const workspace = process.cwd();
  const source = await readSource(workspace, undefined);
  const machine: BuildMachine = {
    workspace,
    env: process.env,
    sessionName: 'kajitori-build',
    plan,
    timing: systemTiming,
    onLine: progress,
    onStep: progress,
    onSecret: () => undefined,
    signal: endedFromOutside(),
  };
  const built: NamedOutputs[] = [];
  const assets: string[] = [];
  for (const { name, request } of requests) {
    const inputs = { request, stage: { kind: 'whole' }, source, force: options.force ?? false } as const;
    const deps = await openBuild(inputs, machine);
    // Once, by what the first image is built from.
    if (built.length === 0)
      assets.push(...(await uploadBuiltAssets(options, request, machine, inputs, deps)));
    built.push({ name, outputs: await runBuild(inputs, deps) });
  }
  const [only] = options.images === undefined ? built : [];
  return {
    text: [...assets, ...built.map(({ outputs }) => buildText(outputs))].join('\n'),
    json: only === undefined ? outputsByName(built) : buildJson(only.outputs),
  };
}

/** Brings the assets that are asked for to S3; what was done, in lines. */
async function uploadBuiltAssets(
  options: BuildOptions,
  request: BuildRequest,
  machine: BuildMachine,
  { force, source }: Pick<BuildInputs, 'force' | 'source'>,
  deps: Awaited<ReturnType<typeof openBuild>>,
): Promise<readonly string[]> {
  const asked = await assetStage(
    {
      target: options.assetsTarget,
      path: options.assetsPath,
      to: options.assetsTo,
      region: options.assetsRegion,
      role: options.assetsRole,
      cacheControl: options.assetsCacheControl,
    },
    request,
    machine,
  );
  if (asked === undefined) return [];
  const { assets, bucket } = asked;
  const done = await buildAssets(assets, force, source.commit, { ...deps, bucket, signal: machine.signal });
  return builtAssetLines(done, assets.target);
}

async function readImages(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw couldNot(`${file} cannot be read.`, {
      todo: 'Name a file with the images: a map by name (actions/build-image/README.md).',
      reason: 'no-file',
      cause,
    });
  });
}
