import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import type { BuildRig } from './rig.ts';

/** A folder for DOCKER_CONFIG that is signed in to one registry, as whoever pulls is. */
export async function signedInConfig(rig: BuildRig, role: string, region: string) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = rig.ecr.keys(role);
  const ecr = new ECRClient({
    region,
    endpoint: rig.ecr.endpoint,
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
  });
  const { authorizationData: [data] = [] } = await ecr.send(new GetAuthorizationTokenCommand({}));
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-pull-'));
  const host = new URL(data?.proxyEndpoint ?? '').host;
  const config = { auths: { [host]: { auth: data?.authorizationToken } } };
  await writeFile(path.join(folder.path, 'config.json'), JSON.stringify(config));
  return folder;
}
