import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildArgocdRig, type Run } from './build.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kajitori-argocd-rig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const MODULE_FILES = [
  'hack/git-verify-wrapper.sh',
  ...['application', 'applicationset', 'appproject'].map((kind) => `manifests/crds/${kind}-crd.yaml`),
  ...['cm', 'cmd-params-cm', 'gpg-keys-cm', 'secret', 'ssh-known-hosts-cm', 'tls-certs-cm'].map(
    (name) => `manifests/base/config/argocd-${name}.yaml`,
  ),
  ...['node/fast/node-initialize', 'node/heartbeat/node-heartbeat'].map(
    (name) => `kustomize/stage/${name}.yaml`,
  ),
  ...['ready', 'complete', 'delete'].map((name) => `kustomize/stage/pod/fast/pod-${name}.yaml`),
];

/** A `go` for which every module is of version v1.36.1 and holds all files. Compiling the real ones takes minutes. */
const fakeGo =
  (asked: (readonly string[])[]): Run =>
  async (command) => {
    asked.push(command);
    const [, verb, ...args] = command;
    if (verb === 'list') return args.includes('{{.Dir}}') ? join(folder, 'module') : 'v1.36.1\n';
    const out = args[args.indexOf('-o') + 1] ?? '';
    for (const name of ['cmd', 'server', 'kubectl']) writeFileSync(join(out, name), '');
    return '';
  };

test('a rig has its programs under their own names, and the files of Argo CD and kwok, which may be changed', async () => {
  for (const file of MODULE_FILES) {
    const path = join(folder, 'module', file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    chmodSync(path, 0o444);
  }
  const asked: (readonly string[])[] = [];
  await buildArgocdRig(join(folder, 'rig'), fakeGo(asked));

  const below = (name: string): string[] => readdirSync(join(folder, 'rig', name)).sort();
  expect(below('programs')).toEqual([
    'argocd',
    'argocd-application-controller',
    'argocd-applicationset-controller',
    'argocd-repo-server',
    'argocd-server',
    'etcd',
    'git-verify-wrapper.sh',
    'kubectl',
  ]);
  expect(below('crds')).toHaveLength(3);
  expect(below('configuration')).toHaveLength(6);
  expect(below('stages')).toHaveLength(5);
  expect(readlinkSync(join(folder, 'rig/bin/argocd'))).toBe('../programs/argocd');
  expect(statSync(join(folder, 'rig/programs/git-verify-wrapper.sh')).mode & 0o777).toBe(0o755);
  expect(statSync(join(folder, 'rig/crds/appproject-crd.yaml')).mode & 0o777).toBe(0o644);

  const build = asked.find(([, verb]) => verb === 'build')?.join(' ');
  expect(build).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.1 ');
  expect(build).toContain('-X k8s.io/component-base/version.gitMinor=36 ');
});
