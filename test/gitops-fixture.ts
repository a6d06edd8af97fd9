import { type GitHubStandin, type RepositoryOptions, startGitHub } from '../src/standin/github/server.ts';

export const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';
export const digest = (byte: string): string => `sha256:${byte.repeat(32)}`;
export const image = (tag: string, byte = 'ab'): string => `${REGISTRY}/web:${tag}@${digest(byte)}`;

export const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
environments: # in promotion order
  staging: { clusters: [stg-1] }
  production:
    clusters: [prod-1, prod-2]
    promoteFrom: staging
    freeze:
      - { from: 2026-12-29T18:00+09:00, to: 2027-01-04T09:00+09:00, reason: year end }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
teams: { pattern: "@acme/*" }
`;

/** A release file as it stands after a bump, with a comment that somebody added. */
export const releaseFile = (
  tag: string,
  byte: string,
  commit: string,
  build = 1,
): string => `# Which image runs.
image:
  repository: ${REGISTRY}/web
  tag: ${tag} # the build's
  digest: ${digest(byte)}
release: { source: acme/web@${commit}, build: ${build}, workflow: deploy.yml, at: "2026-11-20T09:00:00Z" }
`;

export const gitopsFiles = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'kajitori.yaml': KAJITORI_YAML,
  'apps/web/app.yaml': 'app:\n  team: shop\n  sources: [acme/web]\n',
  'apps/web/values.yaml': 'web: { port: 8080 }\n',
  'apps/billing/app.yaml': 'app:\n  team: money\n  sources: [acme/billing, acme/web]\n',
  ...extra,
});

/** A stand-in with the GitOps repository acme/gitops and the source repository acme/web, whose history is C0 … C3. */
export async function startGitops(
  files: Readonly<Record<string, string>> = gitopsFiles(),
  options: Omit<RepositoryOptions, 'files'> = {},
): Promise<{
  readonly github: GitHubStandin;
  /** Commits of acme/web on main, oldest first. */
  readonly web: readonly string[];
  /** A commit of acme/web beside main. */
  readonly aside: string;
  /** A token that may write to acme/gitops only, as an App's. */
  readonly token: string;
  /** A token that reads acme/web only, as the GITHUB_TOKEN of its runs. */
  readonly sourceToken: string;
}> {
  const github = await startGitHub();
  await github.createRepository('acme/gitops', { files, private: true, ...options });
  const source = await github.createRepository('acme/web', { files: { 'README.md': '0' }, private: true });
  const web = [await source.head()];
  for (const text of ['1', '2', '3']) {
    web.push(await source.commit({ 'README.md': text }, { message: `C${text}` }));
  }
  const aside = await source.commit({ 'README.md': 'aside' }, { message: 'aside', branch: 'aside' });
  await source.commit({ 'README.md': '4' }, { message: 'C4' });
  web.push(await source.head());
  const app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write', pull_requests: 'write', issues: 'write', metadata: 'read' },
  });
  app.install('acme', ['gitops']);
  return {
    github,
    web,
    aside,
    token: app.token('acme', { repositories: ['gitops'] }),
    sourceToken: github.actionsToken('acme/web', { contents: 'read', metadata: 'read' }),
  };
}
