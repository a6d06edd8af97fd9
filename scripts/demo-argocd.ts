/**
 * `npm run demo -- --argocd`: the story of `kajitori demo`, told with the real Argo CD of the end-to-end tests
 * (test/e2e/rig). `scripts/setup e2e` must have been run.
 */
import { demoCommand } from '../src/cli/demo.ts';
import type { ArgoCdForDemo, ArgoCdKind, ArgoCdSetting } from '../src/demo/argocd.ts';
import { couldNot } from '../src/report/failure.ts';
import { type Rig, startRig } from '../test/e2e/rig/rig.ts';

const REAL_ARGOCD: ArgoCdKind = {
  name: 'real',
  about:
    'on three real API servers of Kubernetes, whose nodes and pods kwok plays (it pulls nothing: an image is missing when its tag begins with missing-)',
  speed: 1,
  start,
};

async function start({ clusters, repository }: ArgoCdSetting): Promise<ArgoCdForDemo> {
  const rig = await startRig(...clusters).catch((error: Error) => {
    throw couldNot(`Argo CD did not start: ${error.message}`, {
      todo: 'It needs 3 GB of memory. Run `npm run e2e`, which says more of what does not start.',
      reason: 'argocd-failed',
    });
  });
  await home(rig).apply([credentials(repository)]);
  return {
    url: rig.argocd.url,
    token: rig.argocd.token,
    adopt: async (rootApplication) => {
      await home(rig).kubectl(['apply', '--filename=-'], rootApplication);
    },
    pushed: () => rig.argocd.refresh(),
    withdrawImage: (tag, cluster) => rig.cluster(cluster).apply(withdrawn(tag)),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

/** The cluster that Argo CD runs in. */
function home({ clusters }: Rig): Rig['clusters'][number] {
  const [first] = clusters;
  if (first === undefined) throw new Error('a rig has a cluster');
  return first;
}

/** How Argo CD is given access to a private repository ("Declarative Setup", Argo CD operator manual). */
const credentials = ({ url, login, token }: ArgoCdSetting['repository']): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'gitops',
    namespace: 'argocd',
    labels: { 'argocd.argoproj.io/secret-type': 'repository' },
  },
  stringData: { type: 'git', url, username: login, password: token },
});

/**
 * Lets a cluster's pods of an image fail as if the image were gone: their tag gets the beginning that means so to the rig
 * (pod-stages.yaml), by a MutatingAdmissionPolicy, since kwok pulls nothing. The digest stays.
 */
function withdrawn(tag: string): readonly object[] {
  const name = `withdrawn-${tag}`;
  const image = 'object.spec.containers[0].image';
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
        ],
      },
      matchConditions: [{ name: 'image', expression: `${image}.contains(':${tag}@')` }],
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression: `[JSONPatch{op: 'replace', path: '/spec/containers/0/image', value: ${image}.replace(':${tag}@', ':missing-${tag}@')}]`,
          },
        },
      ],
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name },
  };
  return [policy, binding];
}

await demoCommand(REAL_ARGOCD).parseAsync(process.argv);
