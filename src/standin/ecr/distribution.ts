import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startServer } from './started-server.ts';

/** An OCI registry on this machine's loopback, by the distribution project; what it holds is gone with it. */
export interface Distribution extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:41235`, for references. */
  readonly host: string;
}

/**
 * Starts `docker-registry`.
 *
 * It is stricter than others of its size: blobs belong to a repository, uploads are checked by digest, and a manifest is
 * taken only when everything that it names is there.
 */
export async function startDistribution(): Promise<Distribution> {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-registry-'));
  const config = path.join(folder.path, 'config.json');
  await writeFile(
    config,
    // YAML, of which JSON is a part.
    JSON.stringify({
      version: 0.1,
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: folder.path }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0', relativeurls: true },
    }),
  );
  const server = await startServer(['docker-registry', 'serve', config], /listening on 127\.0\.0\.1:(\d+)/, {
    OTEL_TRACES_EXPORTER: 'none',
  });
  return {
    port: Number(server.said),
    host: `127.0.0.1:${server.said}`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder.remove();
    },
  };
}
