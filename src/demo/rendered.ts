import { environmentOf, KAJITORI_FILE, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { renderApp } from '../render/app.ts';
import { imagesOf } from '../render/images.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';

/** What one cluster would run of an app, by helm. */
export interface RenderedCluster {
  readonly cluster: string;
  readonly kubernetes: string;
  /** `Deployment web-web`… in the order of the chart. */
  readonly objects: readonly string[];
  /** The different digests of all containers; one when all is well. */
  readonly digests: readonly string[];
}

/**
 * Renders an app for each cluster of an environment from a clone of the GitOps repository, by the same values as Argo
 * CD and by the real helm.
 */
export async function renderEverywhere(
  clone: string,
  app: string,
  environment: string,
  signal: AbortSignal,
): Promise<RenderedCluster[]> {
  const text = await (await openWorkingCopy(clone)).read(KAJITORI_FILE);
  const config = parseKajitoriYaml(text ?? '');
  const { clusters } = environmentOf(config, environment);
  return Promise.all(
    clusters.map(async ({ name, kubernetes }) => {
      const objects = await renderApp({ root: clone, config, app, environment, cluster: name, signal });
      const images = imagesOf(objects).map(({ image }) => image);
      return {
        cluster: name,
        kubernetes,
        objects: objects.map((object) => `${object.kind} ${object.metadata.name}`),
        digests: [...new Set(images.map((image) => image.split('@')[1] ?? `${image} (no digest)`))],
      };
    }),
  );
}
