import { z } from 'zod';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { callerPaths } from '../scaffold/callers.ts';
import { type Check, fail, notChecked, ok, warn } from './check.ts';

/** Reusable workflows that sign with the App's key; the others call no `kms-key`. */
const SIGNING = ['new-app.yml', 'add-cronjob.yml', 'rollback.yml', 'hold.yml', 'promote.yml', 'wait.yml'];

const CLAIM = 'token.actions.githubusercontent.com';

const texts = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const conditions = z.record(z.string(), z.record(z.string(), texts));
const policy = z.object({
  Statement: z.array(z.object({ Effect: z.string(), Action: texts, Condition: conditions.optional() })),
});
/** A policy by itself, or as `aws iam get-role` prints it. */
const file = z.union([
  policy,
  z
    .object({ Role: z.object({ AssumeRolePolicyDocument: policy }) })
    .transform(({ Role }) => Role.AssumeRolePolicyDocument),
]);

/**
 * Whether the trust policy of the role that signs lets in the workflows that are used, at the version that kajitori.yaml names, and
 * nobody else. AWS itself says only AccessDenied.
 *
 * @param text JSON: the policy, or what `aws iam get-role` prints
 */
export function checkTrust(
  text: string,
  suite: RepositoryName,
  config: KajitoriConfig | undefined,
): readonly Check[] {
  const name = 'kms-trust';
  const parsed = parseJson(text);
  const { data } = file.safeParse(parsed);
  if (data === undefined || config === undefined) {
    return [
      notChecked(
        name,
        data === undefined
          ? 'The trust policy is not what `aws iam get-role` prints.'
          : 'The trust policy was not compared: kajitori.yaml is not known.',
        'Write it with: aws iam get-role --role-name kajitori-sign > role.json',
      ),
    ];
  }
  const allowing = data.Statement.filter(
    ({ Effect, Action }) =>
      Effect === 'Allow' && Action.some((action) => /^sts:(?:AssumeRoleWithWebIdentity|\*)$/.test(action)),
  );
  const claims = allowing.map(({ Condition = {} }) => claimsOf(Condition));
  const trusted = claims.flatMap(({ workflows }) => workflows);
  const needed = [
    'release.yml',
    ...callerPaths(config).flatMap((path) => SIGNING.filter((each) => path.endsWith(`/workflows/${each}`))),
  ];
  const refs = needed.map(
    (workflow) => `${formatRepositoryName(suite)}/.github/workflows/${workflow}@refs/tags/${config.version}`,
  );
  const missing = refs.filter((ref) => !trusted.includes(ref));
  const wide =
    claims.some(({ workflows, isOfOrganization }) => workflows.length === 0 || !isOfOrganization) ||
    trusted.some((ref) => /[*?]/.test(ref));
  return [
    ...(wide
      ? [
          fail(
            name,
            'The role trusts more than the workflows of Kajitori in your organization.',
            'Compare its trust policy with docs/setup.md, "KMS key": job_workflow_ref in full, without *, and `sub` and `repository` of your organization.',
          ),
        ]
      : []),
    ...(missing.length > 0
      ? [
          warn(
            name,
            `The role does not trust ${missing.join(', ')}: these workflows cannot sign.`,
            'Add them to job_workflow_ref in its trust policy (docs/setup.md, "Forms"), unless you do not use them.',
          ),
        ]
      : []),
    ...(wide || missing.length > 0
      ? []
      : [ok(name, `The role trusts the ${refs.length} workflows that sign.`)]),
  ];
}

function claimsOf(condition: z.output<typeof conditions>) {
  const all = Object.entries(condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({ operator, key: key.replace(`${CLAIM}:`, ''), values })),
  );
  // Any other operator (…IfExists, StringNotLike) lets in what it does not name.
  const exact = all.filter(({ operator }) => operator === 'StringEquals' || operator === 'StringLike');
  const ofKey = (key: string) => exact.filter((each) => each.key === key).flatMap(({ values }) => values);
  return {
    workflows: ofKey('job_workflow_ref'),
    isOfOrganization: ['sub', 'repository'].every((key) => {
      const values = ofKey(key);
      return values.length > 0 && values.every((value) => /^(?:repo:)?[\w-]+(?:@\d+)?\//.test(value));
    }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
