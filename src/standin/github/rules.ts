/**
 * Which branch rules a change breaks, in GitHub's words. Pure: the facts of the change come in, sentences go out.
 * https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
 */

/** One rule of a ruleset, in the shape of GET /repos/{owner}/{repo}/rulesets/{id}. */
export type Rule =
  | {
      readonly type:
        | 'creation'
        | 'update'
        | 'deletion'
        | 'non_fast_forward'
        | 'required_signatures'
        | 'required_linear_history';
    }
  | {
      readonly type: 'pull_request';
      readonly parameters?: {
        readonly required_approving_review_count?: number;
        readonly require_code_owner_review?: boolean;
        readonly dismiss_stale_reviews_on_push?: boolean;
      };
    }
  | {
      readonly type: 'required_status_checks';
      readonly parameters: {
        readonly required_status_checks: readonly {
          readonly context: string;
          readonly integration_id?: number;
        }[];
        readonly strict_required_status_checks_policy?: boolean;
      };
    };

export interface BypassActor {
  readonly actor_type: 'Integration' | 'Team' | 'RepositoryRole' | 'OrganizationAdmin';
  /** The App's id, the team's id, or a repository role (5 is admin, 4 is write). */
  readonly actor_id: number | null;
  readonly bypass_mode?: 'always' | 'pull_request';
}

/** A ruleset for branches, in the shape in which GitHub exports one. */
export interface Ruleset {
  readonly name: string;
  /** active without it. */
  readonly enforcement?: 'active' | 'evaluate' | 'disabled';
  /** The default branch without it. Patterns are full refs with `*` and `**`, or `~DEFAULT_BRANCH`, `~ALL`. */
  readonly conditions?: {
    readonly ref_name: { readonly include: readonly string[]; readonly exclude: readonly string[] };
  };
  readonly bypass_actors?: readonly BypassActor[];
  readonly rules: readonly Rule[];
}

/** Classic branch protection of one branch, as far as the stand-in enforces it. */
export interface BranchProtection {
  readonly pullRequest?: { readonly approvals?: number; readonly codeOwners?: boolean };
  readonly statusChecks?: readonly string[];
  /** The branch must be up to date with its base before merging. */
  readonly strict?: boolean;
  /** Administrators are bound too. */
  readonly enforceAdmins?: boolean;
  /** Only these users, teams (`acme/team`) and Apps (by slug) may push. */
  readonly pushers?: readonly string[];
  readonly allowForcePushes?: boolean;
  readonly allowDeletions?: boolean;
}

/** What the rules need to know of who acts. */
export interface RuleActor {
  /** A login, or an App's slug. */
  readonly name: string;
  readonly appId: number | undefined;
  readonly role: 'none' | 'read' | 'write' | 'admin';
  readonly teams: readonly { readonly id: number; readonly name: string }[];
  readonly ownsOrganization: boolean;
}

/** A change of one branch that is not a merge of a pull request. */
export interface BranchChange {
  readonly branch: string;
  readonly kind: 'create' | 'update' | 'delete';
  readonly fastForward: boolean;
  /** Every new commit carries a verified signature. */
  readonly signed: boolean;
  /** A new commit has two parents. */
  readonly hasMerges: boolean;
  /** Whether a check is green on the commit the branch is to point to. */
  readonly isGreen: (context: string) => boolean;
}

/** What a merge of a pull request has to show. */
export interface MergeFacts {
  readonly branch: string;
  /** Approvals that count: by people with write access who are not the author, on commits not dismissed. */
  readonly approvals: number;
  readonly changesRequested: boolean;
  /** Owner groups of the changed files of which nobody approved, each as CODEOWNERS names them, without `@`. */
  readonly missingOwners: readonly (readonly string[])[];
  readonly isGreen: (context: string) => boolean;
  readonly hasFailed: (context: string) => boolean;
  /** The head contains the whole base. */
  readonly upToDate: boolean;
  readonly method: 'merge' | 'squash' | 'rebase';
}

/** Broken rules, by where they come from: classic protection is worded differently and knows no ruleset's bypass. */
export interface Violations {
  readonly rulesets: readonly string[];
  readonly classic: readonly string[];
}

export const clean = ({ rulesets, classic }: Violations): boolean =>
  rulesets.length === 0 && classic.length === 0;

/** Rulesets' `fnmatch` (File::FNM_PATHNAME): `*` stays within a segment, `**` crosses them. */
export function matchesRef(pattern: string, branch: string, defaultBranch: string): boolean {
  if (pattern === '~ALL') return true;
  if (pattern === '~DEFAULT_BRANCH') return branch === defaultBranch;
  const source = pattern
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?';
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      if (part === '?') return '[^/]';
      return part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`).test(`refs/heads/${branch}`);
}

/** The rulesets that bind a branch. */
export function applying<T extends Ruleset>(
  rulesets: readonly T[],
  branch: string,
  defaultBranch: string,
): T[] {
  return rulesets.filter((ruleset) => {
    if ((ruleset.enforcement ?? 'active') !== 'active') return false;
    const { include, exclude } = ruleset.conditions?.ref_name ?? {
      include: ['~DEFAULT_BRANCH'],
      exclude: [],
    };
    const matches = (pattern: string): boolean => matchesRef(pattern, branch, defaultBranch);
    return include.some(matches) && !exclude.some(matches);
  });
}

export function bypasses(ruleset: Ruleset, actor: RuleActor, merging: boolean): boolean {
  return (ruleset.bypass_actors ?? []).some((bypass) => {
    if (bypass.bypass_mode === 'pull_request' && !merging) return false;
    switch (bypass.actor_type) {
      case 'Integration':
        return actor.appId !== undefined && bypass.actor_id === actor.appId;
      case 'Team':
        return actor.teams.some(({ id }) => id === bypass.actor_id);
      case 'RepositoryRole':
        return bypass.actor_id === 5
          ? actor.role === 'admin'
          : actor.role === 'admin' || actor.role === 'write';
      case 'OrganizationAdmin':
        return actor.ownsOrganization;
      default:
        return false;
    }
  });
}

function expected(contexts: readonly string[]): string[] {
  if (contexts.length === 0) return [];
  const only = contexts.length === 1 ? contexts[0] : undefined;
  return [
    only === undefined
      ? `${contexts.length} of ${contexts.length} required status checks are expected.`
      : `Required status check "${only}" is expected.`,
  ];
}

const contextsOf = (rule: Rule): readonly string[] =>
  rule.type === 'required_status_checks'
    ? rule.parameters.required_status_checks.map(({ context }) => context)
    : [];

function brokenByChange(rule: Rule, change: BranchChange): string[] {
  switch (rule.type) {
    case 'creation':
      return change.kind === 'create' ? ['Cannot create ref due to creations being restricted.'] : [];
    case 'update':
      return change.kind === 'update' ? ['Cannot update this protected ref.'] : [];
    case 'deletion':
      return change.kind === 'delete' ? ['Cannot delete this branch'] : [];
    case 'non_fast_forward':
      return change.kind === 'update' && !change.fastForward ? ['Cannot force-push to this branch'] : [];
    case 'required_signatures':
      return change.kind !== 'delete' && !change.signed ? ['Commits must have verified signatures.'] : [];
    case 'required_linear_history':
      return change.kind !== 'delete' && change.hasMerges
        ? ['This branch must not contain merge commits.']
        : [];
    case 'pull_request':
      return change.kind === 'update' ? ['Changes must be made through a pull request.'] : [];
    case 'required_status_checks':
      return change.kind === 'delete'
        ? []
        : expected(contextsOf(rule).filter((context) => !change.isGreen(context)));
  }
}

/** What a change of a branch outside a pull request breaks. */
export function brokenByDirectChange(
  rulesets: readonly Ruleset[],
  protection: BranchProtection | undefined,
  change: BranchChange,
  actor: RuleActor,
): Violations {
  const binding = rulesets.filter((ruleset) => !bypasses(ruleset, actor, false));
  const said = binding.flatMap(({ rules }) => rules.flatMap((rule) => brokenByChange(rule, change)));
  return { rulesets: [...new Set(said)], classic: brokenClassic(protection, change, actor) };
}

function brokenClassic(
  protection: BranchProtection | undefined,
  change: BranchChange,
  actor: RuleActor,
): readonly string[] {
  if (protection === undefined || change.kind === 'create') return [];
  const exempt = actor.role === 'admin' && protection.enforceAdmins !== true;
  if (change.kind === 'delete')
    return protection.allowDeletions === true ? [] : ['Cannot delete this branch'];
  const said: string[] = [];
  if (!change.fastForward && protection.allowForcePushes !== true)
    said.push('Cannot force-push to this branch');
  if (exempt) return said;
  if (protection.pushers !== undefined && !named(actor, protection.pushers)) {
    said.push('You are not authorized to push to this branch.');
  }
  if (protection.pullRequest !== undefined) said.push('Changes must be made through a pull request.');
  said.push(...expected((protection.statusChecks ?? []).filter((context) => !change.isGreen(context))));
  return said;
}

const named = (actor: RuleActor, names: readonly string[]): boolean =>
  names.some((name) => name === actor.name || actor.teams.some((team) => team.name === name));

/**
 * What a merge still lacks. Auto-merge passes `mayBypass: false`: it ignores every bypass. Without an actor the
 * answer is for nobody in particular, as a pull request's state shows it.
 */
export function brokenByMerge(
  rulesets: readonly Ruleset[],
  protection: BranchProtection | undefined,
  facts: MergeFacts,
  actor: RuleActor | undefined,
  mayBypass: boolean,
): Violations {
  const excused = mayBypass ? actor : undefined;
  const binding = rulesets.filter((ruleset) => excused === undefined || !bypasses(ruleset, excused, true));
  const said = binding.flatMap(({ rules }) => rules.flatMap((rule) => missingForMerge(rule, facts)));
  const exempt = excused?.role === 'admin' && protection?.enforceAdmins !== true;
  const classic = protection === undefined || exempt ? [] : missingForClassic(protection, facts, actor);
  return { rulesets: [...new Set(said)], classic };
}

function missingReviews(approvals: number, codeOwners: boolean, facts: MergeFacts): string[] {
  if (facts.changesRequested) return ['Changes have been requested.'];
  if (codeOwners && facts.missingOwners.length > 0) {
    const owners = [...new Set(facts.missingOwners.flat())];
    return [`Waiting on code owner review from ${owners.join(' and/or ')}.`];
  }
  if (facts.approvals < approvals) {
    return approvals === 1
      ? ['At least 1 approving review is required by reviewers with write access.']
      : [`At least ${approvals} approving reviews are required by reviewers with write access.`];
  }
  return [];
}

function missingChecks(contexts: readonly string[], strict: boolean, facts: MergeFacts): string[] {
  const failed = contexts.filter((context) => facts.hasFailed(context));
  const said = failed.map((context) => `Required status check "${context}" is failing.`);
  said.push(...expected(contexts.filter((context) => !facts.isGreen(context) && !facts.hasFailed(context))));
  if (strict && !facts.upToDate) said.push('The head branch is not up to date with the base branch.');
  return said;
}

function missingForMerge(rule: Rule, facts: MergeFacts): string[] {
  switch (rule.type) {
    case 'update':
      return ['Cannot update this protected ref.'];
    case 'pull_request':
      return missingReviews(
        rule.parameters?.required_approving_review_count ?? 0,
        rule.parameters?.require_code_owner_review ?? false,
        facts,
      );
    case 'required_status_checks':
      return missingChecks(
        contextsOf(rule),
        rule.parameters.strict_required_status_checks_policy ?? false,
        facts,
      );
    case 'required_linear_history':
      return facts.method === 'merge' ? ['This branch must not contain merge commits.'] : [];
    default:
      return [];
  }
}

function missingForClassic(
  protection: BranchProtection,
  facts: MergeFacts,
  actor: RuleActor | undefined,
): string[] {
  const said: string[] = [];
  const { pullRequest, statusChecks, strict, pushers } = protection;
  if (pushers !== undefined && actor !== undefined && !named(actor, pushers))
    said.push('You are not authorized to push to this branch.');
  if (pullRequest !== undefined) {
    said.push(...missingReviews(pullRequest.approvals ?? 0, pullRequest.codeOwners ?? false, facts));
  }
  said.push(...missingChecks(statusChecks ?? [], strict ?? false, facts));
  return said;
}

/** The required contexts of a branch, from all its rules. */
export function requiredContexts(
  rulesets: readonly Ruleset[],
  protection: BranchProtection | undefined,
): string[] {
  const fromRulesets = rulesets.flatMap(({ rules }) => rules.flatMap(contextsOf));
  return [...new Set([...fromRulesets, ...(protection?.statusChecks ?? [])])];
}

/** GitHub's message for broken rules. Classic protection is named alone when it is the only one. */
export function wording({ rulesets, classic }: Violations): string {
  if (rulesets.length === 0) return classic.join(' ');
  return `Repository rule violations found\n\n${[...rulesets, ...classic].join('\n\n')}\n\n`;
}
