import { stringify } from 'yaml';
import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
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
 * Sources: argo-cd, docs/operator-manual/notifications (triggers, templates, services/github); notifications-engine,
 * pkg/services/github.go (what a status is made of), pkg/triggers/service.go (`oncePer`).
 *
 * @throws Failure (exit 2) when kajitori.yaml has no `repository`
 */
export function argocdNotifications(config: KajitoriConfig): string {
  const { repoURL } = gitopsSource(config);
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'argocd-notifications-cm',
      namespace: 'argocd',
      labels: { 'app.kubernetes.io/name': 'argocd-notifications-cm', 'app.kubernetes.io/part-of': 'argocd' },
    },
    data: {
      'service.github': stringify({
        appID: '$github-appID',
        installationID: '$github-installationID',
        privateKey: '$github-privateKey',
      }),
      // Of all that our ApplicationSets make: they carry the label.
      subscriptions: stringify([
        {
          recipients: ['github'],
          triggers: ['kajitori-deployed', 'kajitori-failed'],
          selector: 'kajitori.dev/app',
        },
      ]),
      'trigger.kajitori-deployed': stringify([
        {
          description: 'The commit is synced, and healthy by a look that is newer than the sync.',
          when: [
            `${OPERATION} in ['Succeeded']`,
            "app.status.sync.status == 'Synced'",
            "app.status.health.status == 'Healthy'",
            // Right after an operation the health may still be that of before it.
            'time.Parse(app.status.reconciledAt).After(time.Parse(app.status.operationState.finishedAt))',
          ].join(' and '),
          send: ['kajitori-deployed'],
          oncePer: REVISIONS,
        },
      ]),
      'trigger.kajitori-failed': stringify([
        {
          description: 'The sync failed.',
          when: `${OPERATION} in ['Error', 'Failed']`,
          send: ['kajitori-sync-failed'],
          oncePer: REVISIONS,
        },
        {
          description: 'It was synced, and does not get healthy.',
          when: [`${OPERATION} in ['Succeeded']`, "app.status.health.status == 'Degraded'"].join(' and '),
          send: ['kajitori-degraded'],
          oncePer: REVISIONS,
        },
      ]),
      'template.kajitori-deployed': template(repoURL, 'success', 'healthy'),
      'template.kajitori-sync-failed': template(
        repoURL,
        'failure',
        'the sync failed: {{.app.status.operationState.message}}',
      ),
      'template.kajitori-degraded': template(repoURL, 'failure', 'degraded: look at its pods in Argo CD'),
    },
  };
  return generatedYaml(manifest, KAJITORI_FILE);
}

const OPERATION = 'app.status.operationState != nil and app.status.operationState.phase';

/** Our applications have several sources, so `revisions`, not `revision`. */
const REVISIONS = 'app.status.operationState?.syncResult?.revisions';

/** The last source is `extra/`, of the GitOps repository also where the chart is from elsewhere (application-set.ts). */
const LAST_REVISION =
  '{{index .app.status.operationState.syncResult.revisions (sub (len .app.status.operationState.syncResult.revisions) 1)}}';

/** GitHub takes 140 characters; Argo CD cuts the message itself. */
const template = (repoURL: string, state: string, message: string): string =>
  stringify(
    {
      message,
      github: {
        repoURLPath: repoURL,
        revisionPath: LAST_REVISION,
        status: {
          state,
          label: 'argocd/{{.app.metadata.name}}',
          targetURL: '{{.context.argocdUrl}}/applications/{{.app.metadata.name}}',
        },
      },
    },
    { lineWidth: 0 },
  );
