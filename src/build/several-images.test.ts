import { describe, expect, test } from 'vitest';
import type { BuildOutputs } from './build.ts';
import type { WrittenRequest } from './build-request.ts';
import { buildRequests, bumpLines, outcomeOfAll, outputsByName, partDigests } from './several-images.ts';

const written: WrittenRequest = {
  repository: 'shop',
  targets: '111111111111/ap-northeast-1',
  role: undefined,
  context: undefined,
  dockerfile: undefined,
  stage: undefined,
  args: 'RAILS_ENV=production',
  secrets: undefined,
  platforms: 'linux/amd64',
  contexts: undefined,
  tags: undefined,
  cache: true,
  provenance: undefined,
  sbom: false,
  reproducible: false,
  createRepository: false,
};

describe('several images of one call', () => {
  test('each has its own repository, and what it does not say is as for all', async () => {
    const requests = await buildRequests(
      written,
      'web: { target: web }\nnginx:\n  name: proxies/nginx\n  dockerfile: docker/nginx/Dockerfile\n  build-args: { WORKERS: 4, RAILS_ENV: none }\n  platforms: [linux/amd64, linux/arm64]\nplain: {}\n',
    );
    expect(requests).toMatchObject([
      {
        name: 'web',
        request: { repository: 'shop-web', stage: 'web', args: { RAILS_ENV: 'production' } },
      },
      {
        name: 'nginx',
        request: {
          repository: 'proxies/nginx',
          dockerfile: 'docker/nginx/Dockerfile',
          args: { RAILS_ENV: 'none', WORKERS: '4' },
          platforms: ['linux/amd64', 'linux/arm64'],
        },
      },
      { name: 'plain', request: { repository: 'shop-plain', platforms: ['linux/amd64'] } },
    ]);
  });

  test('without them there is one, which has no name', async () => {
    expect(await buildRequests(written, undefined)).toMatchObject([
      { name: undefined, request: { repository: 'shop' } },
    ]);
  });

  test.each([
    ['web: { targte: web }', 'invalid-file', 'did you mean'],
    ['Web: {}', 'invalid-file', 'lower-case letters'],
    ['{}', 'invalid-file', 'at least one image'],
    ['web: { name: a }\nnginx: { name: a }', 'bad-repository', 'Two images'],
    ['web: { platforms: [linux/amd46] }', 'bad-platform', 'linux/amd46'],
    ['web: { build-args: { A: "x\\nB=y" } }', 'bad-argument', 'more than one line'],
    ['web: { build-args: { "A B": x } }', 'bad-argument', 'build-args'],
    ['a: &a { target: x }\nb: *c', 'unresolved-alias', 'no anchor'],
  ])('%j is refused: %s', async (images, reason, words) => {
    await expect(buildRequests(written, images)).rejects.toMatchObject({
      exitCode: 2,
      reason,
      message: expect.stringContaining(words),
    });
  });

  test('the outputs are what a bump takes, and a map', () => {
    const outputs = (repository: string, outcome: BuildOutputs['outcome']): BuildOutputs => ({
      outcome,
      digest: 'sha256:1',
      images: [`one/${repository}:c@sha256:1`, `two/${repository}:c@sha256:1`],
      key: 'content-1',
      commit: 'c',
      seconds: 1,
      steps: 0,
      cached: 0,
      bytes: undefined,
      bytesBefore: undefined,
      notes: [],
    });
    const built = [
      { name: 'web', outputs: outputs('shop-web', 'existed') },
      { name: 'nginx', outputs: outputs('shop-nginx', 'retagged') },
    ];
    expect(bumpLines(built, 'first')).toEqual([
      'web=one/shop-web:c@sha256:1',
      'nginx=one/shop-nginx:c@sha256:1',
    ]);
    expect(bumpLines(built, 'all')).toHaveLength(4);
    expect(outcomeOfAll(built)).toBe('retagged');
    expect(outputsByName(built)).toMatchObject({ nginx: { outcome: 'retagged', digest: 'sha256:1' } });
    expect(bumpLines([{ name: undefined, outputs: outputs('shop', 'built') }], 'first')).toEqual([
      'one/shop:c@sha256:1',
    ]);
  });

  test('what parts built is handed to a join by name', () => {
    const [amd, arm, other] = ['a', 'b', 'c'].map((digit) => `sha256:${digit.repeat(64)}`);
    const text = `web=${amd} nginx=${other}\nweb=${arm}`;
    expect(partDigests(text, 'web')).toEqual([amd, arm]);
    expect(partDigests(text, 'nginx')).toEqual([other]);
    expect(partDigests(`${amd} ${arm}`, undefined)).toEqual([amd, arm]);
    expect(() => partDigests(`web=${amd} web=latest`, 'web')).toThrow(
      expect.objectContaining({ exitCode: 2, reason: 'bad-parts' }),
    );
  });
});
