import { describe, expect, it } from 'vitest';
import { parseManifests } from './manifests.ts';

const configMap = (data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n${data.replaceAll(/^/gm, '  ')}`;
const dataOf = (data: string) => parseManifests(configMap(data), 'a.yaml')[0]?.data;

describe('a stream of manifests', () => {
  it('is objects in their order; empty documents are none, a List is its items', () => {
    const text = `---
# only a comment
---
apiVersion: v1
kind: Namespace
metadata: { name: a }
---
null
---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Secret, metadata: { name: b } }
  - { apiVersion: v1, kind: Service, metadata: { name: c } }
`;
    expect(parseManifests(text, 'a.yaml').map((object) => object.kind)).toEqual([
      'Namespace',
      'Secret',
      'Service',
    ]);
    expect(parseManifests('', 'a.yaml')).toEqual([]);
  });

  it('means what Go reads in YAML 1.1', () => {
    expect(dataOf('on: off\nmode: 0644\ndate: 2026-11-21\ntime: 2026-11-21T09:00:00Z\nratio: 1:30')).toEqual({
      true: false,
      mode: 0o644,
      date: '2026-11-21',
      time: '2026-11-21T09:00:00Z',
      ratio: '1:30',
    });
  });

  it.each(['0x_', '-.', '.e1', '1e999'])('takes %s for text, which Go does not read as a number', (text) => {
    expect(dataOf(`key: ${text}`)).toEqual({ key: text });
  });

  it('takes the last of a key that stands twice, as Argo CD does', () => {
    expect(dataOf('a: one\nb: two\na: three')).toEqual({ a: 'three', b: 'two' });
  });

  it('knows merge keys and aliases', () => {
    expect(dataOf('a: &a { x: "1" }\nb: { <<: *a, z: "2" }')).toEqual({
      a: { x: '1' },
      b: { x: '1', z: '2' },
    });
  });

  it('does not let a key become a prototype', () => {
    const data = dataOf('__proto__: { polluted: "yes" }');
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['an alias bomb', configMap(bomb()), 'Excessive alias count', 1],
    ['no YAML', 'apiVersion: v1\nkind: [', 'Flow sequence', 2],
    ['a text', '---\nhello', 'it is not a map', 2],
    ['no kind', 'apiVersion: v1\nmetadata: { name: a }', 'apiVersion or kind is missing', 1],
    ['no name', 'apiVersion: v1\nkind: Secret\nmetadata: {}', 'Secret without metadata.name', 1],
    ['a nameless item of a List', 'apiVersion: v1\nkind: List\nitems: [{}]', 'apiVersion or kind', 1],
  ])('refuses %s with its place', (_, text, words, line) => {
    expect(() => parseManifests(text, 'a.yaml')).toThrow(
      expect.objectContaining({
        exitCode: 2,
        reason: 'bad-manifest',
        message: expect.stringContaining(words),
        at: expect.objectContaining({ file: 'a.yaml', line }),
      }),
    );
  });
});

function bomb(): string {
  const levels = ['a: &a ["x", "x", "x", "x", "x", "x", "x", "x", "x"]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh']) {
    levels.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
  }
  return levels.join('\n');
}
