import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Renderer } from '../../src/standin/argocd/git-source.ts';

/** Renders an app as one Deployment with the image of its release file: enough for a deploy, and no helm is needed. */
export const deployment: Renderer = async ({ app, environment }, _config, root) => {
  const text = await readFile(join(root, `apps/${app}/release.${environment}.yaml`), 'utf8');
  const { repository, tag, digest } = parse(text).image;
  const labels = { app };
  const containers = [{ name: app, image: `${repository}:${tag}@${digest}` }];
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: app, namespace: app },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    },
  ];
};
