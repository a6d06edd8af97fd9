import { schema as publishedSchema } from '@octokit/graphql-schema';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { expect, test } from 'vitest';
import { refusalOf, startFixture } from './fixture.ts';
import { schema } from './graphql.ts';

const published = buildSchema(
  publishedSchema.idl,
  // GitHub's own file defines a field twice.
  { assumeValidSDL: true, assumeValid: true },
);

/** How a type differs from the published one of its name, in words. */
function differences(own: GraphQLNamedType): string[] {
  const theirs = published.getType(own.name);
  if (theirs === undefined) return [`${own.name} is not published`];
  if (theirs.constructor !== own.constructor) return [`${own.name} is of another kind`];
  const said: string[] = [];
  const same = (
    name: string,
    ours: { type: unknown } | undefined,
    other: { type: unknown } | undefined,
  ): void => {
    if (String(ours?.type) !== String(other?.type))
      said.push(`${name}: ${String(ours?.type)} is published as ${String(other?.type)}`);
  };
  if (isEnumType(own) && isEnumType(theirs)) {
    const values = theirs.getValues().map(({ name }) => name);
    for (const { name } of own.getValues())
      if (!values.includes(name)) said.push(`${own.name}.${name} is not published`);
  }
  if (isInputObjectType(own) && isInputObjectType(theirs)) {
    for (const field of Object.values(own.getFields()))
      same(`${own.name}.${field.name}`, field, theirs.getFields()[field.name]);
    said.push(
      ...demanded(
        own.name,
        Object.values(theirs.getFields()).filter(isRequiredInputField),
        Object.keys(own.getFields()),
      ),
    );
  }
  if ((isObjectType(own) && isObjectType(theirs)) || (isInterfaceType(own) && isInterfaceType(theirs))) {
    const implemented = theirs.getInterfaces().map(({ name }) => name);
    for (const { name } of own.getInterfaces())
      if (!implemented.includes(name)) said.push(`${own.name} implements ${name}`);
    for (const field of Object.values(own.getFields())) {
      const other = theirs.getFields()[field.name];
      same(`${own.name}.${field.name}`, field, other);
      for (const arg of field.args)
        same(
          `${own.name}.${field.name}(${arg.name})`,
          arg,
          other?.args.find(({ name }) => name === arg.name),
        );
      said.push(
        ...demanded(
          `${own.name}.${field.name}`,
          (other?.args ?? []).filter(isRequiredArgument),
          field.args.map(({ name }) => name),
        ),
      );
    }
  }
  return said;
}

const demanded = (
  where: string,
  required: readonly (GraphQLArgument | GraphQLInputField)[],
  own: readonly string[],
): string[] =>
  required.filter(({ name }) => !own.includes(name)).map(({ name }) => `${where} lacks the required ${name}`);

test('every type, field, argument and enum value of the subset is published by GitHub with the same type', () => {
  const own = Object.values(schema().getTypeMap()).filter(({ name }) => !name.startsWith('__'));
  expect(own.length).toBeGreaterThan(60);
  expect(own.flatMap(differences)).toEqual([]);
});

test('a field that GitHub has and the stand-in has not is 501, and the message names it', async () => {
  await using at = await startFixture();
  const refused = await refusalOf(
    at.octokit.graphql('{ repository(owner: "acme", name: "gitops") { stargazerCount } }'),
  );
  expect(refused.status).toBe(501);
  expect(refused.message).toContain('stargazerCount');
});

test('an input field outside the subset is 501 too, also in variables', async () => {
  await using at = await startFixture();
  const input = {
    repositoryId: 'R_1',
    title: 't',
    headRefName: 'h',
    baseRefName: 'b',
    headRepositoryId: 'R_2',
  };
  const query =
    'mutation ($input: CreatePullRequestInput!) { createPullRequest(input: $input) { clientMutationId } }';
  const refused = await refusalOf(at.octokit.graphql(query, { input }));
  expect(refused.status).toBe(501);
  expect(refused.message).toContain('headRepositoryId');
});

test('an unknown REST route, and an unknown filter of a known one, are 501', async () => {
  await using at = await startFixture();
  const repository = { owner: 'acme', repo: 'gitops' };
  expect(
    await refusalOf(at.octokit.request('GET /repos/{owner}/{repo}/stargazers', repository)),
  ).toMatchObject({
    status: 501,
    message: 'The stand-in for GitHub does not implement GET /repos/acme/gitops/stargazers.',
  });
  const filtered = at.octokit.request('GET /repos/{owner}/{repo}/commits', { ...repository, author: 'x' });
  expect((await refusalOf(filtered)).status).toBe(501);
});

test('a connection without first or last, or with more than 100, is refused', async () => {
  await using at = await startFixture();
  const ask = async (bounds: string): Promise<string> => {
    const query = `{ repository(owner: "acme", name: "gitops") { labels${bounds} { totalCount } } }`;
    const body = (await (
      await fetch(at.github.graphqlUrl, {
        method: 'POST',
        headers: { authorization: `bearer ${at.app.token('acme')}` },
        body: JSON.stringify({ query }),
      })
    ).json()) as { errors: { message: string }[] };
    return body.errors[0]?.message ?? '';
  };
  expect(await ask('')).toContain('You must provide a `first` or `last` value');
  expect(await ask('(first: 101)')).toContain('exceeds the `first` limit of 100 records');
});
