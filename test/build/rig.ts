import { mkdir, mkdtempDisposable, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { toolPath } from '../../scripts/tools.ts';
import { type Distribution, startDistribution } from '../../src/standin/ecr/distribution.ts';
import { type EcrStandin, startEcr } from '../../src/standin/ecr/server.ts';
import { claimsOf, type OidcIssuer, startOidcIssuer } from '../kms/oidc-issuer.ts';
import { startBuildKit } from './buildkit.ts';

/** Everything that a build talks to, on this machine: BuildKit, registries of AWS and of the world, AWS, GitHub's OIDC. */
export interface BuildRig extends AsyncDisposable {
  readonly ecr: EcrStandin;
  readonly issuer: OidcIssuer;
  /** Stands for docker.io, over plain HTTP. */
  readonly dockerHub: Distribution;
  /** The folder of config.json, with buildx as a plugin and the builder. */
  readonly dockerConfig: string;
  /** For processes, `docker` among them: PATH, DOCKER_CONFIG, the way to AWS; neither keys nor a run's OIDC token. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs `docker` to its end, and throws when it fails. */
  docker(...args: readonly string[]): Promise<string>;
}

/**
 * Starts the rig; about two seconds. `whyNoBuildKit` says whether this machine can.
 *
 * @throws Failure where `scripts/setup test` has not run
 */
export async function startBuildRig(): Promise<BuildRig> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await mkdtempDisposable(path.join(tmpdir(), 'kajitori-rig-')));
  const issuer = started.use(
    await startOidcIssuer({
      sub: 'repo:acme/web:ref:refs/heads/main',
      job_workflow_ref: 'kajitori/kajitori/.github/workflows/build-image.yml@refs/tags/v1',
    }),
  );
  const [ecr, dockerHub] = await Promise.all([
    startEcr({ verifyToken: (token) => claimsOf(token, issuer.publicKey) }).then((it) => started.use(it)),
    startDistribution().then((it) => started.use(it)),
  ]);
  const buildKit = started.use(await startBuildKit({ env: ecr.env, mirror: dockerHub.host }));
  const dockerConfig = path.join(folder.path, 'docker');
  await mkdir(path.join(dockerConfig, 'cli-plugins'), { recursive: true });
  await symlink(toolPath('buildx'), path.join(dockerConfig, 'cli-plugins/docker-buildx'));
  const env = {
    ...ecr.env,
    PATH: process.env.PATH ?? '',
    HOME: folder.path,
    DOCKER_CONFIG: dockerConfig,
    BUILDX_BUILDER: 'rig',
  };
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await execa('docker', args, { env, extendEnv: false, stdin: 'ignore' });
    return stdout;
  };
  await docker('buildx', 'create', '--name', 'rig', '--driver', 'remote', buildKit.address);
  const all = started.move();
  return {
    ecr,
    issuer,
    dockerHub,
    dockerConfig,
    env,
    docker,
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}
