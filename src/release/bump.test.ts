import { afterEach, describe, expect, test } from 'vitest';
import {
  digest,
  gitopsFiles,
  image,
  KAJITORI_YAML,
  REGISTRY,
  releaseFile,
  startGitops,
} from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import { refused } from '../report/failure.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import { type BumpDeps, type BumpOutputs, runBump } from './bump.ts';
import { type BumpTexts, bumpRequest } from './bump-request.ts';
import { formatImage } from './image-reference.ts';
import { gitHubSourceHistory, NO_HISTORY } from './source-history.ts';

type Setting = Awaited<ReturnType<typeof startGitops>>;

const open: Setting[] = [];
const begin = async (...given: Parameters<typeof startGitops>): Promise<Setting> => {
  const setting = await startGitops(...given);
  open.push(setting);
  return setting;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ github }) => github[Symbol.asyncDispose]()));
});

interface Options extends Partial<BumpTexts> {
  readonly checkImages?: BumpDeps['checkImages'];
  readonly commit?: string;
  readonly dryRun?: boolean;
  readonly autoMerge?: boolean;
  readonly now?: number;
}

async function bump(setting: Setting, options: Options = {}): Promise<BumpOutputs> {
  const { commit, dryRun = false, autoMerge = false, now, checkImages, ...texts } = options;
  const timing = virtualTiming(now);
  const request = bumpRequest({
    app: 'web',
    environment: 'production',
    image: texts.tag === undefined && texts.digest === undefined ? image('v2', 'cd') : undefined,
    tag: undefined,
    digest: undefined,
    files: undefined,
    set: undefined,
    source: `acme/web@${commit ?? setting.web[2]}`,
    build: '7',
    workflow: 'deploy.yml',
    force: false,
    override: undefined,
    reason: undefined,
    run: 'https://github.com/acme/web/actions/runs/1',
    pullRequest: undefined,
    ...texts,
  });
  const client = (token: string) => createGitHubClient({ apiUrl: setting.github.apiUrl, token, timing });
  return runBump(
    { request, dryRun, labels: ['deploy'], autoMerge },
    {
      on: {
        kind: 'github',
        client: client(setting.token),
        target: { repository: { owner: 'acme', name: 'gitops' } },
      },
      history:
        request.kind === 'apps'
          ? gitHubSourceHistory(client(setting.sourceToken), request.build.source)
          : NO_HISTORY,
      timing,
      key: `test/${Math.random()}`,
      ...(checkImages === undefined ? {} : { checkImages }),
    },
  );
}

const gitops = ({ github }: Setting) => github.repository('acme/gitops');
const RELEASE = 'apps/web/release.production.yaml';
/** What a bump threw, with the promise that nothing was written. */
async function refusal(setting: Setting, options: Options): Promise<unknown> {
  const before = await gitops(setting).head();
  const failure = await bump(setting, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(await gitops(setting).head(), 'nothing is written').toBe(before);
  expect(gitops(setting).pullRequests()).toEqual([]);
  return failure;
}

describe('a bump', () => {
  test('writes the release file of a first deploy: one signed commit of the App, two round trips', async () => {
    const setting = await begin();
    const outputs = await bump(setting);
    expect(outputs).toMatchObject({ changed: true, reason: 'bumped', clusters: ['prod-1', 'prod-2'] });
    expect(
      await gitops(setting).read(RELEASE),
    ).toBe(`# Written by Kajitori: which image runs. Do not edit it; run \`kajitori bump\` or deploy again.
image:
  repository: ${REGISTRY}/web
  tag: v2
  digest: ${digest('cd')}
release:
  source: acme/web@${setting.web[2]}
  build: 7
  workflow: deploy.yml
  at: "2026-11-21T09:00:00Z"
`);
    const [commit, ...older] = await gitops(setting).commits();
    expect(older).toHaveLength(1);
    expect(commit).toMatchObject({
      oid: outputs.commit?.oid,
      signed: true,
      author: { name: 'kajitori[bot]' },
    });
    expect(commit?.message.split('\n')[0]).toBe('Deploy web v2 to production');
    expect(parseTrailers(commit?.message ?? '').map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Kajitori-App: web',
      'Kajitori-Environment: production',
      `Kajitori-Source: acme/web@${setting.web[2]}`,
      'Kajitori-Build: 7',
      'Kajitori-Run: https://github.com/acme/web/actions/runs/1',
      'Kajitori-Action: bump',
      expect.stringMatching(/^Kajitori-Key: test\//),
    ]);
    const onGitops = setting.github.log.filter(({ operation }) => operation !== 'Ancestors');
    expect(onGitops.map(({ operation }) => operation)).toEqual(['Snapshot', 'Commit']);
  });

  test('changes only what it says: comments, flow maps and the rest of the file stay', async () => {
    const setting = await begin(gitopsFiles({ [RELEASE]: releaseFile('v1', 'ab', 'f'.repeat(40)) }));
    const source = setting.web[1] ?? '';
    await gitops(setting).commit({ [RELEASE]: releaseFile('v1', 'ab', source) });
    await bump(setting);
    expect(await gitops(setting).read(RELEASE)).toBe(
      releaseFile('v2', 'cd', setting.web[2] ?? '', 7).replace(
        '2026-11-20T09:00:00Z',
        '2026-11-21T09:00:00Z',
      ),
    );
  });

  test('twice is once', async () => {
    const setting = await begin();
    await bump(setting);
    const again = await bump(setting);
    expect(again).toMatchObject({ changed: false, reason: 'already-there', commit: undefined });
    expect(await gitops(setting).commits()).toHaveLength(2);
  });

  test('a dry run shows the diff and writes nothing', async () => {
    const setting = await begin();
    const outputs = await bump(setting, { dryRun: true });
    expect(outputs).toMatchObject({ changed: false, reason: 'would-bump' });
    expect([...outputs.edits.keys()]).toEqual([RELEASE]);
    expect(await gitops(setting).commits()).toHaveLength(1);
  });

  test('the same image from a newer commit is recorded: an older build must not come after it', async () => {
    const setting = await begin();
    await bump(setting, { commit: setting.web[1] ?? '' });
    expect(await bump(setting, { commit: setting.web[3] ?? '' })).toMatchObject({ changed: true });
    const late = await bump(setting, { commit: setting.web[2] ?? '', image: image('v9', 'ee') });
    expect(late).toMatchObject({ changed: false, reason: 'older' });
  });

  test('asks first whether the clusters can run the image; where they cannot, nothing is written', async () => {
    const setting = await begin(gitopsFiles());
    const asked: unknown[] = [];
    const checkImages: BumpDeps['checkImages'] = async (images, { clusters, registries }) => {
      asked.push([images.map(formatImage), clusters.map(({ name }) => name), registries]);
    };
    const question = [[image('v2', 'cd')], ['prod-1', 'prod-2'], [REGISTRY]];
    expect(await bump(setting, { checkImages })).toMatchObject({ changed: true });
    expect(asked).toEqual([question]);
    // Nothing would be written: nobody is asked.
    expect(await bump(setting, { checkImages })).toMatchObject({ reason: 'already-there' });
    expect(asked).toEqual([question]);
    const missing = refused('The image is not there.', { reason: 'image-missing' });
    expect(
      await refusal(setting, {
        image: image('v3', 'ef'),
        build: '8',
        checkImages: () => Promise.reject(missing),
      }),
    ).toBe(missing);
  });

  test('a new tag and digest of the recorded repository', async () => {
    const setting = await begin();
    await bump(setting);
    const next = { commit: setting.web[3] ?? '', tag: 'v3', digest: digest('ef') };
    expect(await bump(setting, next)).toMatchObject({ changed: true });
    expect(await gitops(setting).read(RELEASE)).toContain(`tag: v3\n  digest: ${digest('ef')}`);
  });

  test('two apps and a named image go in one commit', async () => {
    const setting = await begin();
    const images = [
      image('v2', 'cd'),
      `billing/api=${REGISTRY}/billing:v2@${digest('01')}`,
      `billing/proxy=${REGISTRY}/proxy:v2@${digest('02')}`,
    ];
    images[0] = `web=${images[0]}`;
    const outputs = await bump(setting, { app: 'web, billing', image: images.join('\n') });
    expect([...outputs.edits.keys()]).toEqual([RELEASE, 'apps/billing/release.production.yaml']);
    const [commit] = await gitops(setting).commits();
    const trailers = parseTrailers(commit?.message ?? '');
    expect(trailers.filter(({ name }) => name === 'Kajitori-App').map(({ value }) => value)).toEqual([
      'web',
      'billing',
    ]);
    expect(await gitops(setting).read('apps/billing/release.production.yaml')).toContain(
      `  proxy:\n    repository: ${REGISTRY}/proxy`,
    );
    expect(await bump(setting, { app: 'web, billing', image: images.join('\n') })).toMatchObject({
      reason: 'already-there',
    });
  });
});

describe('order', () => {
  test('an older build changes nothing and says so', async () => {
    const setting = await begin();
    await bump(setting, { commit: setting.web[3] ?? '' });
    const outputs = await bump(setting, { commit: setting.web[1] ?? '', image: image('v1') });
    expect(outputs).toMatchObject({ changed: false, reason: 'older' });
    expect(await gitops(setting).commits()).toHaveLength(2);
  });

  test('the number of the run breaks the tie of one commit', async () => {
    const setting = await begin();
    await bump(setting, { build: '7' });
    expect(await bump(setting, { build: '6', image: image('rebuilt', 'ee') })).toMatchObject({
      reason: 'older',
    });
    expect(await bump(setting, { build: '8', image: image('rebuilt', 'ee') })).toMatchObject({
      reason: 'bumped',
    });
  });

  test('a diverged commit needs force and a reason, and both are recorded', async () => {
    const setting = await begin();
    await bump(setting, { commit: setting.web[4] ?? '' });
    const diverged = { commit: setting.aside, image: image('aside', '77') };
    expect(await refusal(setting, diverged)).toMatchObject({ exitCode: 1, reason: 'diverged' });
    expect(await refusal(setting, { ...diverged, force: true })).toMatchObject({
      exitCode: 2,
      reason: 'no-reason',
    });
    await bump(setting, { ...diverged, force: true, reason: 'hotfix\nKajitori-App: billing' });
    const [commit] = await gitops(setting).commits();
    const trailers = parseTrailers(commit?.message ?? '');
    expect(trailers).toContainEqual({
      name: 'Kajitori-Reason',
      value: 'diverged overridden: hotfix Kajitori-App: billing',
    });
    expect(trailers.filter(({ name }) => name === 'Kajitori-App')).toHaveLength(1);
  });

  test('what cannot be compared is not deployed', async () => {
    const setting = await begin(gitopsFiles({ [RELEASE]: releaseFile('v1', 'ab', 'f'.repeat(40)) }));
    expect(await refusal(setting, {})).toMatchObject({ exitCode: 2, reason: 'cannot-compare' });
    expect(await bump(setting, { force: true, reason: 'history was rewritten' })).toMatchObject({
      changed: true,
    });
  });
});

describe('policies refuse, exit 1', () => {
  test.each([
    ['a foreign source', { source: `acme/evil@${'a'.repeat(40)}` }, 'foreign-source'],
    ['a foreign registry', { image: `evil.example/web:1@${digest('00')}` }, 'foreign-registry'],
    ['a tag without digest', { image: `${REGISTRY}/web:1` }, 'no-digest'],
    ['a freeze', { now: Date.UTC(2026, 11, 31) }, 'freeze'],
  ])('%s', async (_name, options, reason) => {
    const setting = await begin();
    expect(await refusal(setting, options)).toMatchObject({ exitCode: 1, reason, todo: expect.any(String) });
  });

  test('a freeze is set aside with a reason, which is recorded', async () => {
    const setting = await begin();
    const frozen = { now: Date.UTC(2026, 11, 31), override: 'freeze' };
    expect(await refusal(setting, frozen)).toMatchObject({ reason: 'no-reason' });
    const outputs = await bump(setting, { ...frozen, reason: 'payment is down' });
    expect(outputs.overridden).toEqual(['freeze']);
    const [commit] = await gitops(setting).commits();
    expect(commit?.message).toContain('Kajitori-Reason: freeze overridden: payment is down');
  });

  test('a hold is respected until it ends, and stays when it is set aside', async () => {
    const hold = 'hold: { reason: rolled back, by: alice, until: 2026-11-22T00:00:00Z }\n';
    const setting = await begin(gitopsFiles({ [RELEASE]: hold }));
    const failure = await refusal(setting, {});
    expect(failure).toMatchObject({ exitCode: 1, reason: 'hold', at: { file: RELEASE } });
    expect(String(failure)).toContain('by alice until 2026-11-22T00:00:00.000Z: rolled back');
    await bump(setting, { override: 'hold', reason: 'fixed' });
    expect(await gitops(setting).read(RELEASE)).toContain(hold);
    expect(
      await bump(setting, {
        commit: setting.web[3] ?? '',
        image: image('v3', 'ee'),
        now: Date.UTC(2026, 10, 22),
      }),
    ).toMatchObject({ changed: true, overridden: [] });
  });

  test('nothing to do is not refused', async () => {
    const setting = await begin();
    await bump(setting);
    expect(await bump(setting, { now: Date.UTC(2026, 11, 31) })).toMatchObject({ reason: 'already-there' });
  });
});

describe('bad input: exit 2, what and where, nothing written', () => {
  test.each([
    ['an unknown app', { app: 'weeb' }, 'unknown-app', 'Did you mean "web"'],
    ['an unknown environment', { environment: 'prodution' }, 'unknown-environment', 'production'],
    ['a path for a name', { app: '../web' }, 'bad-app-name', 'DNS label'],
    ['shell for a name', { app: '$(id)' }, 'bad-app-name', 'DNS label'],
    ['no image', { image: undefined }, 'missing-input', 'Give either image'],
    ['an image that is none', { image: 'web' }, 'bad-image', 'neither a tag nor a digest'],
    ['a short commit', { source: 'acme/web@1f3c9e2' }, 'bad-source', 'does not name a source commit'],
    ['a build that is no number', { build: '1; id' }, 'bad-build', 'not a whole number'],
    [
      'a tag alone, never deployed',
      { image: undefined, tag: 'v1' },
      'bad-image',
      'No image of web is recorded',
    ],
    ['an override that is none', { override: 'everything' }, 'bad-override', 'cannot be overridden'],
  ])('%s', async (_name, options, reason, message) => {
    const setting = await begin();
    const failure = await Promise.resolve()
      .then(() => refusal(setting, options as Options))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 2, reason });
    expect(String(failure)).toContain(message);
  });

  test('an invalid kajitori.yaml: file, line, column', async () => {
    const setting = await begin(
      gitopsFiles({ 'kajitori.yaml': KAJITORI_YAML.replace('registries', 'registeries') }),
    );
    const failure = await refusal(setting, {});
    expect(failure).toMatchObject({ exitCode: 2, reason: 'invalid-file', at: { file: 'kajitori.yaml' } });
    expect(String(failure)).toContain('kajitori.yaml:13:1: ');
    expect(String(failure)).toContain('registries');
  });

  test('a release file that nobody can read is not taken for one without hold', async () => {
    const setting = await begin(gitopsFiles({ [RELEASE]: 'hold: please\n' }));
    expect(await refusal(setting, {})).toMatchObject({
      reason: 'bad-release-state',
      at: { file: RELEASE, line: 1 },
    });
  });

  test('no kajitori.yaml, no such branch, an archived repository, a token without permission', async () => {
    const bare = await begin({ 'README.md': 'x' });
    expect(await refusal(bare, {})).toMatchObject({ exitCode: 2, reason: 'no-config' });
    const archived = await begin(gitopsFiles(), { archived: true });
    expect(await refusal(archived, {})).toMatchObject({ exitCode: 2, reason: 'archived' });
    const setting = await begin();
    const reader = { ...setting, token: setting.github.actionsToken('acme/gitops', { contents: 'read' }) };
    expect(await refusal(reader, {})).toMatchObject({
      exitCode: 2,
      reason: 'github-denied',
      todo: expect.stringContaining('contents: write'),
    });
    const stranger = { ...setting, token: setting.sourceToken };
    expect(await refusal(stranger, {})).toMatchObject({ exitCode: 2, reason: 'github-missing' });
  });

  test('a symbolic link in the place of a release file', async () => {
    const setting = await begin();
    await gitops(setting).commit({ [RELEASE]: '../../kajitori.yaml' }, { mode: '120000' });
    expect(await refusal(setting, {})).toMatchObject({ exitCode: 2, reason: 'not-a-file' });
  });
});

describe('other layouts', () => {
  const PATTERNS = `${KAJITORI_YAML}apps:\n  release: "deploy/{cluster}/{app}.yaml"\n  image: main.image\n`;
  const values = (text: string): Record<string, string> =>
    gitopsFiles({
      'kajitori.yaml': PATTERNS,
      'deploy/prod-1/web.yaml': text,
      'deploy/prod-2/web.yaml': `${text}# second cluster\n`,
    });

  test('all clusters of the environment change in one commit; release and hold live elsewhere', async () => {
    const setting = await begin(
      values(`main:\n  image: ${REGISTRY}/web:v1 # pinned by hand\nother: image\n`),
    );
    const outputs = await bump(setting, { image: `${REGISTRY}/web:v2` });
    expect([...outputs.edits.keys()]).toEqual([
      'deploy/prod-1/web.yaml',
      'deploy/prod-2/web.yaml',
      '.kajitori/web.production.yaml',
    ]);
    expect(await gitops(setting).read('deploy/prod-2/web.yaml')).toBe(
      `main:\n  image: ${REGISTRY}/web:v2 # pinned by hand\nother: image\n# second cluster\n`,
    );
    expect(await bump(setting, { image: `${REGISTRY}/web:v2` })).toMatchObject({ reason: 'already-there' });
    expect(await bump(setting, { image: `${REGISTRY}/web:v1`, commit: setting.web[1] ?? '' })).toMatchObject({
      reason: 'older',
    });
  });

  test('a map gets the keys that it has', async () => {
    const setting = await begin(
      values(
        'main:\n  image: { registry: docker.io, repository: acme/web, tag: "1.10", pullPolicy: Always }\n',
      ),
    );
    await bump(setting);
    expect(await gitops(setting).read('deploy/prod-1/web.yaml')).toBe(
      `main:\n  image: { registry: ${REGISTRY}, repository: web, tag: "v2@${digest('cd')}", pullPolicy: Always }\n`,
    );
  });

  test('a file or value that is not there is an error, not a new file', async () => {
    const setting = await begin(gitopsFiles({ 'kajitori.yaml': PATTERNS }));
    expect(await refusal(setting, {})).toMatchObject({ exitCode: 2, reason: 'no-release-file' });
    const misspelt = await begin(values('mian: { image: x }\n'));
    expect(await refusal(misspelt, {})).toMatchObject({
      exitCode: 2,
      reason: 'no-image-there',
      at: { file: 'deploy/prod-1/web.yaml' },
    });
  });
});

describe('files and set, without kajitori.yaml', () => {
  const explicit = { app: undefined, environment: undefined, image: undefined, source: undefined };
  const files = { 'a.yaml': 'image: { tag: "1" } # a\nn: 1\n', 'b.yaml': 'image:\n  tag: 1.0\nn: 2\n' };

  test('every value in every file, in one commit', async () => {
    const setting = await begin(files);
    const outputs = await bump(setting, {
      ...explicit,
      files: 'a.yaml\nb.yaml',
      set: 'image.tag=1.10\nn:=3',
    });
    expect(outputs).toMatchObject({ changed: true, reason: 'bumped' });
    expect(await gitops(setting).read('a.yaml')).toBe('image: { tag: "1.10" } # a\nn: 3\n');
    expect(await gitops(setting).read('b.yaml')).toBe('image:\n  tag: "1.10"\nn: 3\n');
    expect(await bump(setting, { ...explicit, files: 'a.yaml', set: 'n:=3' })).toMatchObject({
      reason: 'nothing',
    });
  });

  test.each([
    ['a file that is not there', 'a.yaml,c.yaml', 'n:=3', 'no-release-file'],
    ['a path that is not there', 'a.yaml,b.yaml', 'image.tga=1', 'no-value-there'],
    ['a path out of the repository', '../a.yaml', 'n:=3', 'bad-path'],
    ['what sets nothing', 'a.yaml', 'n', 'bad-assignment'],
    ['what is not JSON', 'a.yaml', 'n:={', 'bad-assignment'],
  ])('%s: exit 2, nothing written', async (_name, list, set, reason) => {
    const setting = await begin(files);
    const failure = await Promise.resolve()
      .then(() => refusal(setting, { ...explicit, files: list, set }))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 2, reason });
  });

  test('a repository with kajitori.yaml refuses it: nobody passes by the rights of apps', async () => {
    const setting = await begin();
    const set = { ...explicit, files: 'apps/web/values.yaml', set: 'web.port:=1' };
    expect(await refusal(setting, set)).toMatchObject({ exitCode: 1, reason: 'explicit-in-kajitori' });
  });
});

describe('as a pull request', () => {
  const pull = { pullRequest: true } as const;

  test('one commit on a branch of its own, label, once however often it runs', async () => {
    const setting = await begin();
    const outputs = await bump(setting, pull);
    expect(outputs).toMatchObject({ changed: true, commit: undefined, merging: 'no' });
    const [request] = gitops(setting).pullRequests();
    expect(request).toMatchObject({ title: 'Deploy web v2 to production', state: 'open' });
    expect(outputs.pullRequest?.url).toContain('/pull/');
    expect(await gitops(setting).read(RELEASE)).toBeUndefined();
    expect(await gitops(setting).read(RELEASE, 'kajitori/bump/production/web')).toContain('tag: v2');
    expect(await bump(setting, pull)).toMatchObject({ changed: false, pullRequest: outputs.pullRequest });
    expect(gitops(setting).pullRequests()).toHaveLength(1);
    expect(await gitops(setting).commits('kajitori/bump/production/web')).toHaveLength(2);
  });

  test('a newer build takes the place of an older one, never the other way', async () => {
    const setting = await begin();
    await bump(setting, pull);
    const newer = { ...pull, commit: setting.web[3] ?? '', image: image('v3', 'ee') };
    expect(await bump(setting, newer)).toMatchObject({ changed: true });
    expect(await bump(setting, pull)).toMatchObject({ changed: false, reason: 'older' });
    expect(gitops(setting).pullRequests()).toHaveLength(1);
    expect(await gitops(setting).read(RELEASE, 'kajitori/bump/production/web')).toContain('tag: v3');
  });

  test('merges itself when its checks are green; where that is not allowed, says which setting', async () => {
    const rule = {
      type: 'required_status_checks' as const,
      parameters: { required_status_checks: [{ context: 'guard' }] },
    };
    const rulesets = [{ name: 'main', enforcement: 'active' as const, rules: [rule] }];
    const setting = await begin(gitopsFiles(), { allowAutoMerge: true, rulesets });
    expect(await bump(setting, { ...pull, autoMerge: true })).toMatchObject({ merging: 'when-ready' });
    const [request] = gitops(setting).pullRequests();
    await gitops(setting).setStatus(request?.headOid ?? '', 'guard', 'success');
    expect(await gitops(setting).read(RELEASE)).toContain('tag: v2');
    const refusing = await begin(gitopsFiles(), { allowAutoMerge: false, rulesets });
    await expect(bump(refusing, { ...pull, autoMerge: true })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-auto-merge',
      todo: expect.stringContaining('Allow auto-merge'),
    });
  });

  test('where files and values are named: one for the same places, and one beside it for others', async () => {
    const setting = await begin({ 'a.yaml': 'n: 1\n', 'b.yaml': 'n: 1\n' });
    const propose = (files: string, set: string) =>
      bump(setting, { ...pull, app: undefined, environment: undefined, image: undefined, files, set });
    expect(await propose('a.yaml', 'n:=2')).toMatchObject({ changed: true, pullRequest: { number: 1 } });
    expect(await propose('b.yaml', 'n:=2')).toMatchObject({ changed: true, pullRequest: { number: 2 } });
    expect(await propose('a.yaml', 'n:=3')).toMatchObject({ changed: true, pullRequest: { number: 1 } });
    const [a, b] = gitops(setting).pullRequests();
    expect(await gitops(setting).read('a.yaml', a?.head)).toBe('n: 3\n');
    expect(await gitops(setting).read('b.yaml', b?.head)).toBe('n: 2\n');
  });

  test('kajitori.yaml decides where the action does not', async () => {
    const via = KAJITORI_YAML.replace(
      '    promoteFrom: staging\n',
      '    promoteFrom: staging\n    via: pull-request\n',
    );
    const setting = await begin(gitopsFiles({ 'kajitori.yaml': via }));
    expect(await bump(setting)).toMatchObject({ commit: undefined, pullRequest: { number: 1 } });
    expect((await bump(setting, { pullRequest: false, commit: setting.web[3] ?? '' })).commit).toBeDefined();
  });
});
