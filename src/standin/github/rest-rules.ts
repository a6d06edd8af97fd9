import { type Answer, ApiError, notFound, ok, page } from './answers.ts';
import type { Repository, StoredRuleset } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';
import { applying, type BranchProtection } from './rules.ts';

const summary = (repository: Repository, ruleset: StoredRuleset) => ({
  id: ruleset.id,
  name: ruleset.name,
  target: 'branch',
  source_type: 'Repository',
  source: repository.fullName,
  enforcement: ruleset.enforcement ?? 'active',
});

/** Who may bypass is shown to those only who may change the ruleset. */
function whole(repository: Repository, ruleset: StoredRuleset, { actor }: RestRequest) {
  const administers = repository.levelOf(actor, 'administration') === 'write';
  return {
    ...summary(repository, ruleset),
    conditions: ruleset.conditions ?? { ref_name: { include: ['~DEFAULT_BRANCH'], exclude: [] } },
    rules: ruleset.rules,
    ...(administers ? { bypass_actors: ruleset.bypass_actors ?? [] } : {}),
  };
}

function rulesOfBranch(repository: Repository, branch: string) {
  return applying(repository.rulesets, branch, repository.defaultBranch).flatMap((ruleset) =>
    ruleset.rules.map((rule) => ({
      ...rule,
      ruleset_source_type: 'Repository',
      ruleset_source: repository.fullName,
      ruleset_id: ruleset.id,
    })),
  );
}

function protectionAnswer(protection: BranchProtection) {
  const { pullRequest, statusChecks, strict, pushers } = protection;
  return {
    enforce_admins: { enabled: protection.enforceAdmins ?? false },
    allow_force_pushes: { enabled: protection.allowForcePushes ?? false },
    allow_deletions: { enabled: protection.allowDeletions ?? false },
    ...(statusChecks === undefined
      ? {}
      : { required_status_checks: { strict: strict ?? false, contexts: statusChecks } }),
    ...(pullRequest === undefined
      ? {}
      : {
          required_pull_request_reviews: {
            required_approving_review_count: pullRequest.approvals ?? 0,
            require_code_owner_reviews: pullRequest.codeOwners ?? false,
            dismiss_stale_reviews: false,
          },
        }),
    ...(pushers === undefined
      ? {}
      : { restrictions: { users: pushers.map((login) => ({ login })), teams: [], apps: [] } }),
  };
}

async function protection(repository: Repository, { actor, parameters }: RestRequest): Promise<Answer> {
  repository.demand(actor, 'administration', 'read');
  const branch = parameters.branch ?? '';
  if ((await repository.head(branch)) === undefined) throw new ApiError(404, 'Branch not found');
  const found = repository.protection.get(branch);
  // A ruleset is not a protection: this endpoint does not know of it.
  if (found === undefined) throw new ApiError(404, 'Branch not protected');
  return ok(protectionAnswer(found));
}

export const ruleRoutes: readonly Route[] = [
  repositoryRoute('GET', '/rulesets', (repository, { url }) =>
    page(
      repository.rulesets.map((ruleset) => summary(repository, ruleset)),
      url,
    ),
  ),
  repositoryRoute('GET', '/rulesets/{ruleset_id}', (repository, request) => {
    const found = repository.rulesets.find(({ id }) => String(id) === request.parameters.ruleset_id);
    if (found === undefined) throw notFound();
    return ok(whole(repository, found, request));
  }),
  repositoryRoute('GET', '/rules/branches/{branch+}', (repository, { parameters, url }) =>
    page(rulesOfBranch(repository, parameters.branch ?? ''), url),
  ),
  repositoryRoute('GET', '/branches/{branch}/protection', protection),
];
