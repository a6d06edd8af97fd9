import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { couldNot } from '../report/failure.ts';
import { textDiff } from '../report/text-diff.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import type { WorkingCopy } from '../repository/working-copy.ts';
import { callers } from './callers.ts';
import { CODE_OWNERS_FILES, codeOwnersRegion, replaceCodeOwnersRegion } from './code-owners.ts';
import { generatedFiles } from './generated-files.ts';
import { GENERATED_MARK } from './generated-yaml.ts';
import { hasTeamRoles } from './platform-setting.ts';
import { readApps } from './read-apps.ts';
import { readConfig } from './read-config.ts';

export interface RegenerateInputs {
  /** Change nothing, only say what differs. */
  readonly check: boolean;
}

export interface RegenerateDeps {
  readonly repository: WorkingCopy;
  /** The files of the package. */
  readonly suite: Tree;
  /** The version of this program, like 1.4.2. */
  readonly version: string;
}

/** A generated file that is not what it should be. */
export interface Drift {
  readonly path: string;
  /** `missing`: it is not there. `edited`: by hand, or by an older version. `orphan`: nothing needs it any more. */
  readonly kind: 'missing' | 'edited' | 'orphan';
  /** Unified, from what is there to what should be. */
  readonly diff: string;
}

export interface RegenerateOutputs {
  readonly drift: readonly Drift[];
  readonly changed: boolean;
  readonly reason: 'up-to-date' | 'drift' | 'regenerated';
  readonly apps: number;
  /** How many files were looked at. */
  readonly files: number;
  /** 1 when a check found something. */
  readonly exitCode: 0 | 1;
}

/**
 * `kajitori regenerate`: makes all generated files anew from kajitori.yaml and the app.yaml files, and removes those of
 * apps, environments and forms that are no more. What a person wrote is never touched: of CODEOWNERS only our region.
 *
 * @throws Failure (exit 2) for files that cannot be read, and when kajitori.yaml asks for another version than this
 */
export async function runRegenerate(
  { check }: RegenerateInputs,
  { repository, suite, version }: RegenerateDeps,
): Promise<RegenerateOutputs> {
  const config = await readConfig(repository);
  refuseOtherVersion(config, version);
  const apps = await readApps(repository, config);
  const wanted = new Map<string, string | null>();
  for (const { path, text } of [
    ...generatedFiles(config, apps, await hasTeamRoles(repository, config)),
    ...(await callers(config, suite)),
  ]) {
    wanted.set(path, text);
  }
  const [orphans, codeOwners] = await Promise.all([
    orphansOf(repository, config, wanted),
    codeOwnersOf(repository, config, codeOwnersRegion(config, apps)),
  ]);
  for (const [path, text] of [...orphans, ...codeOwners]) {
    wanted.set(path, text);
  }
  const drift = await driftOf(repository, wanted);
  const about = { drift, apps: apps.size, files: wanted.size };
  if (drift.length === 0) {
    return { ...about, changed: false, reason: 'up-to-date', exitCode: 0 };
  }
  if (check) {
    return { ...about, changed: false, reason: 'drift', exitCode: 1 };
  }
  await repository.write(new Map(drift.map(({ path }) => [path, wanted.get(path) ?? null])));
  return { ...about, changed: true, reason: 'regenerated', exitCode: 0 };
}

/** A repository that names a version exactly gets exactly its files, or a check would differ from laptop to laptop. */
function refuseOtherVersion(config: KajitoriConfig, version: string): void {
  const exact = /^v(\d+\.\d+\.\d+)$/.exec(config.version)?.[1];
  if (exact !== undefined && exact !== version) {
    throw couldNot(`${KAJITORI_FILE} asks for the files of Kajitori ${exact}; this is ${version}.`, {
      at: { file: KAJITORI_FILE },
      todo: `Run it with that version: npx kajitori@${exact} regenerate`,
      reason: 'other-version',
    });
  }
}

/** Where files of ours stand that may have lost what they were made for. */
const GENERATED_FOLDERS = [
  'argocd',
  'argocd/projects',
  '.github/workflows',
  '.github/ISSUE_TEMPLATE',
] as const;

/** Files with our mark that nothing needs any more. What has no mark is not ours, or somebody made it theirs. */
async function orphansOf(tree: Tree, config: KajitoriConfig, wanted: FileEdits): Promise<FileEdits> {
  if (layoutOf(config).kind === 'patterns') {
    return new Map();
  }
  const found = await Promise.all(
    GENERATED_FOLDERS.map(async (folder) => {
      const entries = (await tree.list(folder)).filter(({ kind }) => kind === 'file');
      const paths = entries.map(({ name }) => `${folder}/${name}`).filter((path) => !wanted.has(path));
      const texts = await Promise.all(paths.map(async (path) => [path, await tree.read(path)] as const));
      return texts.filter(([, text]) => text?.startsWith(GENERATED_MARK) === true);
    }),
  );
  return new Map(found.flat().map(([path]) => [path, null]));
}

async function codeOwnersOf(tree: Tree, config: KajitoriConfig, region: string): Promise<FileEdits> {
  if (config.teams === undefined) {
    return new Map();
  }
  for (const file of CODE_OWNERS_FILES) {
    const text = await tree.read(file);
    if (text !== undefined) {
      return new Map([[file, replaceCodeOwnersRegion(text, region, file)]]);
    }
  }
  return new Map([[CODE_OWNERS_FILES[0], region]]);
}

async function driftOf(tree: Tree, wanted: FileEdits): Promise<readonly Drift[]> {
  const found = await Promise.all(
    [...wanted].map(async ([path, text]): Promise<readonly Drift[]> => {
      const there = await tree.read(path);
      if (there === (text ?? undefined)) {
        return [];
      }
      const kind = there === undefined ? 'missing' : text === null ? 'orphan' : 'edited';
      return [{ path, kind, diff: textDiff(path, there, text ?? undefined) }];
    }),
  );
  return found.flat();
}

const KINDS: Readonly<Record<Drift['kind'], string>> = {
  missing: 'is missing',
  edited: 'is not as generated (edited by hand, or by an older version)',
  orphan: 'belongs to nothing any more',
};

/** For people: the diffs, then a line each. */
export function regenerateText({ drift, reason, apps, files }: RegenerateOutputs): string {
  switch (reason) {
    case 'up-to-date':
      return `All ${files} generated files are as they should be (${apps} apps).`;
    case 'regenerated':
      return [
        ...drift.map(({ path, kind }) => `${path} ${kind === 'orphan' ? 'removed' : 'written'}`),
        `Regenerated ${drift.length} of ${files} files. Nothing is committed yet.`,
      ].join('\n');
    case 'drift':
      return [
        ...drift.map(({ diff }) => diff),
        ...drift.map(({ path, kind }) => `${path} ${KINDS[kind]}`),
        '  → Run `kajitori regenerate`. To change one for good, change kajitori.yaml or app.yaml.',
      ].join('\n');
  }
}
