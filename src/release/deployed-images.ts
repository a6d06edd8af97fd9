import { environmentOf } from '../config/kajitori-yaml.ts';
import type { Tree } from '../repository/tree.ts';
import { readConfig } from './app-files.ts';
import type { ImageReference } from './image-reference.ts';
import { readRelease } from './release-record.ts';

/** One image that an environment runs, and where it is pulled from. */
export interface DeployedImage extends ImageReference {
  readonly build: number | undefined;
  readonly environment: string;
  readonly clusters: ReturnType<typeof environmentOf>['clusters'];
  /** `registries` of kajitori.yaml. */
  readonly registries: readonly string[];
}

/**
 * What apps run in an environment, as a tree says.
 *
 * @throws Failure (exit 2) for a file that cannot be read
 */
export async function deployedImages(
  tree: Tree,
  apps: readonly string[],
  environment: string,
): Promise<readonly DeployedImage[]> {
  const config = await readConfig(tree);
  const { clusters } = environmentOf(config, environment);
  const { registries } = config;
  const records = await Promise.all(
    apps.map((app) => readRelease((file) => tree.read(file), config, app, environment)),
  );
  return records.flatMap((record) =>
    [...(record?.images.values() ?? [])].map(({ image, build }) => ({
      ...image,
      build: build?.build,
      environment,
      clusters,
      registries,
    })),
  );
}
