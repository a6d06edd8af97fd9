import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { couldNot } from '../report/failure.ts';

/** The GitOps repository as Argo CD reads it. */
export interface GitopsSource {
  readonly repoURL: string;
  readonly targetRevision: string;
}

/** @throws Failure (exit 2, `no-repository`) when kajitori.yaml does not say it */
export function gitopsSource(config: KajitoriConfig): GitopsSource {
  if (config.repository === undefined) {
    throw couldNot('kajitori.yaml does not say by which URL Argo CD reads this repository.', {
      at: { file: KAJITORI_FILE },
      todo: 'Add it: repository: { url: https://github.com/acme/gitops.git }',
      reason: 'no-repository',
    });
  }
  return { repoURL: config.repository.url, targetRevision: config.repository.branch };
}
