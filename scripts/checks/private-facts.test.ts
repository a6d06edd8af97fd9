import { expect, test } from 'vitest';
import { privateFactsIn } from './private-facts.ts';

// Each bad text is put together here, so that this file passes the check itself.
const [root, home] = ['/root', '/home'].map((path) => `${path}/`);
const key = `${'A'.repeat(10)}${'1'.repeat(6)}`;

test.each([
  [`see ${root}notes.md`, `a path of somebody’s machine: ${root}notes.md`],
  [`cd "${home}taro/src"`, `a path of somebody’s machine: ${home}taro/src`],
  [`https://registry.${'npmjs'}.org/yaml`, 'the host of a package registry'],
  [`-----BEGIN RSA ${'PRIVATE'} KEY-----`, 'a secret'],
  [`id = AK${'IA'}${key}`, 'a secret'],
  [`token: gh${'s'}_${'a1'.repeat(18)}`, 'a secret'],
])('%s is found, with its line', (line, what) => {
  expect(privateFactsIn('x.md', `fine\n${line}\n`)).toEqual([expect.stringContaining(`x.md:2: ${what}`)]);
});

test.each([
  '/home/runner/work/_temp',
  'COPY --chown=node /home/node/app',
  `AK${'IA'}IOSFODNN7EXAMPLE`,
  '/api/users/home/x',
  'https://example.com/root/x',
  'homework/main.ts',
])('%s may be written', (line) => {
  expect(privateFactsIn('x.md', line)).toEqual([]);
});
