import { schema as published } from '@octokit/graphql-schema';
import { buildSchema, type GraphQLSchema, parse, validate } from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { COMMIT_FACTS_DOCUMENT, recentCommitsDocument } from '../src/deploy/deploy-history.ts';
import { statusesDocument } from '../src/github/commit-statuses.ts';
import { revisionsDocument } from '../src/history/github-revisions.ts';
import { commitDatesDocument } from '../src/history/source-times.ts';
import { ANCESTORS_DOCUMENT } from '../src/release/source-history.ts';
import { AUTO_MERGE_DOCUMENT, DISABLE_AUTO_MERGE_DOCUMENT } from '../src/repository/auto-merge.ts';
import { COMMIT_DOCUMENT } from '../src/repository/commit.ts';
import { MOVE_DOCUMENT, PROPOSAL_DOCUMENT } from '../src/repository/proposal.ts';
import {
  CLOSE_PULL_REQUEST_DOCUMENT,
  CREATE_PULL_REQUEST_DOCUMENT,
  UPDATE_PULL_REQUEST_DOCUMENT,
} from '../src/repository/pull-request.ts';
import { filesDocument, ROOT_DOCUMENT, snapshotDocument } from '../src/repository/snapshot.ts';

const documents: Record<string, string> = {
  ancestors: ANCESTORS_DOCUMENT,
  commit: COMMIT_DOCUMENT,
  'auto-merge': AUTO_MERGE_DOCUMENT,
  'no auto-merge': DISABLE_AUTO_MERGE_DOCUMENT,
  'create pull request': CREATE_PULL_REQUEST_DOCUMENT,
  'close pull request': CLOSE_PULL_REQUEST_DOCUMENT,
  'update pull request': UPDATE_PULL_REQUEST_DOCUMENT,
  move: MOVE_DOCUMENT,
  proposal: PROPOSAL_DOCUMENT,
  'no file at a commit': filesDocument(0),
  'three files at a commit': filesDocument(3),
  root: ROOT_DOCUMENT,
  'dates of commits': commitDatesDocument(2),
  'commits that changed a file': revisionsDocument(1, true),
  'commits that changed a file, without pull requests': revisionsDocument(1, false),
  'commits that changed a file, with three files': revisionsDocument(3, true),
  'facts of a commit': COMMIT_FACTS_DOCUMENT,
  'recent commits of the default branch': recentCommitsDocument(true),
  'recent commits of a branch': recentCommitsDocument(false),
  'statuses of one commit': statusesDocument(1),
  'statuses of fifty commits': statusesDocument(50),
};
for (const files of [0, 1, 7]) {
  for (const defaultBranch of [true, false]) {
    for (const history of [true, false]) {
      documents[`snapshot of ${files} files, default branch ${defaultBranch}, history ${history}`] =
        snapshotDocument({ files, defaultBranch, history });
    }
  }
}

describe("every GraphQL document is valid in GitHub's published schema", () => {
  let schema: GraphQLSchema;
  beforeAll(() => {
    // GitHub's own schema breaks a rule of the specification (a deprecated field of an interface); documents do not.
    schema = buildSchema(published.idl, { assumeValid: true });
  });

  test.each(Object.entries(documents))('%s', (_name, document) => {
    expect(validate(schema, parse(document)).map((error) => error.message)).toEqual([]);
  });

  test('a field that GitHub does not have is noticed', () => {
    const document = 'query { repository(owner: "a", name: "b") { nmae } }';
    expect(validate(schema, parse(document))).not.toEqual([]);
  });
});
