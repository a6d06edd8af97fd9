import { openArgoCd } from '../argocd/client.ts';
import { applicationNames } from '../deploy/application-name.ts';
import type { Following } from '../deploy/follow.ts';
import { lookoutOpener } from '../deploy/open-lookout.ts';
import { runWait, type WaitOutputs, type WaitReporter, type WaitVerdict } from '../deploy/wait.ts';
import { progressLine, waitJson } from '../deploy/wait-report.ts';
import { logReporter } from '../deploy/wait-reporter.ts';
import { waitRequest } from '../deploy/wait-request.ts';
import { parseVerdictContext } from '../release/verdict.ts';
import { GITOPS, GITOPS_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import { shorten } from './deploy.ts';
import type { Chapter } from './narrator.ts';
import type { RunningScene } from './scene.ts';

/** Enough for every deploy of the story; one that hangs is to end the demo soon. */
const DEADLINE_MINUTES = 3;

/** How a deploy was waited for, for `--json`: what `kajitori wait --json` prints, and the commit statuses on its commit. */
export interface Waited {
  readonly verdict: WaitVerdict;
  readonly environment: string;
  readonly commit: string;
  readonly statuses: readonly VerdictStatus[];
  readonly result: object;
}

/** The verdict of one cluster, as it stands on a commit. */
export interface VerdictStatus {
  readonly cluster: string;
  readonly state: string;
  readonly description: string;
}

/** What a cluster runs of `web`, as Argo CD says, for `--json`. */
export interface Runs {
  readonly environment: string;
  readonly cluster: string;
  readonly sync: string;
  readonly health: string;
  /** The different digests of all its containers, one when all is well. */
  readonly digests: readonly string[];
}

/**
 * Waits for a deploy of `web` as the job of release.yml does, and shows what happens in each cluster meanwhile.
 *
 * @throws Failure as `runWait` does
 */
export async function waitFor(
  scene: RunningScene,
  chapter: Chapter,
  environment: string,
  commit: string,
): Promise<WaitOutputs> {
  const { company, timing, argocd, argocdKind } = scene;
  const client = await company.signIn({ contents: 'write', pull_requests: 'write', statuses: 'write' });
  const target = { repository: GITOPS };
  const access = {
    kind: 'api',
    server: argocd.url,
    token: argocd.token,
    connector: undefined,
    idToken: undefined,
    ca: undefined,
    onToken: () => {},
  } as const;
  const { report, end } = reporterOf(chapter, timing.now);
  const openLookout = lookoutOpener(access, { client, target, timing });
  const outputs = await timing.hurry(argocdKind.speed, () =>
    runWait(
      waitRequest({
        app: 'web',
        environment,
        commit,
        deadlineMinutes: DEADLINE_MINUTES,
        rollback: 'auto',
        run: undefined,
      }),
      {
        client,
        target,
        timing,
        deployer: { kind: 'repository', repository: WEB_REPOSITORY },
        lookout: async (config, name) => {
          // A moment before it is looked for, so that what happens then is seen.
          await argocd.pushed();
          return openLookout(config, name);
        },
        applicationName: applicationNames('{app}-{cluster}'),
        report,
      },
    ),
  );
  end();
  return outputs;
}

/** On a terminal a line for each application, which stays as it was last; in a log a line for each change. */
function reporterOf(
  chapter: Chapter,
  now: () => number,
): { readonly report: WaitReporter; readonly end: () => void } {
  if (!chapter.isLive) {
    return { report: logReporter((line) => chapter.note(shorten(line)), now), end: () => {} };
  }
  const lines = new Map<string, string>();
  const end = (): void => {
    for (const line of lines.values()) {
      chapter.note(line);
    }
    lines.clear();
  };
  return {
    report: {
      application: (following: Following) => {
        lines.set(following.awaited.application, shorten(progressLine(following)));
        chapter.live([...lines.values()]);
      },
      // What comes after it is another commit's.
      step: (words) => {
        end();
        chapter.note(shorten(words));
      },
    },
    end,
  };
}

/** The verdicts that stand on a commit of the GitOps repository: the newest of each cluster, by name. */
export function statusesOf({ company }: RunningScene, commit: string): readonly VerdictStatus[] {
  const newest = new Map<string, VerdictStatus>();
  for (const { context, state, description } of company.github
    .repository(GITOPS_REPOSITORY)
    .statuses(commit)) {
    const about = parseVerdictContext(context);
    if (about?.app === 'web') {
      newest.set(about.cluster, { cluster: about.cluster, state, description: description ?? '' });
    }
  }
  return [...newest.values()].sort((one, other) => (one.cluster < other.cluster ? -1 : 1));
}

export const waitedOf = (scene: RunningScene, outputs: WaitOutputs): Waited => ({
  verdict: outputs.verdict,
  environment: outputs.environment,
  commit: outputs.commit.oid,
  statuses: statusesOf(scene, outputs.commit.oid),
  result: waitJson(outputs),
});

/** Asks Argo CD what runs where, in promotion order. */
export async function whatRuns({ argocd, timing }: RunningScene): Promise<readonly Runs[]> {
  const client = openArgoCd({ server: argocd.url, token: () => argocd.token, timing });
  const all = await client.list({ selector: 'kajitori.dev/app=web' });
  return all
    .map(({ labels, destination, sync, health, images }) => ({
      environment: labels['kajitori.dev/environment'] ?? '',
      cluster: destination.name ?? '',
      sync: sync.status ?? '',
      health: health.status ?? '',
      digests: [...new Set(images.map((image) => image.split('@')[1] ?? `${image} (no digest)`))],
    }))
    .sort((one, other) => rankOf(one) - rankOf(other) || (one.cluster < other.cluster ? -1 : 1));
}

const rankOf = ({ environment }: Runs): number => ['staging', 'production'].indexOf(environment);
