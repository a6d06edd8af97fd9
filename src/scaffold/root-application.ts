import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { generatedYaml } from './generated-yaml.ts';
import { gitopsSource } from './gitops-source.ts';

export const ROOT_APPLICATION_FILE = 'argocd/root.yaml';

/**
 * `argocd/root.yaml`: the one Application that Argo CD is given by hand; it applies argocd/, itself included.
 *
 * It does not prune: an ApplicationSet that disappears by a mistake must not take an environment with it.
 *
 * @throws Failure (exit 2) when kajitori.yaml has no `repository`
 */
export function rootApplication(config: KajitoriConfig): string {
  const manifest = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'kajitori', namespace: 'argocd' },
    spec: {
      project: 'default',
      source: { ...gitopsSource(config), path: 'argocd', directory: { recurse: true } },
      // The cluster that Argo CD itself runs in, whatever name it has there.
      destination: { server: 'https://kubernetes.default.svc', namespace: 'argocd' },
      syncPolicy: { automated: { selfHeal: true } },
    },
  };
  return generatedYaml(manifest, KAJITORI_FILE);
}
