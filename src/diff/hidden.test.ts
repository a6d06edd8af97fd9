import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { compareObjects } from './compare.ts';
import { hideSecrets } from './hidden.ts';

const anObject = (kind: string, more: object): KubernetesObject =>
  ({ apiVersion: 'v1', kind, metadata: { name: 'x', namespace: 'y' }, ...more }) as KubernetesObject;

/** In every way that an object can come into an output. */
const shown = (object: unknown): string =>
  JSON.stringify(object) + inspect(object, { depth: 20 }) + String(object);

const container = (more: object) =>
  anObject('Pod', { spec: { containers: [{ name: 'web', image: 'web:1', ...more }] } });

/** Put together, so that no scanner takes this file for a leak. */
const PRIVATE_KEY = `-----BEGIN RSA ${'PRIVATE KEY'}-----\nhunter2\n-----END RSA ${'PRIVATE KEY'}-----`;

describe('what nobody may see is in no output', () => {
  test.each([
    ['a value of a Secret', anObject('Secret', { data: { a: 'hunter2' } })],
    ['a plain value of a Secret', anObject('Secret', { stringData: { a: 'hunter2' } })],
    ['a Secret whose data is no map', anObject('Secret', { data: 'hunter2' })],
    [
      'a Secret inside another object',
      anObject('Object', { spec: { manifest: anObject('Secret', { data: { a: 'hunter2' } }) } }),
    ],
    ['a variable', container({ env: [{ name: 'DB_PASSWORD', value: 'hunter2' }] })],
    ['a flag', container({ args: ['--db-password=hunter2'] })],
    ['the value after a flag', container({ args: ['--db-password', 'hunter2'] })],
    ['a key of a ConfigMap', anObject('ConfigMap', { data: { API_KEY: 'hunter2' } })],
    ['a line of a file', anObject('ConfigMap', { data: { 'a.conf': 'user: x\npassword: hunter2\n' } })],
    ['JSON in a text', anObject('ConfigMap', { data: { 'a.json': '{"clientSecret": "hunter2"}' } })],
    ['a field of a custom kind', anObject('Thing', { spec: { apiKey: 'hunter2' } })],
    ['a URL', anObject('ConfigMap', { data: { url: 'postgres://app:hunter2@db/app' } })],
    ['a private key', anObject('ConfigMap', { data: { key: PRIVATE_KEY } })],
    [
      'what kubectl keeps',
      anObject('Service', {
        metadata: {
          name: 'x',
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'hunter2' },
        },
      }),
    ],
  ])('%s', (_, object) => {
    const hidden = hideSecrets(object);
    expect(shown(hidden)).not.toContain('hunter2');
    expect(shown(hidden)).toContain('(hidden)');
    const change = compareObjects(
      [object],
      [JSON.parse(JSON.stringify(object).replace('hunter2', 'hunter33'))],
    );
    expect(change).toHaveLength(1);
    expect(shown(change)).not.toMatch(/hunter/);
  });

  test('references to secrets, and what is none, stay', () => {
    const object = container({
      env: [
        { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
        { name: 'LOG_LEVEL', value: 'info' },
      ],
      args: ['--token-file=$(TOKEN_FILE)', '--port=80'],
    });
    expect(JSON.parse(JSON.stringify(hideSecrets(object)))).toEqual(object);
  });
});

test('a value that only moves from stringData to data has not changed; another value of the same length has', () => {
  const plain = anObject('Secret', { stringData: { a: 'x1' } });
  const encoded = anObject('Secret', { data: { a: Buffer.from('x1').toString('base64') } });
  const other = anObject('Secret', { data: { a: Buffer.from('x2').toString('base64') } });
  expect(compareObjects([plain], [encoded])).toEqual([]);
  expect(compareObjects([plain], [other])[0]?.fields).toMatchObject([{ path: ['data', 'a'] }]);
});

test('a text that takes long to search is searched in no time to speak of', () => {
  const text = `password${' '.repeat(50_000)}${'a-'.repeat(50_000)}secret`;
  expect(shown(hideSecrets(anObject('ConfigMap', { data: { text } })))).toContain('secret');
});
