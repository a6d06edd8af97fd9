import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  GetLifecyclePolicyCommand,
  GetRepositoryPolicyCommand,
  PutLifecyclePolicyCommand,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr';
import { couldNot } from '../report/failure.ts';
import { awsFailure } from './aws-failure.ts';
import { type Ecr, send } from './ecr.ts';
import {
  lifecyclePolicy,
  MOVING_TAGS,
  pullPolicy,
  type RepositoryDrift,
  type RepositoryPlan,
  type RepositoryState,
  repositoryDrift,
  UNKNOWN,
} from './repository-plan.ts';

/** What was found, or made. */
export type EnsuredRepository =
  | { readonly state: 'created' }
  | { readonly state: 'there'; readonly drift: readonly RepositoryDrift[] }
  /** The role may push but not look: the push will say whether the repository exists. */
  | { readonly state: 'unchecked'; readonly message: string };

/** A repository as it is; UNKNOWN where this role may push but not look. */
export type FoundRepository = RepositoryState | 'missing' | typeof UNKNOWN;

/**
 * The repository, made when it is missing and may be made. One that exists is never changed: what differs is said.
 *
 * @param mayCreate what the caller was told; AWS asks for ecr:CreateRepository, ecr:PutLifecyclePolicy and
 *   ecr:SetRepositoryPolicy
 * @param looked what `lookAtRepository` found, where it was asked before
 * @throws Failure (exit 2): `no-repository`, `no-permission`…
 */
export async function ensureRepository(
  ecr: Ecr,
  repository: string,
  plan: RepositoryPlan,
  mayCreate: boolean,
  looked?: FoundRepository,
): Promise<EnsuredRepository> {
  const found = looked ?? (await lookAtRepository(ecr, repository));
  if (found === UNKNOWN) {
    const message = `This role may not look at the repository ${repository} (ecr:DescribeRepositories): its settings were not checked.`;
    return { state: 'unchecked', message };
  }
  if (found !== 'missing') return { state: 'there', drift: repositoryDrift(plan, found) };
  if (!mayCreate) {
    throw couldNot(`There is no repository ${repository} in ${ecr.identity.region}.`, {
      todo: 'Create it, or allow this build to create it (create-repository: true).',
      reason: 'no-repository',
    });
  }
  try {
    await ecr.client.send(
      new CreateRepositoryCommand({
        repositoryName: repository,
        imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
        imageTagMutabilityExclusionFilters: MOVING_TAGS.map((filter) => ({ filterType: 'WILDCARD', filter })),
        imageScanningConfiguration: { scanOnPush: true },
      }),
    );
  } catch (error) {
    // Another build was quicker, or an answer of ours was lost: its settings follow all the same, they are equal.
    if (!(error instanceof Error && error.name === 'RepositoryAlreadyExistsException')) {
      throw await awsFailure(error, { what: `create the repository ${repository}`, identity: ecr.identity });
    }
  }
  await send(ecr, `set the lifecycle policy of ${repository}, which was just created`, (client) =>
    client.send(
      new PutLifecyclePolicyCommand({
        repositoryName: repository,
        lifecyclePolicyText: JSON.stringify(lifecyclePolicy(plan)),
      }),
    ),
  );
  const policy = pullPolicy(plan, ecr.identity.region);
  if (policy !== undefined) {
    await send(ecr, `let the clusters' accounts pull from ${repository}, which was just created`, (client) =>
      client.send(
        new SetRepositoryPolicyCommand({ repositoryName: repository, policyText: JSON.stringify(policy) }),
      ),
    );
  }
  return { state: 'created' };
}

const NOT_THERE = 'RepositoryNotFoundException';

/** Looks at a repository and its policies. Nothing is made. */
export async function lookAtRepository(ecr: Ecr, repository: string): Promise<FoundRepository> {
  const what = `look at the repository ${repository}`;
  // All at once: nearly always the repository is there.
  const [answer, lifecycle, policy] = await Promise.all([
    readable(ecr, what, [NOT_THERE], () =>
      ecr.client.send(new DescribeRepositoriesCommand({ repositoryNames: [repository] })),
    ),
    readable(ecr, what, [NOT_THERE, 'LifecyclePolicyNotFoundException'], () =>
      ecr.client.send(new GetLifecyclePolicyCommand({ repositoryName: repository })),
    ),
    readable(ecr, what, [NOT_THERE, 'RepositoryPolicyNotFoundException'], () =>
      ecr.client.send(new GetRepositoryPolicyCommand({ repositoryName: repository })),
    ),
  ]);
  if (answer === UNKNOWN) return UNKNOWN;
  if (answer === undefined) return 'missing';
  const { repositories: [settings] = [] } = answer;
  return {
    mutability: settings?.imageTagMutability ?? 'MUTABLE',
    exclusions: (settings?.imageTagMutabilityExclusionFilters ?? []).flatMap(({ filter }) => filter ?? []),
    scanOnPush: settings?.imageScanningConfiguration?.scanOnPush ?? false,
    lifecycle: lifecycle === UNKNOWN ? UNKNOWN : lifecycle?.lifecyclePolicyText,
    policy: policy === UNKNOWN ? UNKNOWN : policy?.policyText,
  };
}

/** What AWS answers; undefined where it says that there is none, UNKNOWN where this role may not ask. */
async function readable<T>(
  ecr: Ecr,
  what: string,
  none: readonly string[],
  ask: () => Promise<T>,
): Promise<T | undefined | typeof UNKNOWN> {
  try {
    return await ask();
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (none.includes(name)) return undefined;
    if (name === 'AccessDeniedException') return UNKNOWN;
    throw await awsFailure(error, { what, identity: ecr.identity });
  }
}
