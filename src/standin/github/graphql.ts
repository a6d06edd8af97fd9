import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type DocumentNode,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import type { Actor } from './accounts.ts';
import { type Answer, ApiError, notImplemented } from './answers.ts';
import { mutations } from './graphql-mutations.ts';
import { queries } from './graphql-objects.ts';
import type { World } from './world.ts';

let loaded: GraphQLSchema | undefined;

/** The implemented subset of GitHub's schema. */
export function schema(): GraphQLSchema {
  loaded ??= buildSchema(readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8'));
  return loaded;
}

// The same few documents come again and again, thousands of times in a race: each is parsed and validated once.
const parsed = new Map<string, DocumentNode>();
const judged = new WeakMap<DocumentNode, string>();

function parseOnce(query: string): DocumentNode {
  const known = parsed.get(query);
  if (known !== undefined) return known;
  const document = parse(query);
  if (parsed.size > 200) parsed.clear();
  parsed.set(query, document);
  return document;
}

/** What a document uses that the subset lacks, in words; empty when there is nothing. */
function outsideOfSubset(document: DocumentNode): string {
  const said =
    judged.get(document) ??
    validate(schema(), document)
      .map(({ message }) => message)
      .join(' ');
  judged.set(document, said);
  return said;
}

/** What a GraphQL request asks for, as far as it can be read without running it. */
export interface GraphqlRequest {
  readonly document: DocumentNode | undefined;
  readonly problem: string | undefined;
  readonly operation: OperationDefinitionNode | undefined;
  /** The operation's name, else its first field. */
  readonly name: string;
  readonly fields: readonly string[];
  readonly variables: Readonly<Record<string, unknown>>;
}

export function readGraphqlRequest(body: string): GraphqlRequest {
  const unreadable = {
    document: undefined,
    operation: undefined,
    name: 'unreadable',
    fields: [],
    variables: {},
  };
  let asked: { query?: unknown; variables?: unknown; operationName?: unknown };
  try {
    asked = JSON.parse(body);
  } catch {
    return { ...unreadable, problem: 'Problems parsing JSON' };
  }
  if (typeof asked.query !== 'string')
    return { ...unreadable, problem: 'A query attribute must be specified and must be a string.' };
  let document: DocumentNode;
  try {
    document = parseOnce(asked.query);
  } catch (error) {
    return { ...unreadable, problem: error instanceof Error ? error.message : String(error) };
  }
  const wanted = typeof asked.operationName === 'string' ? asked.operationName : undefined;
  const operation = getOperationAST(document, wanted) ?? undefined;
  const fields = (operation?.selectionSet.selections ?? []).flatMap((selection) =>
    selection.kind === Kind.FIELD ? [selection.name.value] : [],
  );
  return {
    document,
    problem: undefined,
    operation,
    name: operation?.name?.value ?? fields[0] ?? 'unnamed',
    fields,
    variables: (asked.variables ?? {}) as Record<string, unknown>,
  };
}

/** Runs a request. Errors are in GitHub's shape, under HTTP 200; what the subset lacks is answered 501. */
export async function answerGraphql(world: World, actor: Actor, request: GraphqlRequest): Promise<Answer> {
  if (actor.kind === 'anonymous') {
    return { status: 401, body: { message: 'This endpoint requires you to be authenticated.' } };
  }
  if (actor.kind === 'app') return { status: 401, body: { message: 'Bad credentials' } };
  const { document, operation } = request;
  if (document === undefined || operation === undefined) {
    return {
      status: request.document === undefined ? 400 : 200,
      body: { message: request.problem ?? 'No operation' },
    };
  }
  const missingParts = outsideOfSubset(document);
  if (missingParts !== '') throw notImplemented(`this GraphQL document: ${missingParts}`);
  const context: GraphqlContext = { world, actor };
  const result = await execute({
    schema: schema(),
    document,
    rootValue: operation.operation === 'mutation' ? mutations : queries,
    contextValue: context,
    variableValues: request.variables,
    ...(operation.name === undefined ? {} : { operationName: operation.name.value }),
  });
  const missing = (result.errors ?? []).find(
    ({ originalError, message }) =>
      (originalError instanceof ApiError && originalError.status === 501) ||
      /unknown field|does not exist in ".*" enum/.test(message),
  );
  if (missing !== undefined) throw notImplemented(missing.message);
  const internal = (result.errors ?? []).find(
    ({ originalError }) =>
      originalError !== undefined &&
      !(originalError instanceof ApiError) &&
      !(originalError instanceof GraphQLError),
  );
  if (internal?.originalError !== undefined) throw internal.originalError;
  const body = {
    ...(result.data === undefined ? {} : { data: result.data }),
    ...(result.errors === undefined ? {} : { errors: result.errors.map(describe) }),
  };
  return { status: 200, body };
}

export interface GraphqlContext {
  readonly world: World;
  readonly actor: Actor;
}

function describe(error: GraphQLError): object {
  const { originalError, path, locations, message } = error;
  return {
    ...(originalError instanceof ApiError ? { type: originalError.type } : {}),
    ...(path === undefined ? {} : { path }),
    ...(originalError instanceof ApiError && originalError.type === 'FORBIDDEN'
      ? { extensions: { saml_failure: false } }
      : {}),
    ...(locations === undefined ? {} : { locations }),
    message,
  };
}
