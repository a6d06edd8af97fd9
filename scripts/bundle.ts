import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';

/** Modules whose way into the bundle is another, since every start of an action would pay for it. Each is written as CommonJS. */
const INSTEAD: Readonly<Record<string, string>> = {
  // `import` of a module of Node reads all that it exports. With WebSocket that is the whole of Node's fetch: 40 ms.
  http: `module.exports = require('node:http')`,
  // With all that it exports comes the list of Node's flags: 5 ms.
  process: 'module.exports = process',
  // For proxies of fetch (getAgentDispatcher of @actions/http-client), which nothing here calls: 400 kB.
  undici: `exports.ProxyAgent = class { constructor() { throw new Error('undici is not in the bundle') } }`,
};

const instead: Plugin = {
  name: 'instead',
  resolveId: (name, importer) => {
    const id = `\0${name.replace(/^node:/, '')}`;
    return importer !== id && Object.hasOwn(INSTEAD, id.slice(1)) ? id : undefined;
  },
  load: (id) => (id.startsWith('\0') ? INSTEAD[id.slice(1)] : undefined),
};

/** Programs by name: `<name>.js` is made from the file. */
export type Entries = { readonly [name: string]: string };

export interface Bundled {
  /** Paths of the files, relative to the folder. */
  readonly files: readonly string[];
  /** Their sizes together, in bytes. */
  readonly bytes: number;
}

/**
 * Bundles programs into one folder that needs no node_modules. What several of them use stands once, in `shared/`.
 *
 * A data file that belongs to one source file stands beside it and is read by `new URL('./file', import.meta.url)`: the bundler
 * sees that and carries the file along. What users get as files (charts/, templates/, schemas/) is not bundled: code finds it
 * below the nearest folder whose package.json is ours, which is `..` of both src/ and dist/ (src/repository/suite.ts).
 *
 * The output depends on the sources only, not on where they or the folder are.
 */
export async function bundle(entries: Entries, root: string, folder: string): Promise<Bundled> {
  await using build = await rolldown({
    input: { ...entries },
    cwd: root,
    platform: 'node',
    // What a package has for bundlers first: of what Node would load, nothing can be left out (AWS SDK: 240 kB).
    resolve: { mainFields: ['module', 'main'] },
    plugins: [instead],
    experimental: { resolveNewUrlToAsset: true },
    // A bundle with a hole in it is no bundle: what does not resolve, or would be left to run time, ends the build.
    onLog: (_level, log) => {
      throw new Error(`${log.code ?? 'rolldown'}: ${log.message}`);
    },
  });
  const { output } = await build.write({
    dir: folder,
    cleanDir: true,
    format: 'esm',
    minify: true,
    // Licences are kept whole, in LICENSES.txt.
    comments: { legal: false, annotation: false, jsdoc: false },
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name]-[hash].js',
    assetFileNames: 'shared/[name]-[hash][extname]',
  });
  const chunks = output.filter((file) => file.type === 'chunk');
  const licences = await licencesOf(chunks);
  await writeFile(join(folder, 'LICENSES.txt'), licences);
  for (const chunk of chunks) {
    if (chunk.isEntry && chunk.code.startsWith('#!')) await chmod(join(folder, chunk.fileName), 0o755);
  }
  const sizes = output.map((file) => Buffer.byteLength(file.type === 'chunk' ? file.code : file.source));
  return {
    files: [...output.map((file) => file.fileName), 'LICENSES.txt'].sort(),
    bytes: sizes.reduce((sum, size) => sum + size, Buffer.byteLength(licences)),
  };
}

/** The folder of the npm package that a bundled module is from. */
function packageOf(module: string): string | undefined {
  const marker = `${sep}node_modules${sep}`;
  const at = module.lastIndexOf(marker);
  if (at === -1) return undefined;
  const start = at + marker.length;
  const [scope = '', name = ''] = module.slice(start).split(sep);
  return module.slice(0, start) + (scope.startsWith('@') ? join(scope, name) : scope);
}

/** The licences of the packages whose code is in the bundle, as they ask to be passed on with it; equal texts once. */
async function licencesOf(chunks: readonly OutputChunk[]): Promise<string> {
  const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules));
  const folders = new Set(modules.map(packageOf).filter((folder) => folder !== undefined));
  const packages = await Promise.all([...folders].map(readLicence));
  const texts = [...Map.groupBy(packages, ({ text }) => text)].map(([text, those]) => {
    const names = those.map(({ title }) => title).sort();
    return [...new Set(names), '', text].join('\n').trim();
  });
  const line = '-'.repeat(80);
  return `This folder holds code of the following packages.\n\n${texts.sort().join(`\n\n${line}\n\n`)}\n`;
}

async function readLicence(folder: string): Promise<{ readonly title: string; readonly text: string }> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)\b/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return {
    title: `${name} ${version} (${license ?? 'licence not stated'})`,
    text: texts.map((text) => text.trim()).join('\n\n'),
  };
}

/** The suite's programs: each action that is ours to run (not the composite ones), and the command. */
export function suiteEntries(sources: readonly string[]): Entries {
  const actions = sources.filter((file) => /^actions\/[^/]+\/main\.ts$/.test(file));
  return {
    ...Object.fromEntries(actions.sort().map((file) => [basename(dirname(file)), file])),
    kajitori: 'src/cli/main.ts',
  };
}
