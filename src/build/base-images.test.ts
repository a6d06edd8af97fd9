import { expect, test } from 'vitest';
import { baseImages } from './base-images.ts';

test('images that a build starts from, copies from and mounts; not its own stages and contexts', () => {
  const text = `# syntax=docker/dockerfile:1
ARG VERSION=24
FROM --platform=$BUILDPLATFORM node:\${VERSION}-slim AS Build
COPY --from=shared . .
COPY --from=golang:1.26 --chmod=755 /usr/local/go /go
RUN --mount=type=cache,target=/c --mount=type=bind,from=tools:2,target=/t \\
    make
FROM scratch
COPY --from=build /x /x
COPY --from=0 /y /y
`;
  expect(baseImages(text, {}, ['shared'])).toEqual({
    images: ['docker/dockerfile:1', 'node:24-slim', 'golang:1.26', 'tools:2'],
    unclear: [],
  });
  expect(baseImages(text, { VERSION: '26' }, ['shared']).images).toContain('node:26-slim');
});

test('the frontend that the build is told of, and no comment further down', () => {
  const text = 'FROM scratch\n# syntax=docker/dockerfile:1\n';
  expect(baseImages(text, {}, []).images).toEqual([]);
  expect(baseImages(`# check=skip=all\n#Syntax = a/b:1\n${text}`, {}, []).images).toEqual(['a/b:1']);
  expect(baseImages(text, { BUILDKIT_SYNTAX: 'c/d:2' }, []).images).toEqual(['c/d:2']);
});

test.each([
  ['a variable without a value', 'ARG BASE\nFROM $BASE\n'],
  ['something from the network', 'FROM scratch\nADD https://example.com/x.tar /\n'],
  ['another sign for the end of a line', '# escape=`\nFROM scratch\n'],
  ['what a later build runs', 'FROM scratch\nONBUILD COPY . .\n'],
])('is not sure with %s', (_, text) => {
  expect(baseImages(text, {}, []).unclear).toHaveLength(1);
});
