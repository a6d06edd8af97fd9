import type { AppDefinition } from '../config/app-yaml.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { readSnapshot } from '../repository/snapshot.ts';
import { type Check, fail, finding, notChecked, ok, warn } from './check.ts';

/** More than this is no sample any more; the rest is named as not checked. */
const MAX_SOURCES = 10;

const FOLDER = '.github/workflows';

/** Whether the repositories of the apps deploy with Kajitori, and whether anybody waits for it. */
export async function checkReleaseCallers(
  client: GitHubClient,
  config: KajitoriConfig | undefined,
  apps: ReadonlyMap<string, AppDefinition>,
): Promise<readonly Check[]> {
  const name = 'release-callers';
  const sources = [...new Set([...apps.values()].flatMap((app) => app.sources))].sort();
  const looked = sources.slice(0, MAX_SOURCES);
  const checks = (await Promise.all(looked.map((source) => checkSource(client, source, config)))).flat();
  const right = checks.filter(({ status }) => status === 'ok').length;
  return [
    ...(right === 0
      ? []
      : [ok(name, `${right} of ${sources.length} sources deploy, and wait until the clusters are healthy.`)]),
    ...checks.filter(({ status }) => status !== 'ok'),
    ...(sources.length > looked.length
      ? [
          notChecked(
            name,
            `${sources.length - looked.length} more sources were not looked at.`,
            'Look for release.yml in their .github/workflows.',
          ),
        ]
      : []),
  ];
}

function checkSource(
  client: GitHubClient,
  source: string,
  config: KajitoriConfig | undefined,
): Promise<readonly Check[]> {
  const name = 'release-callers';
  const todo = `Give a token that may read ${source}, or look at its workflows.`;
  return finding(name, `read the workflows of ${source}`, todo, async () => {
    const { tree } = await readSnapshot(client, { repository: parseRepositoryName(source) }, []);
    const files = (await tree.list(FOLDER)).filter(
      ({ kind, name: file }) => kind === 'file' && /\.ya?ml$/.test(file),
    );
    const texts = await Promise.all(
      files.map(async (file) => (await tree.read(`${FOLDER}/${file.name}`)) ?? ''),
    );
    const callers = texts.filter((text) => /\/(?:workflows\/release\.yml|actions\/deploy)@/.test(text));
    if (callers.length === 0) {
      return warn(
        name,
        `No workflow of ${source} calls release.yml, so nothing deploys from there.`,
        `In a clone of ${source}: kajitori init --app <app> --gitops <owner/name of this repository>.`,
      );
    }
    const ways = callers.map((text) => /^\s+argocd:\s*["']?(api\b|notifications\b|\$\{\{)/m.exec(text)?.[1]);
    if (ways.includes('notifications') && config?.argocd?.notifications !== true) {
      return fail(
        name,
        `${source} waits for what Argo CD's notifications write, and kajitori.yaml does not make them.`,
        'Write `argocd: { notifications: true }` in kajitori.yaml and regenerate (docs/setup.md, "Waiting for a deploy").',
      );
    }
    if (ways.includes('${{') && !ways.includes(undefined)) {
      return warn(
        name,
        `Runs of ${source} wait where a variable says how (KAJITORI_ARGOCD); it was not looked at.`,
        'See that it is set: gh variable list --org <organization>; api or notifications (docs/setup.md, "Forms").',
      );
    }
    return ways.includes(undefined)
      ? warn(
          name,
          `A workflow of ${source} deploys and does not wait: nobody is told when a cluster fails.`,
          'Give release.yml the input `argocd: api` (docs/setup.md, "Waiting for a deploy").',
        )
      : ok(name, source);
  });
}
