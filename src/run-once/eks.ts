import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';
import { type Cluster, kubectlCluster } from './cluster.ts';

export interface EksCluster {
  /** The cluster's name in EKS. */
  readonly name: string;
  readonly region: string;
  /** The role that may create Jobs in it. */
  readonly role: string;
  /** The run's OIDC token for AWS STS. */
  readonly idToken: string;
  /** A folder of this run's own. */
  readonly folder: string;
}

/**
 * A cluster of EKS with credentials that live for minutes: the run's OIDC token becomes the role's, the role's a token for
 * Kubernetes (`aws eks get-token`, which the kubeconfig calls). The AWS CLI is on GitHub's runners.
 *
 * @throws Failure (exit 2, `eks`)
 */
export async function eksCluster({ name, region, role, idToken, folder }: EksCluster): Promise<Cluster> {
  const tokenFile = path.join(folder, 'kajitori-id-token');
  const kubeconfig = path.join(folder, 'kajitori-kubeconfig');
  await writeFile(tokenFile, idToken, { mode: 0o600 });
  // The names that every AWS SDK knows ("Assume role with web identity").
  const environment = {
    AWS_ROLE_ARN: role,
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    AWS_ROLE_SESSION_NAME: 'kajitori-run',
    AWS_REGION: region,
  };
  const args = ['eks', 'update-kubeconfig', '--name', name, '--region', region, '--kubeconfig', kubeconfig];
  const result = await execa('aws', args, { env: environment, reject: false, stdin: 'ignore' });
  if (result.failed) {
    throw couldNot(`The cluster ${name} cannot be reached: ${String(result.stderr) || result.shortMessage}`, {
      todo: 'Check the role, that it trusts this workflow and environment, and that it may call eks:DescribeCluster (docs/run-a-command.md).',
      reason: 'eks',
    });
  }
  return kubectlCluster(kubeconfig, environment);
}
