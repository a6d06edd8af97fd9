import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { startServer } from '../../src/standin/ecr/started-server.ts';

/** BuildKit without a Docker engine. */
export interface BuildKit extends AsyncDisposable {
  /** For `docker buildx create --driver remote`. */
  readonly address: string;
}

/** BuildKit mounts file systems, which needs root. */
const asRoot = (): readonly string[] => (process.getuid?.() === 0 ? [] : ['sudo', '-n', '-E']);

/** Why BuildKit cannot run on this machine, or undefined when it can. */
export async function whyNoBuildKit(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'BuildKit builds on Linux only';
  const [program, ...args] = [...asRoot(), 'unshare', '--mount', 'true'];
  const { failed } = await execa(program, args, { reject: false, stdin: 'ignore' });
  return failed ? 'BuildKit has to mount: it needs root, or sudo without a password' : undefined;
}

/**
 * Starts buildkitd with an empty cache.
 *
 * @param options.env how it reaches registries (HTTPS_PROXY, SSL_CERT_FILE)
 * @param options.mirror the registry (`127.0.0.1:41235`) that stands for docker.io
 */
export async function startBuildKit(options: {
  readonly env: Readonly<Record<string, string>>;
  readonly mirror: string;
}): Promise<BuildKit> {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-buildkit-'));
  const config = path.join(folder.path, 'buildkitd.toml');
  const address = `unix://${folder.path}/buildkitd.sock`;
  await writeFile(
    config,
    `root = "${folder.path}/root"
[grpc]
  address = ["${address}"]
  gid = ${process.getgid?.() ?? 0}
[worker.oci]
  enabled = true
  # Works on any file system, and inside containers.
  snapshotter = "native"
  networkMode = "host"
  gc = false
  # Others would be emulated; what they RUN does not run here.
  platforms = ["linux/amd64", "linux/arm64"]
[worker.containerd]
  enabled = false
[registry."docker.io"]
  mirrors = ["${options.mirror}"]
[registry."${options.mirror}"]
  http = true
`,
  );
  const server = await startServer(
    [...asRoot(), 'buildkitd', '--config', config],
    /running server on/,
    // Debian keeps runc where only root looks.
    { ...options.env, PATH: `${process.env.PATH}:/usr/sbin` },
  );
  return {
    address,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      const [program, ...args] = [...asRoot(), 'rm', '-rf', folder.path];
      await execa(program, args, { reject: false });
    },
  };
}
