/**
 * The tools that are not npm packages: which ones, in which version, and where they are on this machine.
 *
 * `tools.yaml` is the list. `scripts/setup` finds or installs them and records where (`record`); everything else asks
 * here (`toolPath`, `pathWithTools`). Product code knows nothing of this: it finds `helm` on PATH like a user's.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { coerce, satisfies } from 'semver';
import { parse } from 'yaml';
import { z } from 'zod';
import { couldNot } from '../src/report/failure.ts';

export const sets = ['demo', 'test', 'bench', 'e2e'] as const;
export type ToolSet = (typeof sets)[number];

const toolSchema = z
  .strictObject({
    for: z.array(z.enum(sets)),
    version: z.string().optional(),
    onPath: z.string().optional(),
    probe: z.string(),
    go: z.string().optional(),
    asDependency: z.boolean().optional(),
    pip: z.string().optional(),
    module: z.enum(['argocd-rig']).optional(),
    apt: z.string().optional(),
  })
  .refine(
    (tool) => tool.apt !== undefined || tool.module !== undefined || tool.version !== undefined,
    'go and pip need a `version`',
  );

export interface Tool extends z.infer<typeof toolSchema> {
  /** The name of the program. */
  readonly name: string;
}

const listFile = new URL('tools.yaml', import.meta.url);
/** Where a clone remembers what `setup` found: gone with `npm ci`, so it never outlives the list by much. */
const recordFile = new URL('../node_modules/.cache/kajitori/tools.json', import.meta.url);

/** The tools of a list in the form of `tools.yaml`. Throws zod's error on anything else. */
export function parseTools(text: string): Tool[] {
  const list = z.record(z.string(), toolSchema).parse(parse(text));
  return Object.entries(list).map(([name, tool]) => ({
    name,
    ...tool,
    ...(tool.module === undefined ? {} : { version: moduleVersion(tool.module) }),
  }));
}

/** What is built from a module is pinned by its go.mod and go.sum, and how it is built is beside them: a digest of the three. */
function moduleVersion(module: string): string {
  const texts = ['go.mod', 'go.sum', 'build.ts'].map((file) =>
    readFileSync(new URL(`${module}/${file}`, import.meta.url), 'utf8'),
  );
  return digest(texts.join('\0')).slice(0, 12);
}

export const listText = (): string => readFileSync(listFile, 'utf8');

/** What one of the sets needs, or a Failure that names the sets. */
export function toolsFor(set: string, tools: readonly Tool[]): Tool[] {
  if (!sets.some((known) => known === set)) {
    throw couldNot(`unknown set of tools: ${set}`, { todo: `name one of: ${sets.join(', ')}` });
  }
  return tools.filter((tool) => tool.for.some((name) => name === set));
}

/** The first version in what a tool printed: `v3.22`, `git version 2.39.5 (Apple…)` and the like. */
export function versionIn(output: string): string | undefined {
  return coerce(output)?.version;
}

/** May this tool, found on PATH, be used instead of the pinned one? `output` is what its probe printed. */
export function isGoodOnPath(tool: Tool, output: string): boolean {
  if (tool.onPath === undefined) return false;
  if (tool.onPath === '*') return true;
  const version = versionIn(output);
  return version !== undefined && satisfies(version, tool.onPath);
}

/** `${KAJITORI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kajitori}/tools`: outside the clone, so that fresh clones share it. */
export function toolsCache(env: NodeJS.ProcessEnv): string {
  const cache = env.KAJITORI_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kajitori');
  return join(cache, 'tools');
}

/** The folder of one installed tool. Its `bin/` holds this tool and nothing else, so that it can go first on PATH. */
export function installFolder(tool: Tool, cache: string): string {
  return join(cache, `${tool.name}-${tool.version}`);
}

interface Record {
  /** A digest of the list that these places were found for. */
  list: string;
  /** Absolute paths of the programs. */
  tools: { [name: string]: string };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function readRecord(): Record {
  // With the versions that modules pin, and not only the text.
  const list = digest(JSON.stringify(parseTools(listText())));
  try {
    const record = JSON.parse(readFileSync(recordFile, 'utf8')) as Record;
    if (record.list === list) return record;
  } catch {
    // No set-up in this clone yet, or an interrupted one: the same as an empty record.
  }
  return { list, tools: {} };
}

/** Remembers where tools are, beside those of earlier set-ups from the same list. */
export function record(found: { readonly [name: string]: string }): void {
  const before = readRecord();
  mkdirSync(new URL('.', recordFile), { recursive: true });
  writeFileSync(recordFile, JSON.stringify({ ...before, tools: { ...before.tools, ...found } }));
}

/** The absolute path of a tool of the list, or a Failure that says which set-up brings it. */
export function toolPath(name: string): string {
  const path = readRecord().tools[name];
  if (path !== undefined) return path;
  const tool = parseTools(listText()).find((candidate) => candidate.name === name);
  throw couldNot(`${name} was not set up in this clone`, {
    todo: tool === undefined ? 'add it to scripts/tools.yaml' : `run: scripts/setup ${tool.for[0]}`,
  });
}

/** PATH with what `setup` installed put first. Tools that were on PATH already stay where they are. */
export function pathWithTools(env: NodeJS.ProcessEnv): string {
  const cache = toolsCache(env);
  const folders = Object.values(readRecord().tools)
    .map((path) => dirname(path))
    .filter((folder) => folder.startsWith(cache));
  return [...new Set(folders), env.PATH ?? ''].join(delimiter);
}
