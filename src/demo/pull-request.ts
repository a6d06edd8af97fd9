import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { diffJson } from '../diff/json.ts';
import { openRenderer } from '../diff/render-side.ts';
import { runDiff } from '../diff/run-diff.ts';
import { diffText } from '../diff/terminal.ts';
import { git } from './git.ts';
import type { Clones, Scene } from './scene.ts';

/** What a developer adds to the values of the app. */
const MORE = '  resources: { requests: { memory: 512Mi } }\n';

/** Chapter: what a pull request would change in each cluster, before it is merged. Returns what `kajitori diff --json` prints. */
export const pullRequest = ({ narrator, company, timing }: Scene, clones: Clones): Promise<object> =>
  narrator.chapter('What would this pull request change?', async (chapter) => {
    const file = 'apps/web/values.yaml';
    const place = path.join(clones.gitops, file);
    const before = await readFile(place, 'utf8');
    chapter.tell(
      `A developer wants more memory, and adds one line to ${file}. Before anybody merges it, the pull request says what it means in each cluster:`,
    );
    await writeFile(place, `${before}${MORE}`);
    chapter.showDiff(await git(clones.gitops, ['diff', '--unified=0', '--', file], company.developer));
    chapter.command('kajitori diff --base HEAD');
    chapter.working('rendering both versions');
    const renderer = openRenderer(process.env, timing.now);
    const { report, exitCode } = await runDiff(
      { root: clones.gitops, base: 'HEAD', app: undefined, cluster: undefined },
      { render: renderer.render, urls: [], onProgress: () => {} },
    );
    await renderer.close();
    chapter.show(diffText(report));
    const changed = report.blocks.flatMap(({ changes }) => changes.map(({ change }) => change.how));
    chapter.holds('It reaches web in all three clusters, and changes its Deployment only.', {
      found: { exitCode, affected: report.applications.affected, changed },
      expected: { exitCode: 0, affected: 3, changed: ['changed'] },
    });
    await git(clones.gitops, ['checkout', '--quiet', '--', file], company.developer);
    return diffJson(report);
  });
