import { stringify } from 'yaml';
import { environmentsOf, KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { generatedYaml } from './generated-yaml.ts';
import { gitopsSource } from './gitops-source.ts';

export const NOTIFICATIONS_FILE = 'argocd/notifications.yaml';

/**
 * `argocd/notifications.yaml`: lets Argo CD's notifications write what became of a commit to that commit, as the status
 * `argocd/<application>`, which waiting reads where it cannot reach Argo CD (deploy/notified-lookout.ts).
 *
 * It is the whole ConfigMap `argocd-notifications-cm`: Argo CD reads one only. The App's key is in the Secret
 * `argocd-notifications-secret`, which is not written here.
 *
 * Each part was tried on the real controller of Argo CD 3.5 (test/e2e/notifications.e2e.ts). Sources: argo-cd,
 * docs/operator-manual/notifications (triggers, templates, services/github); notifications-engine, pkg/services/github.go
 * (what a status is made of), pkg/triggers/service.go and pkg/controller/state.go (`oncePer`).
 *
 * @throws Failure (exit 2) when kajitori.yaml has no `repository`
 */
export function argocdNotifications(config: KajitoriConfig): string {
  const { repoURL } = gitopsSource(config);
  const servers = serversOf(config);
  const status = statusTemplate(repoURL, Object.keys(servers).length > 0);
  const data = {
    ...(Object.keys(servers).length === 0 ? {} : { context: servers }),
    'service.github': {
      appID: '$github-appID',
      installationID: '$github-installationID',
      privateKey: '$github-privateKey',
      ...enterprise(repoURL),
    },
    // Of all that our ApplicationSets make: they carry the label.
    subscriptions: [
      { recipients: ['github'], triggers: Object.keys(TRIGGERS), selector: 'kajitori.dev/app' },
    ],
    ...Object.fromEntries(Object.entries(TRIGGERS).map(([name, list]) => [`trigger.${name}`, list])),
    'template.kajitori-syncing': status('pending', 'syncing', APPLIED),
    'template.kajitori-progressing': status('pending', 'applied; waiting for its pods', APPLIED),
    'template.kajitori-deployed': status('success', 'healthy', APPLIED),
    'template.kajitori-mended': status('success', 'healthy; nothing had to be applied', COMPARED),
    'template.kajitori-sync-failed': status(
      'failure',
      `the sync failed: ${FAILED_OBJECTS}{{.app.status.operationState.message}}`,
      APPLIED,
    ),
    'template.kajitori-degraded': status('failure', 'degraded: look at its pods in Argo CD', APPLIED),
    'template.kajitori-unclear': status(
      'error',
      'it was Degraded before this commit, and still is: nobody can tell from here whether the commit is well',
      APPLIED,
    ),
  };
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'argocd-notifications-cm',
      namespace: 'argocd',
      labels: { 'app.kubernetes.io/name': 'argocd-notifications-cm', 'app.kubernetes.io/part-of': 'argocd' },
    },
    // A ConfigMap holds texts only.
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, stringify(value, { lineWidth: 0 })]),
    ),
  };
  return generatedYaml(manifest, KAJITORI_FILE);
}

/** Revisions, one for each source: ours have several, so not `revision`. */
const APPLIED = 'app.status.operationState.syncResult.revisions';
const COMPARED = 'app.status.sync.revisions';

/** Any of the steps may be missing: Argo CD writes them one after another. */
const maybe = (path: string): string => path.replaceAll('.', '?.').replace('?.', '.');

const PHASE = maybe('app.status.operationState.phase');
const SYNCED = `${maybe('app.status.sync.status')} == 'Synced'`;
const health = (status: string): string => `${maybe('app.status.health.status')} == '${status}'`;
const time = (path: string): string => `time.Parse(app.status.${path})`;
const age = (path: string): string => `time.Now().Sub(${time(path)})`;

/**
 * After an error of the comparison a revision is the name of the branch (shared/corpus/argocd, trap 5), which GitHub takes for
 * no commit. The last source is `extra/`, of the GitOps repository also where the chart is from elsewhere.
 */
const isCommit = (revisions: string): string => `last(${maybe(revisions)} ?? []) matches "^[0-9a-f]{40}$"`;

/** Deadlines are shorter. Without it the first look at a hundred old applications would write a hundred statuses at once. */
const LATELY = `${age('operationState.finishedAt')}.Hours() < 3`;

/** Argo CD takes a status whose delivery failed for written where there is `oncePer` (pkg/controller/state.go). */
const STILL = `${age('operationState.finishedAt')}.Minutes() >= 1`;

/**
 * The end of an operation and the comparison after it are two writes: right after the end, the health may be from before
 * (trap 2). A comparison with the revisions that were applied is of what runs now; else it must be a later one, and times have
 * whole seconds.
 */
const FRESH = `(${COMPARED} == ${APPLIED} or ${time('reconciledAt')}.After(${time('operationState.finishedAt')}))`;

const SUCCEEDED = [
  `${PHASE} == 'Succeeded'`,
  'app.operation == nil',
  isCommit(APPLIED),
  LATELY,
  SYNCED,
  FRESH,
];
const FAILED = [`${PHASE} in ['Error', 'Failed']`, LATELY, isCommit(APPLIED)];

interface Condition {
  readonly description: string;
  readonly when: string;
  readonly send: readonly string[];
  readonly oncePer?: string;
}

/** `oncePer` also where a condition did not end in between, or did not for a look of the controller. */
const once = (description: string, when: readonly string[], template: string): Condition => ({
  description,
  when: when.join(' and '),
  send: [template],
  oncePer: `${maybe(APPLIED)} ?? []`,
});

/**
 * Once, and again without `oncePer`: that is tried until GitHub has it, and is written anew after a sync that mends a drift,
 * which says `syncing` to the same commit.
 */
const deciding = (description: string, when: readonly string[], template: string): readonly Condition[] => [
  once(description, when, template),
  {
    description: 'Again, should GitHub not have heard of it.',
    when: [...when, STILL].join(' and '),
    send: [template],
  },
];

const DEGRADED = [...SUCCEEDED, health('Degraded')];
const DEGRADED_SINCE = `${time('health.lastTransitionTime')}.After(${time('operationState.startedAt')})`;

const TRIGGERS: Readonly<Record<string, readonly Condition[]>> = {
  'kajitori-syncing': [
    once('Argo CD applies the commit.', [`${PHASE} == 'Running'`, isCommit(APPLIED)], 'kajitori-syncing'),
    once(
      'It is applied, and its pods are not ready yet. What restarts later does not count.',
      [
        ...SUCCEEDED,
        health('Progressing'),
        `not ${time('health.lastTransitionTime')}.After(${time('operationState.finishedAt')}.Add(time.Minute))`,
      ],
      'kajitori-progressing',
    ),
  ],
  'kajitori-deployed': [
    ...deciding(
      'The commit is synced, and healthy by a look that is newer than the sync.',
      [...SUCCEEDED, health('Healthy')],
      'kajitori-deployed',
    ),
    ...deciding(
      'The sync of an earlier commit failed, and a later one needs none: what runs is as it says.',
      [
        ...FAILED,
        'app.operation == nil',
        isCommit(COMPARED),
        `${COMPARED} != ${APPLIED}`,
        SYNCED,
        health('Healthy'),
      ],
      'kajitori-mended',
    ),
  ],
  'kajitori-failed': [
    ...deciding('The sync failed.', FAILED, 'kajitori-sync-failed'),
    ...deciding(
      'It was applied, and does not get healthy. An autoscaler without figures is Degraded for a while, too.',
      [...DEGRADED, DEGRADED_SINCE, `${age('health.lastTransitionTime')}.Seconds() >= 60`],
      'kajitori-degraded',
    ),
    once('It was Degraded before.', [...DEGRADED, `not ${DEGRADED_SINCE}`], 'kajitori-unclear'),
  ],
};

/** What a sync could not apply, and hooks that failed. */
const FAILED_OBJECTS =
  '{{range .app.status.operationState.syncResult.resources}}{{if has (toString .hookPhase) (list "Failed" "Error")}}' +
  '{{.kind}} {{.name}}: {{.message}}; {{end}}{{end}}';

/** GitHub takes 140 characters; Argo CD cuts the message itself. */
const statusTemplate =
  (repoURL: string, linked: boolean) =>
  (state: string, message: string, revisions: string): object => ({
    message,
    github: {
      repoURLPath: repoURL,
      revisionPath: `{{last .${revisions}}}`,
      // Without the URL of Argo CD there is none: GitHub refuses a status whose link is not of http or https.
      status: { state, label: 'argocd/{{.app.metadata.name}}', ...(linked ? { targetURL: TARGET_URL } : {}) },
    },
  });

const TARGET_URL =
  '{{with index .context .app.spec.destination.name}}{{.}}/applications/argocd/{{$.app.metadata.name}}{{end}}';

/** By cluster, the URL of the Argo CD that people look at. */
const serversOf = (config: KajitoriConfig): Readonly<Record<string, string>> =>
  Object.fromEntries(
    environmentsOf(config)
      .flatMap(({ clusters }) => clusters)
      .flatMap(({ name, argocd }) =>
        argocd === undefined ? [] : [[name, argocd.server.replace(/\/+$/, '')] as const],
      ),
  );

/**
 * Where GitHub's API is, when it is not on github.com. Argo CD's documentation wants `/api/v3` in it (services/github.md); an
 * address on ghe.com has a host of its own for the API, and no path.
 */
function enterprise(repoURL: string): { readonly enterpriseBaseURL?: string } {
  const [, scheme, authority = ''] =
    /^(?:(https?|ssh):\/\/)?(?:[^/@]+@)?([\w.-]+(?::\d+(?=\/))?)/.exec(repoURL) ?? [];
  const isWeb = scheme === 'http' || scheme === 'https';
  const host = authority.replace(/:\d+$/, '').toLowerCase();
  if (host === 'github.com' || host.endsWith('.github.com')) {
    return {};
  }
  if (host.endsWith('.ghe.com')) {
    return { enterpriseBaseURL: `https://api.${host}` };
  }
  // The port of ssh is not that of the API.
  return { enterpriseBaseURL: isWeb ? `${scheme}://${authority}/api/v3` : `https://${host}/api/v3` };
}
