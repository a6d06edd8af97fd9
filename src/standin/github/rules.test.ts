import { expect, test } from 'vitest';
import { matchesPath, ownersOf, parseCodeOwners } from './code-owners.ts';
import {
  applying,
  brokenByDirectChange,
  matchesRef,
  type RuleActor,
  type Ruleset,
  wording,
} from './rules.ts';

const app: RuleActor = { name: 'kajitori', appId: 7, role: 'write', teams: [], ownsOrganization: false };
const admin: RuleActor = { name: 'boss', appId: undefined, role: 'admin', teams: [], ownsOrganization: true };
const change = {
  branch: 'main',
  kind: 'update',
  fastForward: true,
  signed: false,
  hasMerges: false,
  isGreen: () => false,
} as const;

test.each([
  ['~ALL', 'x', true],
  ['~DEFAULT_BRANCH', 'main', true],
  ['~DEFAULT_BRANCH', 'x', false],
  ['refs/heads/release/*', 'release/1', true],
  ['refs/heads/release/*', 'release/1/2', false],
  ['refs/heads/release/**/*', 'release/1/2', true],
  ['refs/heads/v1.0', 'v1x0', false],
])('the pattern %s on the branch %s', (pattern, branch, expected) => {
  expect(matchesRef(pattern, branch, 'main')).toBe(expected);
});

test('an evaluated or disabled ruleset binds nobody, an excluded branch is free', () => {
  const ruleset = (extra: Partial<Ruleset>): Ruleset => ({ name: 'r', rules: [], ...extra });
  const all = { ref_name: { include: ['~ALL'], exclude: ['refs/heads/free'] } };
  const rulesets = [
    ruleset({ enforcement: 'evaluate' }),
    ruleset({ enforcement: 'disabled' }),
    ruleset({ conditions: all }),
  ];
  expect(applying(rulesets, 'main', 'main')).toHaveLength(1);
  expect(applying(rulesets, 'free', 'main')).toHaveLength(0);
});

test('all broken rules are named, each once', () => {
  const checks = {
    type: 'required_status_checks',
    parameters: { required_status_checks: [{ context: 'a' }, { context: 'b' }] },
  } as const;
  const rules = [
    { type: 'pull_request' },
    { type: 'update' },
    { type: 'required_signatures' },
    checks,
  ] as const;
  const broken = brokenByDirectChange(
    [
      { name: 'r', rules },
      { name: 's', rules },
    ],
    undefined,
    change,
    app,
  );
  expect(wording(broken)).toBe(
    'Repository rule violations found\n\nChanges must be made through a pull request.\n\nCannot update this protected ref.\n\nCommits must have verified signatures.\n\n2 of 2 required status checks are expected.\n\n',
  );
});

test('a bypass for pull requests only does not help a direct change', () => {
  const bypass = { actor_type: 'Integration', actor_id: 7, bypass_mode: 'pull_request' } as const;
  const ruleset: Ruleset = { name: 'r', rules: [{ type: 'pull_request' }], bypass_actors: [bypass] };
  expect(brokenByDirectChange([ruleset], undefined, change, app).rulesets).toHaveLength(1);
  const always: Ruleset = { ...ruleset, bypass_actors: [{ ...bypass, bypass_mode: 'always' }] };
  expect(brokenByDirectChange([always], undefined, change, app).rulesets).toHaveLength(0);
});

test('classic protection spares administrators unless it includes them', () => {
  const protection = { pullRequest: {} };
  expect(brokenByDirectChange([], protection, change, admin).classic).toEqual([]);
  expect(
    brokenByDirectChange([], { ...protection, enforceAdmins: true }, change, admin).classic,
  ).toHaveLength(1);
});

test.each([
  ['*', 'a/b/c', true],
  ['*.yaml', 'a/b.yaml', true],
  ['/apps/', 'apps/web/x', true],
  ['/apps/', 'other/apps/x', false],
  ['apps/', 'other/apps/x', true],
  ['docs/*', 'docs/a', true],
  ['docs/*', 'docs/a/b', false],
  ['/apps/**/release.yaml', 'apps/web/release.yaml', true],
  ['/apps/web', 'apps/web/x', true],
  ['/apps/web', 'apps/website', false],
  ['**/logs', 'a/logs/x', true],
])('the owners pattern %s on %s', (pattern, path, expected) => {
  expect(matchesPath(pattern, path)).toBe(expected);
});

test('the last line that matches names the owners; a line without owners takes them away', () => {
  const rules = parseCodeOwners('# all\n* @boss # everything\n/apps/ @acme/shop\n/apps/free/\n');
  expect(ownersOf(rules, 'README.md')).toEqual(['boss']);
  expect(ownersOf(rules, 'apps/web/x')).toEqual(['acme/shop']);
  expect(ownersOf(rules, 'apps/free/x')).toEqual([]);
});
