import { execa } from 'execa';
import { applicationNames } from '../../src/deploy/application-name.ts';
import { type Finished, runFinish } from '../../src/deploy/finish.ts';
import { type LookoutAccess, lookoutOpener } from '../../src/deploy/open-lookout.ts';
import { runWait, type WaitDeps, type WaitInputs, type WaitOutputs } from '../../src/deploy/wait.ts';
import { waitSummary } from '../../src/deploy/wait-report.ts';
import { logReporter } from '../../src/deploy/wait-reporter.ts';
import { finishRequest, waitRequest } from '../../src/deploy/wait-request.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepositoryName } from '../../src/github/repository-name.ts';
import { systemTiming, type Timing } from '../../src/github/timing.ts';
import type { KubernetesObject } from '../../src/kubernetes/object.ts';
import { holdRequest, runHold } from '../../src/release/hold.ts';
import { type PromoteOutputs, runPromote } from '../../src/release/promote.ts';
import { promoteRequest } from '../../src/release/promote-request.ts';
import { type RollbackOutputs, runRollback } from '../../src/release/rollback.ts';
import { rollbackRequest } from '../../src/release/rollback-request.ts';
import { gitHubSourceHistory } from '../../src/release/source-history.ts';
import { readVerdicts } from '../../src/release/verdict.ts';
import type { CommitView } from '../../src/standin/github/standin-repository.ts';
import { startClock } from './clock.ts';
import type { Cluster } from './rig/cluster.ts';
import { hasCondition } from './rig/history.ts';
import type { Rig } from './rig/rig.ts';

const GITOPS = parseRepositoryName('acme/gitops');

/** One wait, and what it said on the way. */
export interface Waited {
  readonly outputs: WaitOutputs;
  /** The lines of the log. */
  readonly told: readonly string[];
  /** The first line of the job summary. */
  readonly first: string;
}

export interface WaitOptions {
  readonly environment?: string;
  readonly timing?: Timing;
  /** Told every line of the log as it comes. */
  readonly onTold?: (line: string) => void;
  readonly inputs?: Partial<WaitInputs>;
  /** Where Argo CD is asked. */
  readonly server?: string;
  /** What Argo CD's notifications wrote is read, and Argo CD not asked. */
  readonly notifications?: boolean;
}

/** `kajitori wait` as a process. */
interface WaitProcess {
  /** Ends it as a runner does that loses its machine, once something has happened. @throws an Error when it ended before */
  killWhen(happened: Promise<void>): Promise<void>;
}

/** Everything that a company does with deploys, by the product's own use cases, as its actions and commands call them. */
export interface Deploys {
  /** As the last step of release.yml. @param app undefined: all that the commit reaches */
  wait(app: string | undefined, commit: string, options?: WaitOptions): Promise<Waited>;
  /** `kajitori wait` in a process of its own. */
  waitApart(app: string, commit: string): WaitProcess;
  /** The scheduled job that finishes what runs left that died, long after they did. */
  finish(app: string): Promise<readonly Finished[]>;
  rollback(app: string, reason: string): Promise<RollbackOutputs>;
  promote(app: string, to: string): Promise<PromoteOutputs>;
  endHold(app: string): Promise<void>;
  /** State of the newest verdict of each cluster of production on a commit, then of the others. */
  verdicts(app: string, commit: string): readonly string[];
  /** Commits that took the app back, newest first. */
  commitsBack(app: string): Promise<readonly CommitView[]>;
}

export function openDeploys(rig: Rig): Deploys {
  const { github, argocd } = rig;
  const { apiUrl } = github;
  const app = github.createApp({
    slug: 'kajitori-deploys',
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write' },
  });
  app.install('acme', ['gitops']);
  const target = { repository: GITOPS };
  const clientOf = (timing: Timing) => createGitHubClient({ apiUrl, token: app.token('acme'), timing });
  const client = clientOf(systemTiming);
  const verdictsOf = (commits: readonly string[]) => readVerdicts(client, GITOPS, commits);
  const by = { deployer: { kind: 'own-right' }, timing: systemTiming } as const;
  const on = { kind: 'github', client, target } as const;
  let keys = 0;
  const key = (): string => {
    keys += 1;
    return `e2e-deploys-${keys}`;
  };
  const access = (server: string): LookoutAccess => ({
    kind: 'api',
    server,
    token: argocd.token,
    connector: undefined,
    idToken: undefined,
    ca: undefined,
    onToken: () => undefined,
  });
  const waitDeps = (
    timing: Timing,
    print: (line: string) => void,
    deployer: WaitDeps['deployer'],
    lookout: LookoutAccess,
  ): WaitDeps => {
    const own = clientOf(timing);
    return {
      client: own,
      target,
      timing,
      deployer,
      lookout: lookoutOpener(lookout, { client: own, target, timing }),
      applicationName: applicationNames('{app}-{cluster}'),
      report: logReporter(print, timing.now),
    };
  };
  const policy = { deadlineMinutes: undefined, rollback: undefined, run: undefined };
  return {
    wait: async (name, commit, options = {}) => {
      const {
        environment = 'production',
        timing = systemTiming,
        onTold,
        inputs,
        server = argocd.url,
        notifications = false,
      } = options;
      const told: string[] = [];
      const print = (line: string): void => {
        told.push(line);
        onTold?.(line);
      };
      const outputs = await runWait(
        { ...waitRequest({ app: name, environment, commit, ...policy }), ...inputs },
        waitDeps(
          timing,
          print,
          { kind: 'repository', repository: 'acme/web' },
          notifications ? { kind: 'notifications' } : access(server),
        ),
      );
      return { outputs, told, first: waitSummary(outputs).split('\n')[0] ?? '' };
    },
    waitApart: (name, commit) => {
      const args = [
        'src/cli/main.ts',
        'wait',
        '--repository=acme/gitops',
        `--app=${name}`,
        '--environment=production',
        `--commit=${commit}`,
        `--argocd-server=${argocd.url}`,
      ];
      const token = app.token('acme');
      const env = { GITHUB_API_URL: apiUrl, GITHUB_TOKEN: token, ARGOCD_AUTH_TOKEN: argocd.token };
      const child = execa(process.execPath, args, { env, all: true, reject: false });
      return {
        killWhen: async (happened) => {
          const early = child.then(({ all }) => {
            throw new Error(`kajitori wait ended by itself: ${all}`);
          });
          await Promise.race([happened, early]);
          child.kill('SIGKILL');
          await early.catch(() => undefined);
        },
      };
    },
    finish: (name) => {
      const timing = startClock();
      timing.skip(20 * 60_000);
      return runFinish(
        finishRequest({ app: name, environment: undefined, ...policy }),
        waitDeps(timing, () => {}, { kind: 'own-right' }, access(argocd.url)),
      );
    },
    rollback: (name, reason) => {
      const texts = { apps: name, environment: 'production', to: undefined, reason, until: undefined };
      const request = { ...texts, by: 'alice', run: undefined, pullRequest: undefined, dryRun: false };
      return runRollback(rollbackRequest(request, new Date()), {
        ...by,
        on,
        verdictsOf,
        checkImages: undefined,
        key: key(),
      });
    },
    promote: (name, to) => {
      const reader = createGitHubClient({
        apiUrl,
        token: github.actionsToken('acme/web', { contents: 'read' }),
        timing: systemTiming,
      });
      const request = promoteRequest({
        apps: name,
        to,
        force: false,
        override: undefined,
        reason: undefined,
        by: 'alice',
        run: undefined,
        pullRequest: undefined,
        dryRun: false,
      });
      return runPromote(request, {
        ...by,
        on,
        verdictsOf,
        historyOf: (source) => gitHubSourceHistory(reader, source),
        checksOf: async () => new Map(),
        checkImages: undefined,
        copyImage: undefined,
        key: key(),
      });
    },
    endHold: async (name) => {
      const texts = { apps: name, environment: 'production', reason: undefined, until: undefined, end: true };
      const request = holdRequest(
        { ...texts, by: 'alice', run: undefined, pullRequest: undefined },
        new Date(),
      );
      await runHold({ request, dryRun: false }, { ...by, on, key: key() });
    },
    verdicts: (name, commit) => {
      const statuses = github.repository('acme/gitops').statuses(commit);
      return rig.clusters.flatMap((cluster) => {
        const context = `kajitori/${name}/${cluster.name}`;
        return statuses.findLast((status) => status.context === context)?.state ?? [];
      });
    },
    commitsBack: async (name) => {
      const commits = await github.repository('acme/gitops').commits();
      return commits.filter(
        ({ message }) =>
          message.includes(`Kajitori-App: ${name}\n`) && message.includes('Kajitori-Action: rollback\n'),
      );
    },
  };
}

/**
 * What runs in a cluster as kubectl shows it: the images of an app's pods that are ready. Pods of migrations do not count, and
 * while a Deployment is still being rolled out, that is said instead.
 */
export async function running(cluster: Cluster, app: string): Promise<readonly string[]> {
  const objects = await cluster.list('deployments.apps,pods', app);
  const half = objects.find((each) => each.kind === 'Deployment' && !isRolledOut(each));
  if (half !== undefined)
    return [`${half.metadata.name} is being rolled out: ${JSON.stringify(half.status)}`];
  const pods = objects.filter(
    ({ kind, metadata }) =>
      kind === 'Pod' &&
      metadata.deletionTimestamp === undefined &&
      metadata.labels?.['app.kubernetes.io/component'] !== 'migrate',
  );
  const unready = pods.find((pod) => !hasCondition(pod, 'Ready'));
  if (unready !== undefined) return [`${unready.metadata.name} is not ready`];
  return [...new Set(pods.flatMap(imagesOf))];
}

function isRolledOut({ metadata, spec, status }: KubernetesObject): boolean {
  const { replicas: wanted } = spec as { replicas: number };
  const { observedGeneration, replicas, updatedReplicas, readyReplicas } = status as Record<string, number>;
  const counts = [replicas, updatedReplicas, readyReplicas];
  return observedGeneration === metadata.generation && counts.every((count) => count === wanted);
}

const imagesOf = ({ spec }: KubernetesObject): string[] =>
  (spec as { containers: readonly { image: string }[] }).containers.map(({ image }) => image);
