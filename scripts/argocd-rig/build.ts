/** Builds what `npm run e2e` runs (test/e2e/rig) from the module beside this file. */
import { chmod, copyFile, mkdir, rename, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs a command in a folder with variables added to the environment, and returns what it prints. */
export type Run = (
  command: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
) => Promise<string>;

/** What is taken as files from modules: where each stands below the module's root, and in which folder it is put. */
const FILES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'github.com/argoproj/argo-cd/v3': {
    // The repo-server starts it for each commit, whether signatures matter or not.
    programs: ['hack/git-verify-wrapper.sh'],
    crds: ['application', 'applicationset', 'appproject'].map((kind) => `manifests/crds/${kind}-crd.yaml`),
    configuration: ['cm', 'cmd-params-cm', 'gpg-keys-cm', 'secret', 'ssh-known-hosts-cm', 'tls-certs-cm'].map(
      (name) => `manifests/base/config/argocd-${name}.yaml`,
    ),
  },
  'sigs.k8s.io/kwok': {
    stages: [
      'node/fast/node-initialize',
      'node/heartbeat/node-heartbeat',
      'pod/fast/pod-ready',
      'pod/fast/pod-complete',
      'pod/fast/pod-delete',
    ].map((stage) => `kustomize/stage/${stage}.yaml`),
  },
};

/** Argo CD is one program that looks at its name. */
const PARTS_OF_ARGOCD = ['server', 'repo-server', 'application-controller', 'applicationset-controller'];

/**
 * Fills a folder: `programs/` (Argo CD, Kubernetes, etcd, kwok, the helm that Argo CD calls), `crds/` and `configuration/` of
 * Argo CD, `stages/` of kwok; `bin/argocd` is for PATH.
 */
export async function buildArgocdRig(folder: string, run: Run): Promise<void> {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const env = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -mod=readonly', GOWORK: 'off' };
  const go = (...args: string[]): Promise<string> => run(['go', ...args], { cwd, env });
  const version = async (module: string): Promise<string> =>
    (await go('list', '-m', '-f', '{{.Version}}', module)).trim().replace(/^v/, '');

  const kubernetes = await version('k8s.io/kubernetes');
  const [major, minor] = kubernetes.split('.');
  const argocd = await version('github.com/argoproj/argo-cd/v3');
  const linked = {
    // Without them Kubernetes says v0.0.0-master, which clients cannot parse.
    'k8s.io/component-base/version.gitVersion': `v${kubernetes}`,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
    'k8s.io/component-base/version.gitTreeState': 'clean',
    'github.com/argoproj/argo-cd/v3/common.version': argocd,
  };
  const flags = Object.entries(linked).map(([name, value]) => `-X ${name}=${value}`);
  const programs = join(folder, 'programs');
  await mkdir(programs, { recursive: true });
  await go('build', '-ldflags', ['-s -w', ...flags].join(' '), '-o', `${programs}/`, 'tool');
  // Named after the last folder of their packages.
  await rename(join(programs, 'cmd'), join(programs, 'argocd'));
  await rename(join(programs, 'server'), join(programs, 'etcd'));
  for (const part of PARTS_OF_ARGOCD) await symlink('argocd', join(programs, `argocd-${part}`));
  await mkdir(join(folder, 'bin'), { recursive: true });
  await symlink('../programs/argocd', join(folder, 'bin/argocd'));

  for (const [module, places] of Object.entries(FILES)) {
    const source = (await go('list', '-m', '-f', '{{.Dir}}', module)).trim();
    for (const [place, files] of Object.entries(places)) {
      await mkdir(join(folder, place), { recursive: true });
      for (const file of files) {
        const copy = join(folder, place, basename(file));
        await copyFile(join(source, file), copy);
        // The module cache is read-only.
        await chmod(copy, place === 'programs' ? 0o755 : 0o644);
      }
    }
  }
}
