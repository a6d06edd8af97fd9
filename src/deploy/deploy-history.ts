import { parseAppName } from '../config/app-name.ts';
import { explainFault, type GitHubClient } from '../github/client.ts';
import { formatRepositoryName } from '../github/repository-name.ts';
import { HOLD_ACTIONS } from '../release/compute-hold.ts';
import { MERGED_FIELDS, type MergeableCommit, proposedBy, wordsOf } from '../release/merged-proposal.ts';
import { couldNot, Failure } from '../report/failure.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import type { BranchTarget } from '../repository/snapshot.ts';

/** A commit of the GitOps repository, and what its trailers say that it deployed. */
export interface DeployCommit {
  readonly oid: string;
  readonly url: string;
  readonly at: Date;
  /** The commit before it; undefined for the first one. */
  readonly parent: string | undefined;
  /** In the order of the message; empty for a commit of a person, for a hold, and for what only came by a merge commit. */
  readonly deploys: readonly DeployedApp[];
  /** Of a merge commit: the commit with which the deploy was proposed. */
  readonly proposed: string | undefined;
}

export interface DeployedApp {
  readonly app: string;
  readonly environment: string;
  /** `bump`, `rollback`, `promote`… */
  readonly action: string;
  readonly key: string | undefined;
}

const COMMIT_FIELDS = `oid url message committedDate ${MERGED_FIELDS}`;

/** The query for one commit. */
export const COMMIT_FACTS_DOCUMENT = `query CommitFacts($owner: String!, $name: String!, $commit: GitObjectID!) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit { ${COMMIT_FIELDS} } }
  }
}`;

/** The query for the newest commits of a branch. */
export const recentCommitsDocument = (defaultBranch: boolean): string =>
  `query RecentCommits($owner: String!, $name: String!${defaultBranch ? '' : ', $branch: String!'}) {
  repository(owner: $owner, name: $name) {
    branch: ${defaultBranch ? 'defaultBranchRef' : 'ref(qualifiedName: $branch)'} {
      target { ... on Commit { history(first: 100) { nodes { ${COMMIT_FIELDS} } } } }
    }
  }
}`;

interface CommitData extends MergeableCommit {
  readonly url: string;
  readonly committedDate: string;
}

/**
 * One commit of the GitOps repository.
 *
 * @throws Failure (exit 2) when it is not there, or GitHub does not answer
 */
export async function readDeployCommit(
  client: GitHubClient,
  { repository }: BranchTarget,
  oid: string,
): Promise<DeployCommit> {
  const full = formatRepositoryName(repository);
  const data = await asked(
    client.graphql<{ repository: { object: CommitData | Record<string, never> | null } | null }>(
      COMMIT_FACTS_DOCUMENT,
      { ...repository, commit: oid },
    ),
    `read commit ${oid.slice(0, 8)} of ${full}`,
  );
  const found = data.repository?.object;
  if (found === null || found === undefined || !('message' in found)) {
    throw couldNot(`There is no commit ${oid} in ${full}.`, {
      todo: 'Give the whole ID of a commit of the GitOps repository: the output commit of bump-values.',
      reason: 'no-commit',
    });
  }
  return toDeployCommit(found as CommitData, new Set());
}

/** The newest hundred commits of the branch, newest first. */
export async function readRecentCommits(
  client: GitHubClient,
  { repository, branch }: BranchTarget,
): Promise<readonly DeployCommit[]> {
  const full = formatRepositoryName(repository);
  const data = await asked(
    client.graphql<{
      repository: {
        branch: { target: { history?: { nodes: readonly (CommitData | null)[] | null } } } | null;
      } | null;
    }>(recentCommitsDocument(branch === undefined), {
      ...repository,
      ...(branch === undefined ? {} : { branch: `refs/heads/${branch}` }),
    }),
    `read the history of ${full}`,
  );
  const nodes = data.repository?.branch?.target.history?.nodes;
  if (nodes === undefined || nodes === null) {
    throw couldNot(`${full} has no branch ${branch ?? ''}.`, {
      todo: 'Check the name of the branch.',
      reason: 'no-branch',
    });
  }
  const commits = nodes.filter((node) => node !== null);
  const merged = new Set(commits.map((commit) => proposedBy(commit)?.oid).filter((oid) => oid !== undefined));
  return commits.map((commit) => toDeployCommit(commit, merged));
}

async function asked<Data>(answer: Promise<Data>, doing: string): Promise<Data> {
  try {
    return await answer;
  } catch (error) {
    throw explainFault(error, doing);
  }
}

/** @param merged commits that a merge commit brought: what they say is what that one deployed */
function toDeployCommit(commit: CommitData, merged: ReadonlySet<string>): DeployCommit {
  const { oid, url, message, committedDate, parents } = commit;
  const proposed = proposedBy(commit);
  return {
    oid,
    url,
    at: new Date(committedDate),
    parent: parents.nodes?.find((node) => node !== null)?.oid,
    deploys: merged.has(oid) ? [] : deploysIn(wordsOf(message, proposed?.message)),
    proposed: proposed?.oid,
  };
}

/**
 * What a commit's trailers say that it deployed: a block for each app, which begins with `Kajitori-App`. A hold, and its
 * end, are no deploy: what ran before goes on running, and its own commit bears the verdict. People can write trailers too, so
 * what is no app's name is left out, and nothing is believed that the files do not show.
 */
export function deploysIn(message: string): readonly DeployedApp[] {
  const blocks: Map<string, string>[] = [];
  const shared = new Map<string, string>();
  for (const { name, value } of parseTrailers(message)) {
    if (name === 'Kajitori-App') {
      blocks.push(new Map([[name, value]]));
    } else if (name === 'Kajitori-Key') {
      shared.set(name, value);
    } else {
      blocks.at(-1)?.set(name, value);
    }
  }
  return blocks.flatMap((block) => {
    const app = checkedApp(block.get('Kajitori-App') ?? '');
    const environment = block.get('Kajitori-Environment');
    const action = block.get('Kajitori-Action') ?? '';
    return app === undefined || environment === undefined || HOLD_ACTIONS.has(action)
      ? []
      : [{ app, environment, action, key: shared.get('Kajitori-Key') }];
  });
}

function checkedApp(text: string): string | undefined {
  try {
    return parseAppName(text);
  } catch (error) {
    if (error instanceof Failure) {
      return undefined;
    }
    throw error;
  }
}
