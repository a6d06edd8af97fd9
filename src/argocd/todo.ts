import type { CauseKind } from './cause.ts';

/** What to do about a cause: one sentence, for someone who is late and does not know Kubernetes well. */
export const todoFor: Readonly<Record<CauseKind, string>> = {
  'hook-failed':
    'Read the last lines of the job, mend it, and deploy again; the running version was not touched.',
  'sync-failed': 'Correct the values or manifests that the message names, and deploy again.',
  'admission-denied':
    'Change what the cluster’s rule forbids (the guard names the line), or ask the platform team for an exemption.',
  'namespace-missing': 'Let the chart render the Namespace, or ask the platform team to create it.',
  'cluster-unreachable':
    'Ask the platform team: Argo CD cannot reach that cluster. Deploy again when it can.',
  'git-unreachable':
    'Check that Argo CD can reach the GitOps repository (its credentials, and GitHub’s status), then run it again.',
  manifests:
    'Correct the chart or the values at the place that the message names; `kajitori render` shows the same error.',
  'invalid-application':
    'Ask the platform team: the Application itself is refused (its project, cluster or source).',
  'image-missing':
    'Check that the image was built and pushed, and that the cluster may pull it; then deploy again.',
  crash: 'Read the last lines of the pod, mend the app, and deploy again.',
  degraded: 'Look at the object that is named, its events and logs; mend it and deploy again.',
  terminated: 'Deploy again, if that was not intended.',
  blocked: 'End the operation that hangs (a rollback does), or mend the job that it waits for.',
  deleted: 'Ask who removed the application; `kajitori doctor` shows what should be there.',
};
