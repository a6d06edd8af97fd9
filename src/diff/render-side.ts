import { execa } from 'execa';
import { renderApplications } from '../render/applications.ts';
import { chartFolder } from '../render/chart-store.ts';
import { openRenderCache, renderCacheFolder } from '../render/render-cache.ts';
import type { DiffDependencies } from './run-diff.ts';

export interface Renderer {
  readonly render: DiffDependencies['render'];
  /** Makes the cache small again, at the end. */
  readonly close: () => Promise<void>;
}

/** Renders with the tools of this machine. What was rendered, and charts from elsewhere, are kept for the next time. */
export function openRenderer(environment: NodeJS.ProcessEnv, now: () => number): Renderer {
  const folder = renderCacheFolder(environment);
  const charts = chartFolder(environment);
  // Asked while applications are looked for; where there is no helm, rendering says so in its own words.
  const cache = execa('helm', ['version', '--template', '{{.Version}}'], {
    reject: false,
  }).then(({ exitCode, stdout }) =>
    exitCode === 0 ? openRenderCache(folder, { helmVersion: stdout, now }) : undefined,
  );
  return {
    render: async (applications, { root, revision }) => {
      const kept = await cache;
      return renderApplications(
        applications,
        { root, revision, charts },
        kept === undefined ? {} : { cache: kept },
      );
    },
    close: async () => (await cache)?.prune(),
  };
}
