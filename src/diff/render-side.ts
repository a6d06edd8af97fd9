import type { KnownDocuments } from '../helm/documents.ts';
import { openUserRenderCache, type RenderCache } from '../helm/render-cache.ts';
import { renderApplications } from '../render/applications.ts';
import { chartFolder, pruneCharts } from '../render/chart-store.ts';
import type { RenderWorld } from '../render/world.ts';
import type { DiffDependencies } from './run-diff.ts';

export interface Renderer {
  readonly render: DiffDependencies['render'];
  /** Makes the cache and the store of charts small again, at the end. */
  readonly close: () => Promise<void>;
}

/** Fewer than this are rendered as fast as they are looked up. */
const WORTH_KEEPING = 20;

/** Renders with the tools of this machine. Charts from elsewhere are kept for the next time, and so is much that was rendered. */
export function openRenderer(environment: NodeJS.ProcessEnv, now: () => number): Renderer {
  const charts = chartFolder(environment);
  let opened: Promise<RenderCache | undefined> | undefined;
  const known: KnownDocuments = new Map();
  const worlds: RenderWorld[] = [];
  return {
    render: async (applications, { root, revision }) => {
      if (applications.length >= WORTH_KEEPING) opened ??= openUserRenderCache(environment, now);
      const cache = await opened;
      const world = { root, revision, charts, now };
      worlds.push(world);
      return renderApplications(applications, world, cache === undefined ? { known } : { cache });
    },
    close: async () => {
      await (await opened)?.prune();
      for (const world of worlds) await pruneCharts(world);
    },
  };
}
