import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonSchemas } from './json-schema.ts';

interface Node {
  readonly description?: string;
  readonly properties?: Record<string, Node>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
}

/** The paths of all keys that an editor would complete without a word about them. */
function undescribed(node: Node, path: string): string[] {
  const inside = Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    ...(child.description === undefined ? [`${path}.${key}`] : []),
    ...undescribed(child, `${path}.${key}`),
  ]);
  const any =
    typeof node.additionalProperties === 'object' ? undescribed(node.additionalProperties, `${path}.*`) : [];
  return [...inside, ...any, ...(node.items === undefined ? [] : undescribed(node.items, `${path}[]`))];
}

describe.each(Object.entries(jsonSchemas()))('schemas/%s', (file, schema) => {
  it('is what `npm run generate` writes', () => {
    const published = readFileSync(new URL(`../../schemas/${file}`, import.meta.url), 'utf8');
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('describes every key', () => {
    expect(undescribed(schema as Node, '')).toEqual([]);
  });

  it('refuses unknown keys', () => {
    expect(schema).toHaveProperty('additionalProperties', false);
  });
});
