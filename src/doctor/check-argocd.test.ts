import { expect, onTestFinished, test } from 'vitest';
import { gitopsFiles, KAJITORI_YAML, releaseFile } from '../../test/gitops-fixture.ts';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { openArgoCd } from '../argocd/client.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { editedTree, emptyTree } from '../scaffold/edited-tree.ts';
import { plainRenderer } from '../standin/argocd/git-source.ts';
import { startArgoCd } from '../standin/argocd/server.ts';
import { startGitHub } from '../standin/github/server.ts';
import { checkArgoCd } from './check-argocd.ts';

const FILES = gitopsFiles({
  'apps/web/release.production.yaml': releaseFile('v1', 'ab', 'a'.repeat(40)),
});

/** Argo CD with the app web in two clusters, examined as kajitori.yaml names it. */
async function argoCd() {
  const timing = virtualTiming();
  const github = await startGitHub();
  onTestFinished(() => github[Symbol.asyncDispose]());
  const repository = await github.createRepository('acme/gitops', { files: FILES });
  const argocd = await startArgoCd({
    clusters: ['prod-1', 'prod-2'],
    repository,
    clock: timing.now,
    render: plainRenderer,
  });
  onTestFinished(() => argocd[Symbol.asyncDispose]());
  await timing.sleep(20_000);
  await argocd.settle();
  const config = parseKajitoriYaml(
    KAJITORI_YAML.replaceAll('"222222222222"', `"222222222222", argocd: { server: "${argocd.url}" }`),
  );
  return {
    argocd,
    examine: (token: string | undefined, apps = ['web', 'billing']) =>
      checkArgoCd(
        {
          server: undefined,
          open:
            token === undefined ? undefined : (server) => openArgoCd({ server, token: () => token, timing }),
        },
        config,
        apps,
        editedTree(emptyTree('acme/gitops'), new Map(Object.entries(FILES))),
      ),
  };
}

const brief = (checks: Awaited<ReturnType<typeof checkArgoCd>>) =>
  checks.map(({ name, status }) => `${name}: ${status}`);

test('a token that may do what waiting needs and no more is all right', async () => {
  const { argocd, examine } = await argoCd();
  const checks = await examine(argocd.createToken({ projects: ['web'], operate: true }));
  expect(brief(checks)).toEqual(['argocd: ok', 'argocd-applications: ok', 'argocd-rights: ok']);
  expect(checks[1]?.what).toContain('(2)');
  expect(argocd.log.filter(({ method }) => method !== 'GET')).toEqual([]);
});

test('what the token lacks is named, and what waiting cannot do then', async () => {
  const { argocd, examine } = await argoCd();
  const checks = await examine(argocd.createToken({ projects: ['web'] }));
  expect(brief(checks)).toContain('argocd-rights: warn');
  expect(checks.at(-1)?.what).toMatch(/applications, sync \(it cannot end an operation that hangs/);
});

test('an administrator’s token is too much', async () => {
  const { argocd, examine } = await argoCd();
  const checks = await examine(argocd.token);
  expect(brief(checks)).toContain('argocd-excess: warn');
  expect(checks.at(-1)?.what).toContain('exec, create');
});

test('applications that it does not show are a failure: a deploy would wait for them in vain', async () => {
  const { argocd, examine } = await argoCd();
  const checks = await examine(argocd.createToken({ projects: ['billing'], operate: true }));
  expect(brief(checks)).toEqual(['argocd: ok', 'argocd-applications: fail', 'argocd-rights: not-checked']);
  expect(checks[1]?.what).toContain('web-prod-1, web-prod-2');
});

test('a token that Argo CD does not take is a failure; no token, or no answer, is not checked', async () => {
  const { argocd, examine } = await argoCd();
  expect(brief(await examine('made-up'))).toEqual(['argocd: fail']);
  expect(brief(await examine(undefined))).toEqual(['argocd: not-checked']);
  await argocd[Symbol.asyncDispose]();
  expect(brief(await examine('any'))).toEqual(['argocd: not-checked']);
});
