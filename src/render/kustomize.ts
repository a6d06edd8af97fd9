import {
  cp,
  lstat,
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { limitWords, runTool } from '../helm/process.ts';
import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot, Failure, type Place } from '../report/failure.ts';
import { isErrno, lookInside } from './inside.ts';
import { type KustomizationFile, kustomizationFolders, readKustomization } from './kustomization.ts';
import { editedKustomization } from './kustomize-edit.ts';
import type { KustomizeStep } from './plan.ts';
import type { RenderWorld } from './world.ts';

const LIMITS = { milliseconds: 30_000, bytes: 64 * 1024 * 1024 };
/** Of a private copy. */
const COPY_LIMITS = { files: 20_000, bytes: 200_000_000 };

/**
 * What `kustomize build` makes of a folder with the options of its source. Where options change the kustomization this happens
 * in a private copy, never in the user's files.
 *
 * @throws Failure (exit 2): `tool-missing`, `render-failed`, `render-limit`, `not-rendered` for remote bases, charts and
 * plugins, `outside-repository`, `path-missing`, `bad-manifest`
 */
export async function renderKustomization(
  step: Pick<KustomizeStep, 'folder' | 'options' | 'environment'>,
  world: Pick<RenderWorld, 'root' | 'tools' | 'signal' | 'limits'>,
): Promise<KubernetesObject[]> {
  const { root } = world;
  const { folder } = step;
  const written = await readKustomization(root, folder, { file: folder });
  const edited = await withOptions(written, step, root);
  const folders = await kustomizationFolders(root, folder, edited);
  const holdsGit = await Promise.all(folders.map((each) => exists(path.join(root, each, '.git'))));
  if (edited === written && !holdsGit.includes(true)) {
    return parseManifests(await build(root, step, written.file, world), folder);
  }
  await using copy = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-kustomize-'));
  await copyFolders(root, folders, copy.path);
  if (edited !== written) {
    await writeFile(path.join(copy.path, written.file), JSON.stringify(edited.value));
  }
  return parseManifests(await build(copy.path, step, written.file, world), folder);
}

async function withOptions(
  written: KustomizationFile,
  { options, environment, folder }: Pick<KustomizeStep, 'folder' | 'options' | 'environment'>,
  root: string,
): Promise<KustomizationFile> {
  if (options === undefined) {
    return written;
  }
  const at = { file: written.file };
  const components: string[] = [];
  for (const component of options.components) {
    const isThere = (await lookInside(root, path.posix.join(folder, component), at)) !== undefined;
    if (isThere || !options.ignoreMissingComponents) {
      components.push(component);
    }
  }
  const value = editedKustomization(written.value, { ...options, components }, environment, at);
  const isChanged = JSON.stringify(value) !== JSON.stringify(written.value);
  const named = [...written.named, ...components.map((name) => ({ name, at }))];
  return isChanged ? { ...written, value, named } : written;
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) {
      return false;
    }
    throw error;
  }
}

/** Copies folders to the same places below another root, without .git, links as links. */
async function copyFolders(root: string, folders: readonly string[], to: string): Promise<void> {
  let files = 0;
  let bytes = 0;
  const copy = async (folder: string): Promise<void> => {
    await mkdir(path.join(to, folder), { recursive: true });
    for (const entry of await readdir(path.join(root, folder), { withFileTypes: true })) {
      const name = path.join(folder, entry.name);
      if (entry.name.toLowerCase() === '.git') {
        continue;
      }
      if (entry.isDirectory()) {
        await copy(name);
        continue;
      }
      files++;
      if (entry.isSymbolicLink()) {
        await lookInside(root, name);
        const target = await readlink(path.join(root, name));
        if (path.isAbsolute(target)) {
          throw couldNot('This link has an absolute target, and Argo CD refuses such links.', {
            at: { file: name },
            todo: 'Put the file itself there.',
            reason: 'outside-repository',
          });
        }
        await symlink(target, path.join(to, name));
      } else if (entry.isFile()) {
        bytes += (await stat(path.join(root, name))).size;
        await cp(path.join(root, name), path.join(to, name));
      }
      if (files > COPY_LIMITS.files || bytes > COPY_LIMITS.bytes) {
        throw couldNot(`There is too much below it to be copied (${files} files, ${bytes} bytes).`, {
          at: { file: folder },
          todo: 'Move the kustomization into a folder of its own.',
          reason: 'render-limit',
        });
      }
    }
  };
  const isBelow = (folder: string) =>
    folders.some((other) => other !== folder && (other === '.' || folder.startsWith(`${other}/`)));
  for (const folder of folders.filter((each) => !isBelow(each))) {
    await copy(folder);
  }
}

async function build(
  root: string,
  { folder, environment }: Pick<KustomizeStep, 'folder' | 'environment'>,
  file: string,
  { tools = {}, signal, limits = LIMITS }: Pick<RenderWorld, 'tools' | 'signal' | 'limits'>,
): Promise<string> {
  const absolute = path.join(root, folder);
  const commands = [
    { command: tools.kustomize ?? 'kustomize', words: ['build', absolute] },
    ...(tools.kustomize === undefined
      ? [{ command: tools.kubectl ?? 'kubectl', words: ['kustomize', absolute] }]
      : []),
  ];
  for (const { command, words } of commands) {
    const end = await runTool(command, words, {
      // Nothing of our own environment, where a CI keeps its secrets: older kustomize fills env files from it.
      extendEnv: false,
      env: { ...Object.fromEntries(environment), ...OFFLINE, PATH: process.env.PATH ?? '' },
      cwd: root,
      limits,
      signal,
    });
    switch (end?.kind) {
      case undefined:
        continue;
      case 'done':
        return end.stdout;
      case 'stopped':
        throw couldNot(`kustomize took ${limitWords(end.by, limits)} and was stopped.`, {
          at: { file },
          todo: 'Look for bases that repeat themselves.',
          reason: 'render-limit',
        });
      case 'failed':
        throw await explained(end.stderr, root, folder, file);
    }
  }
  throw couldNot(`${commands.map((each) => each.command).join(' and ')} could not be started.`, {
    todo: 'Install kustomize 5 or kubectl (https://kubectl.docs.kubernetes.io/installation/kustomize).',
    reason: 'tool-missing',
  });
}

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:9';

/** What is loaded was looked at before; this is for what hides in other fields. */
const OFFLINE = {
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  HOME: '/nonexistent',
  HTTP_PROXY: `http://${NOWHERE}`,
  HTTPS_PROXY: `http://${NOWHERE}`,
};

const LONGEST = 2000;

/** kustomize's words with the file that they are about, as far as they say it. */
async function explained(stderr: string, root: string, folder: string, file: string): Promise<Failure> {
  const text = withoutLog(stripVTControlCharacters(stderr))
    .replaceAll(/[^\P{C}\n]/gu, '')
    .replaceAll(`${root}/`, '')
    .replace(/^(?:# Warning:[^\n]*\n)*(?:error|Error): /, '')
    .trim()
    .slice(0, LONGEST);
  const named =
    /in File: ([^\s"]+)/.exec(text)?.[1] ?? /accumulating resources from '([^'\n]+)'/.exec(text)?.[1];
  if (text.includes(`dial tcp ${NOWHERE}`)) {
    const url = /https?:\/\/[^\s"')]+/.exec(text)?.[0] ?? 'something';
    return couldNot(
      `It loads ${url} from another server, and only what is in the repository is loaded here.`,
      {
        at: { file },
        todo: 'Copy it into the repository; what is not rendered is not checked.',
        reason: 'not-rendered',
      },
    );
  }
  const culprit = named === undefined ? undefined : path.posix.join(folder, named);
  return couldNot(`kustomize could not render it: ${text || 'it said nothing'}`, {
    at: (culprit && (await mistakeIn(root, culprit))) || { file },
    todo: 'Correct the file, or the line of the kustomization that names it.',
    reason: 'render-failed',
  });
}

/** kubectl says it in its log: `E1121 14:58:01.8 1 run.go:72] "command failed" err="…"`, or `err=<`, lines, ` >`. */
function withoutLog(text: string): string {
  const block = /^E\d{4} [^\n]*? err=<\n([\s\S]*?)\n >/m.exec(text)?.[1];
  if (block !== undefined) {
    return block.replaceAll(/^\t/gm, '');
  }
  const quoted = /^E\d{4} [^\n]*? err=("(?:[^"\\\n]|\\.)*")/m.exec(text)?.[1];
  try {
    return quoted === undefined ? text : String(JSON.parse(quoted));
  } catch {
    return text;
  }
}

/** Where a file is broken; its place alone when it is there and whole. */
async function mistakeIn(root: string, file: string): Promise<Place | undefined> {
  const found = await lookInside(root, file).catch(() => undefined);
  if (found?.kind !== 'file') {
    return undefined;
  }
  try {
    parseManifests(await readFile(found.absolute, 'utf8'), file);
    return { file };
  } catch (error) {
    return error instanceof Failure ? error.at : { file };
  }
}
