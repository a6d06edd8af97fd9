import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RegistryAuthorization } from '../aws/ecr.ts';
import { httpsAgent } from '../aws/https-agent.ts';
import type { RepositoryPlan } from '../aws/repository-plan.ts';
import { fullJitter, type Timing } from '../github/timing.ts';
import { couldNot, type Failure } from '../report/failure.ts';
import { baseImages } from './base-images.ts';
import type { BuildDeps, BuildInputs, Built, Content } from './build.ts';
import type { BuildAssetsDeps } from './build-assets.ts';
import { type BuildFailure, type BuildLog, readBuildLog } from './build-log.ts';
import { identityOf } from './build-target.ts';
import { buildxArguments, exportArguments, imageLabels, joinArguments } from './buildx-arguments.ts';
import { contentKey, contentTag } from './content-key.ts';
import { readGitContent } from './git-content.ts';
import { cacheTags } from './image-tags.ts';
import type { DockerResult } from './run-buildx.ts';
import { buildPaths, secretValues } from './workspace.ts';

/** The machine that a build runs on. */
export interface BuildMachine {
  /** The checked-out repository, absolute. */
  readonly workspace: string;
  /** For `docker`, and where secrets of the kind `env` are. */
  readonly env: NodeJS.ProcessEnv;
  /** Asks GitHub for the run's OIDC token; undefined where there is none to ask for. */
  readonly idToken?: (() => Promise<string>) | undefined;
  /** Shown in CloudTrail. */
  readonly sessionName: string;
  /** How a repository is made, and what is called drift. */
  readonly plan: RepositoryPlan;
  readonly timing: Timing;
  /** Lines of `docker`, masked. */
  readonly onLine: (line: string) => void;
  readonly onStep: (text: string) => void;
  /** Told every secret before it is used. */
  readonly onSecret: (value: string) => void;
  /** Ends the build. */
  readonly signal?: AbortSignal | undefined;
}

/** How often a build is tried again when the registry stumbled: what was pushed is not pushed again. */
const ATTEMPTS = 3;
const BACK_OFF = { baseMs: 1_000, capMs: 15_000 };

/**
 * What `runBuild` needs, made of this machine: files, git, AWS and `docker`.
 *
 * @throws Failure of the paths and secrets of the request
 */
export async function openBuild(
  inputs: BuildInputs,
  machine: BuildMachine,
): Promise<BuildDeps & Pick<BuildAssetsDeps, 'exportStage'>> {
  const { request, source } = inputs;
  const { timing } = machine;
  const paths = await buildPaths(request, machine.workspace);
  const secrets = await secretValues(request.secrets, paths.workspace, machine.env);
  for (const value of secrets) machine.onSecret(value);
  const labels = imageLabels({
    repositoryUrl: source.url,
    commit: source.commit,
    committedAt: source.committedAt,
    version: source.ref.tag ?? source.commit,
  });
  const agent = httpsAgent();
  const dockerEnv = withoutRunner(machine.env);
  const dockerfile = path.relative(paths.workspace, paths.dockerfile);

  /** Asks every registry for its password. The SDK is loaded while git runs. */
  const authorize = async () => {
    const { authorization, openEcr } = await import('../aws/ecr.ts');
    return request.targets.map((target) => {
      const ecr = openEcr(identityOf(target, machine));
      const token = authorization(ecr).then((it) => {
        machine.onSecret(it.password);
        return it;
      });
      return { target, ecr, token };
    });
  };
  let tokens: readonly RegistryAuthorization[] = [];
  let opening: ReturnType<typeof authorize> | undefined;
  const open = () => {
    opening ??= authorize();
    return opening;
  };
  const signIn = async (opened = open()) => {
    tokens = await Promise.all((await opened).map(({ token }) => token));
    return tokens;
  };
  /** With Docker's configuration for it. What runs docker is loaded now: most builds find that they need not. */
  const signedIn = async <T>(
    body: (docker: typeof import('./run-buildx.ts').runDocker, env: NodeJS.ProcessEnv) => Promise<T>,
  ): Promise<T> => {
    const [{ withDockerConfig }, { runDocker }] = await Promise.all([
      import('./docker-config.ts'),
      import('./run-buildx.ts'),
    ]);
    return withDockerConfig(tokens, dockerEnv, (env) => body(runDocker, env));
  };

  /** Runs docker, signed in to the registries; again where the registry stumbled. */
  const docker = async (args: readonly string[]): Promise<{ result: DockerResult; log: BuildLog }> => {
    for (let attempt = 1; ; attempt += 1) {
      const result = await signedIn((runDocker, env) =>
        runDocker(args, {
          env: {
            ...env,
            // The image and its history get the commit's time (reproducible-builds.org, SOURCE_DATE_EPOCH).
            SOURCE_DATE_EPOCH: String(source.committedAt.getTime() / 1000),
          },
          cwd: paths.workspace,
          secrets: [...secrets, ...tokens.map(({ password }) => password)],
          onLine: machine.onLine,
          signal: machine.signal,
        }),
      );
      const log = readBuildLog(result.text);
      const mayPass = log.failure === 'registry' || log.failure === 'token';
      if (result.ok || machine.signal?.aborted === true || !mayPass || attempt === ATTEMPTS)
        return { result, log };
      machine.onStep(
        `the registry stumbled (${log.error?.split('\n')[0]}); attempt ${attempt + 1} of ${ATTEMPTS}`,
      );
      await timing.sleep(fullJitter(attempt, BACK_OFF, timing.random));
      await signIn(authorize());
    }
  };

  /** The digest of a base image as registries have it now; undefined where they do not say. */
  const resolveBase = async (image: string): Promise<string | undefined> => {
    const digest = /@(sha256:[a-f\d]{64})$/.exec(image)?.[1];
    if (digest !== undefined) return digest;
    await signIn();
    const result = await signedIn((runDocker, env) =>
      runDocker(['buildx', 'imagetools', 'inspect', '--format={{.Manifest.Digest}}', image], {
        env,
        cwd: paths.workspace,
        secrets: [],
        onLine: () => undefined,
        signal: machine.signal,
      }),
    );
    return result.ok ? /^sha256:[a-f\d]{64}$/m.exec(result.text)?.[0] : undefined;
  };

  const readContent = async (): Promise<Content> => {
    const contexts = Object.entries(paths.contexts);
    const isImage = (value: string) => value.startsWith('docker-image://');
    const [git, text] = await Promise.all([
      readGitContent({
        context: paths.context,
        dockerfile: paths.dockerfile,
        contexts: Object.fromEntries(contexts.filter(([, value]) => !isImage(value))),
      }),
      readFile(paths.dockerfile, 'utf8'),
    ]);
    const { images, unclear } = baseImages(text, request.args, Object.keys(paths.contexts));
    const named = contexts.flatMap(([, value]) =>
      isImage(value) ? [value.slice('docker-image://'.length)] : [],
    );
    const digests = await Promise.all(
      [...new Set([...images, ...named])].map(async (image) => [image, await resolveBase(image)] as const),
    );
    const key = contentKey({
      ...(git ?? { context: '', dockerfile: '' }),
      contexts: {
        ...git?.contexts,
        ...Object.fromEntries(contexts.filter(([, value]) => isImage(value))),
      },
      args: request.args,
      ...(request.stage === undefined ? {} : { target: request.stage }),
      platforms: request.platforms,
      bases: Object.fromEntries(digests.map(([image, digest]) => [image, digest ?? ''])),
    });
    return {
      tag: contentTag(key),
      unclear: [
        ...(git?.dirty ?? ['the context is in no git repository']),
        ...unclear,
        ...digests.flatMap(([image, digest]) =>
          digest === undefined ? [`the digest of ${image} could not be read`] : [],
        ),
      ],
    };
  };

  let content: Promise<Content> | undefined;
  return {
    now: timing.now,
    onStep: machine.onStep,
    contentKey: () => {
      content ??= readContent();
      return content;
    },
    exportStage: async (stage) => {
      const repositories = (await signIn()).map(({ host }) => `${host}/${request.repository}`);
      const { platforms } = request;
      const cache = cacheTags({ ...source, branch: source.ref.branch });
      await using folder = new AsyncDisposableStack();
      const { path: dest } = folder.use(await mkdtempDisposable(path.join(tmpdir(), 'kajitori-assets-')));
      const call = { request, paths, repositories, platforms, cache, labels, metadataFile: '' };
      const { result, log } = await docker(exportArguments(call, stage, dest));
      if (!result.ok) throw buildFailed(log, dockerfile, machine.signal);
      const kept = folder.move();
      return { path: dest, [Symbol.asyncDispose]: () => kept.disposeAsync() };
    },
    openRegistries: async (tags) => {
      const { openEcrRegistry } = await import('./ecr-registry.ts');
      const registries = (await open()).map(({ target, ecr, token }, at) =>
        openEcrRegistry({
          ecr,
          account: target.account,
          repository: request.repository,
          place: token.then((authorization) => ({
            registry: { authorization, identity: ecr.identity, agent, timing },
            repository: request.repository,
          })),
          tags: tags(at),
          rules: { plan: machine.plan, mayCreate: request.createRepository },
        }),
      );
      const [, ...all] = await Promise.all([signIn(), ...registries]);
      return all;
    },
    build: async (repositories, platforms, cache): Promise<Built> => {
      await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-build-'));
      const metadataFile = path.join(folder.path, 'metadata.json');
      const { result, log } = await docker(
        buildxArguments({ request, paths, repositories, platforms, cache, labels, metadataFile }),
      );
      if (!result.ok) throw buildFailed(log, dockerfile, machine.signal);
      const { digestOfMetadata } = await import('./run-buildx.ts');
      return { digest: await digestOfMetadata(metadataFile), steps: log.steps, cached: log.cached };
    },
    join: async (repository, digests, tag) => {
      const { result, log } = await docker(joinArguments(repository, digests, tag, labels));
      if (result.ok) return 'put';
      if (log.failure === 'tag-taken') return 'taken';
      throw buildFailed(log, dockerfile, machine.signal);
    },
  };
}

/**
 * The environment without what the runner gives to our action alone: its inputs, and what gets OIDC tokens of the run. Neither
 * Docker nor a plugin of it needs them, and a Dockerfile is the app's code.
 */
const withoutRunner = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:INPUT|ACTIONS)_/.test(name)));

const TODOS: Readonly<Record<BuildFailure, string>> = {
  registry: 'The registry did not recover: run it again. No tag was written.',
  token: 'Run it again; a build that takes longer than 12 hours cannot be pushed.',
  denied:
    'Allow the role ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repository (actions/build-image/README.md).',
  'tag-taken': 'The tag is immutable and taken: run it again, it takes the image that is there.',
  build:
    'Look at the line of the Dockerfile and at the log above; `docker build` shows the same on a laptop.',
  'no-builder':
    'Set a builder up in a step before (docker/setup-buildx-action), or name one by BUILDX_BUILDER.',
};

function buildFailed(log: BuildLog, dockerfile: string, signal: AbortSignal | undefined): Failure {
  if (signal?.aborted === true) {
    return couldNot('The build was ended from outside. No tag was written.', {
      todo: 'Run it again.',
      reason: 'cancelled',
    });
  }
  const failure = log.failure ?? 'build';
  return couldNot(`docker buildx failed: ${log.error ?? 'it did not say why, see the log above'}`, {
    todo: TODOS[failure],
    reason: `build-${failure}`,
    // buildx names the file without its folder.
    ...(log.at === undefined ? {} : { at: { ...log.at, file: dockerfile } }),
  });
}
