/** How much it matters: `high` can lose data, traffic or safety, or cannot be applied at all; `low` is good to know. */
export type RiskLevel = 'high' | 'medium' | 'low';

interface RiskWords {
  readonly level: RiskLevel;
  readonly title: string;
  /** What it means, for someone who does not know Kubernetes well. */
  readonly meaning: string;
  /** What to look at before merging. */
  readonly check: string;
}

const high = (title: string, meaning: string, check: string): RiskWords => ({
  level: 'high',
  title,
  meaning,
  check,
});
const medium = (title: string, meaning: string, check: string): RiskWords => ({
  level: 'medium',
  title,
  meaning,
  check,
});
const low = (title: string, meaning: string, check: string): RiskWords => ({
  level: 'low',
  title,
  meaning,
  check,
});

/** Every risk, the worst first: this order is the order of the report. */
export const RISKS = {
  'fails-at-sync': high(
    'Will fail at sync',
    'Kubernetes does not let this change on an object that exists. The sync fails: what comes after it is not applied, and the application stays out of sync.',
    'Take this change back, or plan to delete the object first and have Argo CD make it anew (it is gone in between).',
  ),
  'application-deleted': high(
    'Application deleted',
    'Argo CD deletes what this application made. Its pods stop, and the volumes that it claims go with their data.',
    'Be sure that nobody uses it, and that its data is kept elsewhere.',
  ),
  'namespace-deleted': high(
    'Namespace deleted',
    'Deleting a namespace deletes everything in it: pods, Secrets, and claims for volumes with their data, also what Argo CD does not know.',
    'Ask its owner, and look at what is in it: kubectl get all,pvc,secret -n NAMESPACE.',
  ),
  'storage-deleted': high(
    'Storage deleted',
    'With the claim goes the volume, and the data on it, unless its reclaim policy is Retain.',
    'Make a snapshot or set the policy to Retain before merging. To keep the claim, annotate it with argocd.argoproj.io/sync-options: Prune=false.',
  ),
  'definition-deleted': high(
    'Definition of a kind deleted (CRD)',
    'Kubernetes deletes every object of this kind in the whole cluster together with its definition.',
    'Count what would go: kubectl get KIND -A. Charts usually keep their CRDs when they are upgraded.',
  ),
  'definition-narrowed': high(
    'Definition of a kind narrowed (CRD)',
    'Objects that use what is taken away can no longer be applied, or lose these fields without a message.',
    'Look for it in the manifests of all applications of the cluster, and in kubectl get KIND -A -o yaml.',
  ),
  'stateful-deleted': high(
    'StatefulSet deleted',
    'Its pods stop: usually a database or a queue. The volumes stay, unless persistentVolumeClaimRetentionPolicy says Delete.',
    'Be sure that nothing uses it any more, and that there is a backup.',
  ),
  'access-widened': high(
    'Permissions widened',
    'Somebody or something may do more in the cluster than before.',
    'Ask who needs it and for what; name verbs and resources instead of *, and avoid reading Secrets, exec, escalate, bind and impersonate.',
  ),
  'security-loosened': high(
    'Protection of the node loosened',
    'The container can reach more of the machine that it runs on; whoever breaks into it can too.',
    'Ask the platform team; most applications need none of this.',
  ),
  'traffic-deleted': high(
    'Way to the application deleted',
    'Requests to this name or address fail from the moment it is deleted.',
    'Be sure that no other application and no DNS entry uses it.',
  ),
  'handed-over': high(
    'Goes to another application',
    'Both applications have it for a moment. If Argo CD deletes it with the old one before the new one has synced, it is made anew: its pods stop, and a volume that it claims is lost.',
    'Take the finalizer off the old Application (or set Prune=false on the object) in a pull request before this one; then nothing is deleted.',
  ),
  'workload-deleted': high(
    'Workload deleted',
    'Its pods stop, and nothing takes over their work.',
    'Be sure that this is what the pull request is for.',
  ),
  replaced: high(
    'Replaced under another name',
    'For Kubernetes a new name is another object: the old one is deleted with what belongs to it, a new one starts empty. They may both run for a moment, or neither.',
    'Check who uses the old name (Services, Ingresses, DNS, dashboards), and move the data first where it has any.',
  ),
  'pods-unreachable': high(
    'May lose its pods',
    'This decides which pods get the requests. If pods do not match, all requests fail, and no error is shown at sync.',
    'Compare it with the labels of the pods after this change.',
  ),
  'scaled-to-zero': high(
    'Scaled to zero',
    'No pod runs: requests fail, queues are not worked on.',
    'Be sure that this is intended, and that nothing waits for it.',
  ),
  deleted: medium(
    'Deleted',
    'Argo CD deletes it at the sync, where pruning is on.',
    'Look for whoever refers to it by name: a pod whose ConfigMap or Secret is missing does not start.',
  ),
  'application-let-go': medium(
    'Application removed, and what it made stays',
    'Nothing that it made is deleted: it goes on as it is in the cluster, and git says nothing of it any more.',
    'What shall go has to be deleted by hand afterwards; or give the Application the finalizer resources-finalizer.argocd.argoproj.io in a pull request before this one.',
  ),
  'left-behind': medium(
    'No longer managed',
    'It is not in git any more, and Argo CD does not delete it: it stays in the cluster as it is.',
    'Delete it by hand when nobody needs it.',
  ),
  'replicas-given-up': medium(
    'Number of pods given up',
    'Kubernetes falls back to 1 pod when the number disappears, until an autoscaler sets another one.',
    'Do it when there is little load, or keep the number and let Argo CD ignore it (ignoreDifferences).',
  ),
  'namespace-changed': medium(
    'Namespace changed',
    'Labels of a namespace decide about security rules, injected sidecars and network policies of everything in it.',
    'Check which rules select by these labels.',
  ),
  'storage-changed': medium(
    'Storage changed',
    'Volumes can grow, but never shrink; another class holds for new volumes only.',
    'Check that the storage class can grow volumes, and whether pods must restart for it.',
  ),
  'definition-changed': low(
    'Definition of a kind changed (CRD)',
    'Nothing that existed was taken away. New fields can be used after the sync.',
    'Read the release notes for what the controller does with existing objects.',
  ),
  'access-added': medium(
    'Permissions added',
    'A new role or binding. A role has an effect only for those who are bound to it.',
    'Read its rules below.',
  ),
  'identity-changed': medium(
    'Identity changed',
    'The pods act as somebody else: in AWS, or towards the Kubernetes API.',
    'Check that the new role or account may do what the application does.',
  ),
  'traffic-changed': medium(
    'Way to the application changed',
    'Clients that use what was there before get errors; another type makes a new load balancer with a new address.',
    'Check hosts, ports and paths against the clients and DNS.',
  ),
  'image-changed': medium(
    'Other image',
    'Other code runs: the pods are replaced one after the other.',
    'Read the release notes; for a new major version look for what must be migrated.',
  ),
  'resources-lowered': medium(
    'Less CPU or memory',
    'Less memory than needed gets containers killed (OOMKilled); less CPU makes them slow.',
    'Compare with what they used in the last weeks.',
  ),
  'fewer-replicas': medium(
    'Fewer pods',
    'Less is there for the load and for the failure of a node.',
    'Compare with the load at peak; at least 2 for what must not stop.',
  ),
  'disruption-changed': medium(
    'Protection against interruption changed',
    'It decides how many pods may be taken away at once when nodes are replaced.',
    'At least one pod must be allowed to go, or nodes cannot be upgraded; not all of them, or requests fail.',
  ),
  'network-rules-changed': medium(
    'Network rules changed',
    'Connections that worked can be cut off, or be allowed that were not.',
    'Check who talks to these pods, DNS included.',
  ),
  'probe-removed': medium(
    'Health check removed',
    'Kubernetes no longer knows whether the container is ready or hangs.',
    'Keep a readiness probe at least: without it a deploy that does not start counts as good.',
  ),
  'webhook-changed': medium(
    'Admission webhook changed',
    'It is asked before objects are written to the cluster. When it is not there and its failure policy is Fail, nothing can be deployed.',
    'Check failurePolicy, and that it leaves out kube-system.',
  ),
  'schedule-changed': medium(
    'Schedule changed',
    'The job runs at other times, or not at all while it is suspended.',
    'Check the time zone, and that runs do not overlap.',
  ),
  'command-changed': medium(
    'Other command or arguments',
    'The container starts something else.',
    'Check that the image knows these arguments.',
  ),
  'taken-over': low(
    'Taken over by another application',
    'It stays as it is, and another application manages it from now on.',
    'Check that that application syncs.',
  ),
  'hook-changed': low(
    'Hook changed',
    'It runs once at each sync. When it fails, the sync fails.',
    'Check that it can run twice.',
  ),
  'probe-changed': low(
    'Health check changed',
    'Too strict, and healthy containers are restarted; too lax, and broken ones get requests.',
    'Check path, port and the time that the start takes.',
  ),
  'more-replicas': low(
    'More pods',
    'More is used of the cluster, and of what the pods connect to.',
    'Check connection limits of databases.',
  ),
  'resources-raised': low('More CPU or memory', 'Nodes may be added for it.', 'See "Capacity" for the sum.'),
  'env-changed': low(
    'Environment changed',
    'The containers start anew with other settings.',
    'Check that the application knows them, and that no variable which it needs is gone.',
  ),
  'configuration-changed': low(
    'Configuration changed',
    'Pods see it when they restart; mounted files change after about a minute, environment variables do not.',
    'Check whether the application reads it again by itself.',
  ),
  'api-changed': low(
    'Another version of the API',
    'The same object, written for another version: it stays as it is, and is not made anew.',
    'Check that the cluster serves this version.',
  ),
  'secret-changed': low(
    'Secret changed',
    'A value is another one; it is not shown here. Charts that make up random passwords change them at every rendering.',
    'Check that whoever has the other end of it gets the new one.',
  ),
} as const satisfies Record<string, RiskWords>;

export type RiskCode = keyof typeof RISKS;

/** One risk of one change. */
export interface Risk {
  readonly code: RiskCode;
  /** What exactly, as plain text: it holds names and values that people wrote. */
  readonly what: string;
}

const ORDER: readonly string[] = Object.keys(RISKS);

/** Sorts risks, the worst first. */
export const byRisk = (a: Risk, b: Risk): number => ORDER.indexOf(a.code) - ORDER.indexOf(b.code);

/** Where the worst of these risks stands in the order; after all of them where there is none. */
export const worstOf = (risks: readonly Risk[]): number =>
  Math.min(ORDER.length, ...risks.map(({ code }) => ORDER.indexOf(code)));
