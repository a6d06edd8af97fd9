import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { type GitHubClient, GitHubError } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import { type Check, fail, finding, notChecked, ok, warn } from './check.ts';

/** The part of `GET /repos/{owner}/{repo}/rules/branches/{branch}` that is looked at: one rule of one ruleset. */
interface BranchRule {
  readonly type: string;
  readonly ruleset_id: number;
  readonly ruleset_source: string;
}

/** The part of `GET /repos/{owner}/{repo}/rulesets/{id}` that is looked at. */
interface RulesetFacts {
  readonly name: string;
  /** Only shown to those who may change the ruleset. */
  readonly bypass_actors?: readonly {
    readonly actor_type: string;
    readonly actor_id: number | null;
    readonly bypass_mode?: string;
  }[];
  readonly current_user_can_bypass?: 'always' | 'pull_requests_only' | 'never' | 'exempt';
}

/** The part of `GET /repos/{owner}/{repo}/branches/{branch}/protection` that is looked at. */
interface ClassicProtection {
  readonly required_pull_request_reviews?: object;
  readonly required_status_checks?: object;
  readonly restrictions?: { readonly apps?: readonly { readonly slug: string }[] };
}

/** The rules that refuse a commit made directly on the branch. Signatures are no obstacle: GitHub signs an App's commits. */
const AGAINST_COMMITS = new Set([
  'pull_request',
  'required_status_checks',
  'update',
  'merge_queue',
  'required_deployments',
  'workflows',
  'code_scanning',
]);

export interface RulesContext {
  readonly repository: RepositoryName;
  readonly branch: string;
  /** The App that writes, when it is known. */
  readonly app: { readonly id: number; readonly slug: string } | undefined;
  readonly autoMergeAllowed: boolean;
}

/**
 * Whether the rules of the branch let deploys through, the way kajitori.yaml writes them: directly (`via: commit`),
 * or by pull request.
 */
export async function checkRules(
  client: GitHubClient,
  config: KajitoriConfig | undefined,
  context: RulesContext,
): Promise<readonly Check[]> {
  const environments = config === undefined ? [] : environmentsOf(config);
  const direct = environments.filter(({ via }) => via === 'commit').map(({ name }) => name);
  const proposed = environments.filter(({ via }) => via === 'pull-request').map(({ name }) => name);
  const checks: Check[] = [];
  if (config === undefined || direct.length > 0) {
    checks.push(
      ...(await checkRulesets(client, context, direct)),
      ...(await checkClassic(client, context, direct)),
    );
  }
  if (proposed.length > 0) {
    checks.push(
      context.autoMergeAllowed
        ? ok('auto-merge', `Auto-merge is allowed, for the pull requests of ${proposed.join(', ')}.`)
        : warn(
            'auto-merge',
            `Auto-merge is off, so somebody must merge each deploy to ${proposed.join(', ')}.`,
            'Turn on "Allow auto-merge" in the settings of the repository, if deploys shall merge by themselves.',
          ),
    );
  }
  return checks;
}

const orPullRequests = (environments: readonly string[]): string =>
  `or write \`via: pull-request\` under ${environments.length === 0 ? 'the environment' : environments.join(' and ')} in kajitori.yaml`;

function checkRulesets(
  client: GitHubClient,
  { repository, branch, app }: RulesContext,
  direct: readonly string[],
): Promise<readonly Check[]> {
  const name = 'rulesets';
  const place = { owner: repository.owner, repo: repository.name };
  return finding(
    name,
    `read the rules of ${branch}`,
    'Use a token that may read the repository.',
    async () => {
      const rules = await client.rest<readonly BranchRule[]>(
        'GET /repos/{owner}/{repo}/rules/branches/{branch}',
        {
          ...place,
          branch,
          per_page: 100,
        },
      );
      const blocking = Map.groupBy(
        rules.data.filter(({ type }) => AGAINST_COMMITS.has(type)),
        ({ ruleset_id }) => ruleset_id,
      );
      if (blocking.size === 0) {
        return ok(name, `No ruleset stands against commits on ${branch}.`);
      }
      return Promise.all(
        [...blocking].map(async ([id, its]) => {
          const ruleset = await rulesetOf(client, place, id);
          const types = its.map(({ type }) => type).join(', ');
          return bypassCheck(
            name,
            ruleset?.name ?? `${its[0]?.ruleset_source} #${id}`,
            types,
            ruleset,
            app,
            direct,
          );
        }),
      );
    },
  );
}

/** A ruleset of the organization is often not to be read from the repository. */
async function rulesetOf(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string },
  id: number,
): Promise<RulesetFacts | undefined> {
  try {
    const route = 'GET /repos/{owner}/{repo}/rulesets/{ruleset_id}';
    return (await client.rest<RulesetFacts>(route, { ...place, ruleset_id: id })).data;
  } catch (error) {
    if (error instanceof GitHubError && (error.fault.kind === 'missing' || error.fault.kind === 'denied')) {
      return undefined;
    }
    throw error;
  }
}

function bypassCheck(
  name: string,
  ruleset: string,
  types: string,
  facts: RulesetFacts | undefined,
  app: RulesContext['app'],
  direct: readonly string[],
): Check {
  const refuses = `The ruleset "${ruleset}" refuses commits on the branch (${types})`;
  const mend = `Add the GitHub App to the bypass list of the ruleset, mode "Always" (docs/setup.md, "Ruleset"), ${orPullRequests(direct)}.`;
  if (facts?.bypass_actors !== undefined && app !== undefined) {
    const bypass = facts.bypass_actors.some(
      ({ actor_type, actor_id, bypass_mode }) =>
        actor_type === 'Integration' && actor_id === app.id && bypass_mode !== 'pull_request',
    );
    return bypass
      ? ok(name, `${refuses}; the App ${app.slug} may bypass it.`)
      : fail(name, `${refuses}, and the App ${app.slug} may not bypass it.`, mend);
  }
  if (facts?.current_user_can_bypass === 'always' || facts?.current_user_can_bypass === 'exempt') {
    return ok(name, `${refuses}; this token may bypass it.`);
  }
  return notChecked(
    name,
    `${refuses}; whether the GitHub App may bypass it is not to be seen.`,
    `Run doctor with app-id and its key, and a token of an administrator, to see it. ${mend}`,
  );
}

function checkClassic(
  client: GitHubClient,
  { repository, branch, app }: RulesContext,
  direct: readonly string[],
): Promise<readonly Check[]> {
  const name = 'branch-protection';
  const todo = 'Use a token of an administrator of the repository to see it (administration: read).';
  return finding(name, `read the protection of ${branch}`, todo, async () => {
    let protection: ClassicProtection;
    try {
      protection = (
        await client.rest<ClassicProtection>('GET /repos/{owner}/{repo}/branches/{branch}/protection', {
          owner: repository.owner,
          repo: repository.name,
          branch,
        })
      ).data;
    } catch (error) {
      if (error instanceof GitHubError && /branch not protected/i.test(error.fault.message)) {
        return ok(name, `${branch} has no classic protection.`);
      }
      throw error;
    }
    const against = [
      protection.required_pull_request_reviews === undefined ? [] : ['pull requests are required'],
      protection.required_status_checks === undefined ? [] : ['status checks are required'],
      protection.restrictions === undefined ||
      protection.restrictions.apps?.some(({ slug }) => slug === app?.slug)
        ? []
        : ['only some may push'],
    ].flat();
    // The bypass of a ruleset does not help here: classic protection is asked too.
    return against.length === 0
      ? ok(name, `The classic protection of ${branch} lets commits through.`)
      : fail(
          name,
          `The classic protection of ${branch} refuses commits (${against.join(', ')}).`,
          `Replace it by a ruleset with the GitHub App on its bypass list (docs/setup.md, "Ruleset"), ${orPullRequests(direct)}.`,
        );
  });
}
