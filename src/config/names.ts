import { z } from 'zod';

/**
 * Names that become parts of Kubernetes names: RFC 1035 labels, which begin with a letter.
 *
 * Services required RFC 1035 until Kubernetes 1.34, and a leading letter also keeps the order of keys: JavaScript
 * sorts keys that look like integers to the front, and the order of environments has a meaning here.
 */
export const LABEL = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * `<app>-<cluster>` is the name of an Argo CD Application, and Argo CD can be set to track resources by writing it
 * into a label (`app.kubernetes.io/instance`), whose value holds 63 characters: 30 + 1 + 32.
 */
export const LONGEST_APP_NAME = 30;
export const LONGEST_CLUSTER_NAME = 32;
/** It names an ApplicationSet and is a label's value; as long as an app's name is enough. */
export const LONGEST_ENVIRONMENT_NAME = 30;

const label = (longest: number) =>
  z
    .string()
    .regex(
      LABEL,
      'must be lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen',
    )
    .max(longest, `must have at most ${longest} characters`);

/** argocd/<environment>.yaml stands beside these. */
const RESERVED_ENVIRONMENTS = ['root', 'platform', 'projects'];
/** defaults/<cluster>.yaml stands beside this one. */
const RESERVED_CLUSTERS = ['platform'];

export const environmentName = label(LONGEST_ENVIRONMENT_NAME).refine(
  (name) => !RESERVED_ENVIRONMENTS.includes(name),
  `must not be one of: ${RESERVED_ENVIRONMENTS.join(', ')}; files of argocd/ have these names`,
);
export const clusterName = label(LONGEST_CLUSTER_NAME).refine(
  (name) => !RESERVED_CLUSTERS.includes(name),
  'must not be platform; defaults/platform.yaml is for all clusters',
);
