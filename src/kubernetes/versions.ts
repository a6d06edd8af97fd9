import { couldNot } from '../report/failure.ts';

/**
 * The minor versions of Kubernetes that objects can be validated for, oldest first: what Amazon EKS runs in standard and
 * extended support (docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html, November 2026: 1.31 leaves extended
 * support on 2026-11-26), and the newest that Kubernetes has released.
 *
 * After a change here, run `node scripts/kubernetes-schemas.ts`.
 */
export const KUBERNETES_VERSIONS = ['1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37'] as const;

export type KubernetesVersion = (typeof KUBERNETES_VERSIONS)[number];

/**
 * @param text as kajitori.yaml says it: `1.34`
 * @throws Failure (exit 2, `unknown-kubernetes-version`) for a version without schemas: not checked is never green
 */
export function kubernetesVersion(text: string): KubernetesVersion {
  const version = KUBERNETES_VERSIONS.find((known) => known === text);
  if (version === undefined) {
    throw couldNot(
      `Objects cannot be checked for Kubernetes ${JSON.stringify(text)}: there are no schemas of it.`,
      {
        todo: `The versions that can be checked are ${KUBERNETES_VERSIONS.join(', ')}. For a newer one, update kajitori.`,
        reason: 'unknown-kubernetes-version',
      },
    );
  }
  return version;
}
