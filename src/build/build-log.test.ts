import { expect, test } from 'vitest';
import { maskSecrets, readBuildLog } from './build-log.ts';

test('counts the steps of the Dockerfile and those from a cache, not what BuildKit does around them', () => {
  const log = `#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#4 [linux/amd64 build 1/2] COPY . .
#4 CACHED

#8 [linux/amd64 build 2/3] COPY src .
#8 extracting sha256:ab284c9f845f8736914439ea36bf35004022d9091f867665bef41580b9a8beb0 done
#8 DONE 0.0s
#5 [linux/amd64 build 2/2] RUN make
#5 0.4 #6 [not a step 1/1] CACHED
#5 DONE 3.1s
#6 [auth] sharing credentials for 111111111111.dkr.ecr.us-east-1.amazonaws.com
#6 CACHED`;
  expect(readBuildLog(log)).toMatchObject({ steps: 3, cached: 2, error: undefined, failure: undefined });
});

test('an error has its line of the Dockerfile', () => {
  const log = `Dockerfile:3
--------------------
   3 | >>> RUN exit 7
--------------------
ERROR: failed to build: failed to solve: process "/bin/sh -c exit 7" did not complete successfully: exit code: 7`;
  expect(readBuildLog(log)).toMatchObject({
    at: { file: 'Dockerfile', line: 3 },
    error: 'process "/bin/sh -c exit 7" did not complete successfully: exit code: 7',
    failure: 'build',
  });
});

test.each([
  ['registry', 'failed to push x: unexpected status from PUT request to https://x/: 503 Service Unavailable'],
  ['registry', 'failed to push x: read tcp 10.0.0.1: connection reset by peer'],
  ['registry', 'failed to push x: failed to do request: Put "https://x": EOF'],
  ['token', 'failed to push x: denied: Your authorization token has expired. Reauthenticate and try again.'],
  ['denied', 'failed to push x: denied: User: arn is not authorized to perform: ecr:PutImage on resource: *'],
  ['build', 'process "/bin/sh -c curl x" did not complete successfully: 503 connection reset'],
  ['no-builder', 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock'],
])('%s: %s', (failure, error) => {
  expect(readBuildLog(`#1 x\nERROR: failed to build: failed to solve: ${error}`).failure).toBe(failure);
});

test('secrets are masked, each line of them, also where one is part of another', () => {
  expect(maskSecrets('#4 0.1 abcd-long abcd line-two x', ['abcd', 'abcd-long\nline-two\nx'])).toBe(
    '#4 0.1 *** *** *** x',
  );
});
