import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile, layoutOf } from '../config/layout.ts';
import { nameHint } from '../config/nearest.ts';
import { couldNot } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';

/**
 * @throws Failure (exit 2): `other-layout` where apps are not of the standard chart, `unknown-app` with the nearest name
 */
export async function demandStandardApp(tree: Tree, config: KajitoriConfig, app: string): Promise<void> {
  if (layoutOf(config).kind === 'patterns') {
    throw couldNot('This is only done for apps of the standard chart.', {
      at: { file: KAJITORI_FILE },
      todo: 'This repository has another layout (apps.release): change its own files.',
      reason: 'other-layout',
    });
  }
  if ((await tree.read(appFile(config, app))) === undefined) {
    const apps = (await tree.list('apps')).filter(({ kind }) => kind === 'folder').map(({ name }) => name);
    throw couldNot(`There is no app ${app}. ${nameHint(app, apps)}`, {
      at: { file: appFile(config, app) },
      todo: 'Use the name of a folder in apps/.',
      reason: 'unknown-app',
    });
  }
}
