import { describe, expect, it } from 'vitest';
import { helmObjects, type KnownDocuments } from './documents.ts';

const document = (name: string, template = 'templates/a.yaml') =>
  `---\n# Source: shop/${template}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;

describe('what helm printed', () => {
  it('is told with the template that each object came from', () => {
    const text = document('one') + document('two', 'charts/redis/templates/b.yaml');
    expect(
      helmObjects(text, 'charts/shop').map(({ object, template }) => [object.metadata.name, template]),
    ).toEqual([
      ['one', 'templates/a.yaml'],
      ['two', 'charts/redis/templates/b.yaml'],
    ]);
  });

  it('is read once where both sides of a change have the same, and again where a letter differs', () => {
    const known: KnownDocuments = new Map();
    const before = helmObjects(document('same') + document('old'), 'charts/shop', known);
    const after = helmObjects(document('same') + document('new'), 'charts/shop', known);
    expect(after).toEqual(helmObjects(document('same') + document('new'), 'charts/shop'));
    expect(after.map((each, index) => each === before[index])).toEqual([true, false]);
  });
});
