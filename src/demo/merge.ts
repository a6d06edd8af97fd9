import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WEB_REPOSITORY } from './company.ts';
import { commitAndPush, git } from './git.ts';
import { packImage } from './image.ts';
import type { Chapter } from './narrator.ts';
import type { BuiltImage, Scene } from './scene.ts';

/** Puts the sample app into an empty clone. */
export async function copySampleApp({ suite }: Scene, clone: string): Promise<void> {
  await cp(path.join(suite.name, 'examples/web'), clone, {
    recursive: true,
    filter: (file) => path.basename(file) !== 'node_modules',
  });
}

/** Changes whom the app greets, as a developer would. */
export async function greet(clone: string, whom: string): Promise<void> {
  const file = path.join(clone, 'src/app.js');
  const before = await readFile(file, 'utf8');
  const after = before.replace(/hello: '\w+'/, `hello: '${whom}'`);
  if (after === before) {
    throw new Error(`The sample app does not greet ${whom} now: adapt the demo.`);
  }
  await writeFile(file, after);
}

/** Commits what is in the developer's clone to the main branch; stands for the merge of a pull request. */
export async function merge({ company }: Scene, clone: string, message: string): Promise<string> {
  return commitAndPush(clone, message, company.developer);
}

/** What the Dockerfile of the sample app copies. */
const COPIED = ['package.json', 'bin', 'src'];

/**
 * Makes the image of a merged commit and looks whether the registry has it.
 *
 * @param build the number of the run
 */
export async function buildImage(
  { registry, company }: Scene,
  chapter: Chapter,
  clone: string,
  build: number,
): Promise<BuiltImage> {
  const commit = await git(clone, ['rev-parse', 'HEAD'], company.developer);
  const tag = commit.slice(0, 8);
  chapter.working('packing and pushing the image');
  const { reference, digest } = await packImage({
    folder: clone,
    entries: COPIED,
    reference: `${registry.host}/web:${tag}`,
    labels: {
      'org.opencontainers.image.source': `https://github.com/${WEB_REPOSITORY}`,
      'org.opencontainers.image.revision': commit,
    },
  });
  chapter.holds(`The registry has ${reference}, digest ${digest.slice(0, 19)}…`, {
    found: await digestInRegistry(registry.host, tag),
    expected: digest,
  });
  return { commit, build, image: `${reference}@${digest}`, digest };
}

/** Asks the registry itself ("Pulling manifests" in the OCI distribution specification). */
async function digestInRegistry(host: string, tag: string): Promise<string | null> {
  const answer = await fetch(`http://${host}/v2/web/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  return answer.headers.get('docker-content-digest');
}
