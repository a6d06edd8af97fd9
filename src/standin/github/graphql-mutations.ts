import { ApiError, unprocessable } from './answers.ts';
import { commitOnBranch } from './commit-on-branch.ts';
import { isOid, noOid, type Oid } from './git-objects.ts';
import { isRefName, RefMoved } from './git-store.ts';
import type { GraphqlContext } from './graphql.ts';
import {
  commentNode,
  nodeId,
  objectNode,
  pullByNodeId,
  pullNode,
  refById,
  refNode,
  repositoryById,
  repositoryByName,
} from './graphql-objects.ts';
import {
  disableAutoMerge,
  enableAutoMerge,
  type MergeMethod,
  mergePullRequest,
  openPullRequest,
} from './pull-requests.ts';
import { createRef, updateRefs } from './ref-changes.ts';
import { addComment } from './rest-issues.ts';

type Input<T> = { readonly input: T & { readonly clientMutationId?: string | null } };

const maybe = <K extends string, T>(key: K, value: T | null | undefined): { [key in K]?: T } =>
  (value === null || value === undefined ? {} : { [key]: value }) as { [key in K]?: T };

/** REST's statuses for a refused merge become one type in GraphQL. */
async function asUnprocessable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError && [405, 409, 422].includes(error.status)) {
      const [first] = error.errors ?? [];
      const detail = typeof first === 'object' ? first.message : first;
      throw unprocessable(detail ?? error.message, error.type);
    }
    throw error;
  }
}

/** The root of mutations. */
export const mutations = {
  createCommitOnBranch: async (
    {
      input,
    }: Input<{
      branch: { repositoryNameWithOwner?: string | null; branchName?: string | null; id?: string | null };
      expectedHeadOid: string;
      message: { headline: string; body?: string | null };
      fileChanges?: { additions: { path: string; contents: string }[]; deletions: { path: string }[] } | null;
    }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { id, repositoryNameWithOwner, branchName } = input.branch;
    let branch: string;
    let repository: ReturnType<typeof repositoryById>;
    if (id) {
      const found = refById(context, id);
      if (!found.ref.startsWith('refs/heads/'))
        throw unprocessable('The Ref to be updated must be a branch.');
      repository = found.repository;
      branch = found.ref.slice('refs/heads/'.length);
    } else if (repositoryNameWithOwner && branchName) {
      repository = repositoryByName(context, repositoryNameWithOwner);
      branch = branchName.replace(/^refs\/heads\//, '');
    } else {
      throw unprocessable('A branch must be given by id, or by repositoryNameWithOwner and branchName.');
    }
    const oid = await commitOnBranch(repository, context.actor, {
      branch,
      expectedHeadOid: input.expectedHeadOid,
      headline: input.message.headline,
      body: input.message.body,
      additions: input.fileChanges?.additions ?? [],
      deletions: input.fileChanges?.deletions ?? [],
    });
    await repository.afterChange();
    return {
      clientMutationId: input.clientMutationId,
      commit: () => objectNode(repository, oid),
      ref: () => refNode(repository, `refs/heads/${branch}`),
    };
  },

  createRef: async (
    { input }: Input<{ repositoryId: string; name: string; oid: Oid }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const repository = repositoryById(context, input.repositoryId);
    await createRef(repository, context.actor, input.name, input.oid);
    return { clientMutationId: input.clientMutationId, ref: () => refNode(repository, input.name) };
  },

  updateRef: async (
    { input }: Input<{ refId: string; oid: Oid; force: boolean }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, ref } = refById(context, input.refId);
    await updateRefs(repository, context.actor, [{ ref, after: input.oid, force: input.force }]);
    return { clientMutationId: input.clientMutationId, ref: () => refNode(repository, ref) };
  },

  updateRefs: async (
    {
      input,
    }: Input<{
      repositoryId: string;
      refUpdates: { name: string; beforeOid?: Oid | null; afterOid: Oid; force: boolean }[];
    }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const repository = repositoryById(context, input.repositoryId);
    for (const { name, afterOid } of input.refUpdates) {
      if (!isRefName(name) || !isOid(afterOid)) throw unprocessable(`Invalid ref update of ${name}`);
    }
    try {
      await updateRefs(
        repository,
        context.actor,
        input.refUpdates.map(({ name, beforeOid, afterOid, force }) => ({
          ref: name,
          after: afterOid,
          force,
          ...maybe('before', beforeOid),
        })),
      );
    } catch (error) {
      if (error instanceof RefMoved) throw unprocessable(error.message, 'STALE_DATA');
      throw error;
    }
    return { clientMutationId: input.clientMutationId };
  },

  deleteRef: async ({ input }: Input<{ refId: string }>, context: GraphqlContext): Promise<object> => {
    const { repository, ref } = refById(context, input.refId);
    await updateRefs(repository, context.actor, [{ ref, after: noOid, force: true }]);
    return { clientMutationId: input.clientMutationId };
  },

  createPullRequest: async (
    {
      input,
    }: Input<{
      repositoryId: string;
      title: string;
      headRefName: string;
      baseRefName: string;
      body?: string | null;
      draft?: boolean | null;
    }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const repository = repositoryById(context, input.repositoryId);
    const asked = {
      title: input.title,
      head: input.headRefName,
      base: input.baseRefName,
      ...maybe('body', input.body),
      ...maybe('draft', input.draft),
    };
    const pull = await asUnprocessable(openPullRequest(repository, context.actor, asked));
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(repository, pull, context.world),
    };
  },

  updatePullRequest: async (
    {
      input,
    }: Input<{
      pullRequestId: string;
      title?: string | null;
      body?: string | null;
      state?: 'OPEN' | 'CLOSED' | null;
      baseRefName?: string | null;
    }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.pullRequestId);
    repository.demand(context.actor, 'pull_requests', 'write');
    pull.title = input.title ?? pull.title;
    pull.body = input.body ?? pull.body;
    pull.base = input.baseRefName ?? pull.base;
    if (input.state) pull.state = input.state === 'OPEN' ? 'open' : 'closed';
    pull.updatedAt = context.world.clock();
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(repository, pull, context.world),
    };
  },

  closePullRequest: async (
    { input }: Input<{ pullRequestId: string }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.pullRequestId);
    repository.demand(context.actor, 'pull_requests', 'write');
    pull.state = 'closed';
    pull.updatedAt = context.world.clock();
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(repository, pull, context.world),
    };
  },

  enablePullRequestAutoMerge: async (
    { input }: Input<MergeInput>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.pullRequestId);
    await enableAutoMerge(repository, context.actor, pull, mergeRequest(input));
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(repository, pull, context.world),
    };
  },

  disablePullRequestAutoMerge: async (
    { input }: Input<{ pullRequestId: string }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.pullRequestId);
    disableAutoMerge(repository, context.actor, pull);
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(repository, pull, context.world),
    };
  },

  mergePullRequest: async ({ input }: Input<MergeInput>, context: GraphqlContext): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.pullRequestId);
    await asUnprocessable(mergePullRequest(repository, context.actor, pull, mergeRequest(input)));
    await repository.afterChange();
    return {
      clientMutationId: input.clientMutationId,
      pullRequest: pullNode(repository, pull, context.world),
    };
  },

  addLabelsToLabelable: async (
    { input }: Input<{ labelableId: string; labelIds: string[] }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.labelableId);
    repository.demand(context.actor, 'pull_requests', 'write');
    for (const id of input.labelIds) {
      const label = [...repository.labels.values()].find((other) => nodeId.label(other.id) === id);
      if (label === undefined)
        throw new ApiError(404, `Could not resolve to a node with the global id of '${id}'`);
      if (!pull.labels.includes(label.name)) pull.labels.push(label.name);
    }
    return { clientMutationId: input.clientMutationId, labelable: pullNode(repository, pull, context.world) };
  },

  addComment: async (
    { input }: Input<{ subjectId: string; body: string }>,
    context: GraphqlContext,
  ): Promise<object> => {
    const { repository, pull } = pullByNodeId(context, input.subjectId);
    const comment = await asUnprocessable(addComment(repository, context.actor, pull, input.body));
    return {
      clientMutationId: input.clientMutationId,
      subject: {
        ...pullNode(repository, pull, context.world),
        lastComment: commentNode(repository, pull, comment, context.world),
      },
    };
  },
};

interface MergeInput {
  readonly pullRequestId: string;
  readonly mergeMethod: 'MERGE' | 'SQUASH' | 'REBASE';
  readonly commitHeadline?: string | null;
  readonly commitBody?: string | null;
  readonly expectedHeadOid?: string | null;
}

const mergeRequest = (input: MergeInput) => ({
  method: input.mergeMethod.toLowerCase() as MergeMethod,
  ...maybe('title', input.commitHeadline),
  ...maybe('message', input.commitBody),
  ...maybe('expectedHead', input.expectedHeadOid),
});
