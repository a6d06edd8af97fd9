import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatImage, isInRegistries, parseImageReference, shortImage } from './image-reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const HOST = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';

describe('parseImageReference', () => {
  test.each([
    [`${HOST}/web:1f3c@${DIGEST}`, { repository: `${HOST}/web`, tag: '1f3c', digest: DIGEST }],
    [`${HOST}/team/web:1.10`, { repository: `${HOST}/team/web`, tag: '1.10', digest: undefined }],
    [`${HOST}/web@${DIGEST}`, { repository: `${HOST}/web`, tag: undefined, digest: DIGEST }],
    ['127.0.0.1:5000/web:v1', { repository: '127.0.0.1:5000/web', tag: 'v1', digest: undefined }],
    ['localhost:5000/a/b-c__d:_x', { repository: 'localhost:5000/a/b-c__d', tag: '_x', digest: undefined }],
  ])('%s', (text, expected) => {
    expect(parseImageReference(text)).toEqual(expected);
  });

  test.each([
    ['', 'not a valid name'],
    ['web', 'neither a tag nor a digest'],
    ['127.0.0.1:5000/web', 'neither a tag nor a digest'],
    [`${HOST}/Web:1`, 'not a valid name'],
    [`${HOST}/../web:1`, 'not a valid name'],
    [`${HOST}/web:`, 'a tag has'],
    [`${HOST}/web:a b`, 'a tag has'],
    [`${HOST}/web:$(id)`, 'a tag has'],
    [`${HOST}/web:\${{ github.token }}`, 'a tag has'],
    [`${HOST}/web:1@sha256:abc`, 'a digest is'],
    [`${HOST}/web:1@${DIGEST}\nx`, 'a digest is'],
    [`${HOST}/web:1@${DIGEST.toUpperCase()}`, 'a digest is'],
    [`${'a/'.repeat(400)}b:1`, 'not a valid name'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => parseImageReference(text)).toThrow(why);
  });

  test('what is formatted is read again as the same', () => {
    const part = fc.stringMatching(/^[a-z\d]{1,8}(?:[._-][a-z\d]{1,4})?$/);
    const image = fc.record({
      repository: fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => [HOST, ...parts].join('/')),
      tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
      digest: fc.constant(DIGEST),
    });
    fc.assert(
      fc.property(image, (each) => {
        expect(parseImageReference(formatImage(each))).toEqual(each);
      }),
    );
  });
});

describe('isInRegistries', () => {
  test.each([
    [`${HOST}/web`, true],
    [`${HOST}.evil.example/web`, false],
    [`evil.example/${HOST}/web`, false],
    ['docker.io/library/nginx', false],
    ['registry.example/team/web', true],
    ['registry.example/teammate/web', false],
  ])('%s: %s', (repository, expected) => {
    expect(isInRegistries(repository, [HOST, 'registry.example/team/'])).toBe(expected);
  });
});

test('people see the tag, else the beginning of the digest', () => {
  expect(shortImage({ repository: 'r/web', tag: 'v1', digest: DIGEST })).toBe('v1');
  expect(shortImage({ repository: 'r/web', tag: undefined, digest: DIGEST })).toBe('abababababab');
});
