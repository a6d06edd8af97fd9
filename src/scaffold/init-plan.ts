import type { FileEdits, Tree } from '../repository/tree.ts';

/** A file that `init` would like to be there. */
export interface ProposedFile {
  readonly path: string;
  readonly text: string;
  /** What it is, in a few words for the plan. */
  readonly about: string;
  /**
   * `generated`: the same whenever it is made, so another text there is worth a word. `first`: only a beginning, the
   * user's own from then on. `region`: a part of the user's file is ours.
   */
  readonly kind: 'generated' | 'first' | 'region';
  /** Files of one whole are written all or none: half a chart of ours in one of theirs would render nonsense. */
  readonly whole?: string;
}

export interface PlannedFile extends ProposedFile {
  /**
   * - `write`: it is not there. - `update`: our region in it changes.
   * - `same`: it is there, byte for byte. - `keep`: it is the user's own and stays.
   * - `differs`: it should be generated, but another text is there; it is left alone.
   */
  readonly state: 'write' | 'update' | 'same' | 'keep' | 'differs';
}

export interface InitPlan {
  readonly files: readonly PlannedFile[];
}

/** What would happen to each proposed file. Nothing that exists is ever overwritten, but for our own region. */
export async function planFiles(tree: Tree, proposed: readonly ProposedFile[]): Promise<InitPlan> {
  const existing = new Map(
    await Promise.all(proposed.map(async ({ path }) => [path, await tree.read(path)] as const)),
  );
  const broken = new Set(
    proposed.flatMap(({ path, text, whole }) => {
      const there = existing.get(path);
      return whole !== undefined && there !== undefined && there !== text ? [whole] : [];
    }),
  );
  const stateOf = ({ path, text, kind, whole }: ProposedFile): PlannedFile['state'] => {
    const there = existing.get(path);
    if (there === text) {
      return 'same';
    }
    if (whole !== undefined && broken.has(whole)) {
      return 'keep';
    }
    if (there === undefined) {
      return 'write';
    }
    return { generated: 'differs', first: 'keep', region: 'update' }[kind] as PlannedFile['state'];
  };
  return { files: proposed.map((file) => ({ ...file, state: stateOf(file) })) };
}

/** What is written when the plan is carried out. */
export const editsOf = (plan: InitPlan): FileEdits =>
  new Map(
    plan.files
      .filter(({ state }) => state === 'write' || state === 'update')
      .map(({ path, text }) => [path, text]),
  );

/** Nothing could be done, because other texts stand where ours should. */
export const isBlocked = (plan: InitPlan): boolean =>
  plan.files.some(({ state }) => state === 'differs') && editsOf(plan).size === 0;

/** The plan for people: a tree of what will be written, then what stays and why. */
export function formatPlan(plan: InitPlan, repository: string): string {
  const written = plan.files.filter(({ state }) => state === 'write' || state === 'update');
  const alone = plan.files.filter(({ state }) => state === 'keep' || state === 'differs');
  const same = plan.files.filter(({ state }) => state === 'same');
  return [
    ...(written.length === 0
      ? [`Nothing to write in ${repository}.`]
      : [`To be written in ${repository}:`, ...treeLines(written)]),
    ...(alone.length === 0 ? [] : ['', 'There already, left alone:', ...alone.map(aloneLine)]),
    ...(same.length === 0 ? [] : ['', `There already, as it should be: ${count(same.length)}.`]),
  ].join('\n');
}

const count = (files: number): string => (files === 1 ? '1 file' : `${files} files`);

const aloneLine = ({ path, state }: PlannedFile): string =>
  state === 'keep'
    ? `  ${path}`
    : `  ${path}  (differs from what kajitori generates; delete it and run init again to get ours)`;

function treeLines(files: readonly PlannedFile[]): string[] {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const lines: { readonly text: string; readonly about: string }[] = [];
  let open: readonly string[] = [];
  for (const { path, about, state } of sorted) {
    const names = path.split('/');
    const folders = names.slice(0, -1);
    const shared = folders.findIndex((folder, depth) => open[depth] !== folder);
    for (const [depth, folder] of folders.entries()) {
      if (shared !== -1 && depth >= shared) {
        lines.push({ text: `${'  '.repeat(depth + 1)}${folder}/`, about: '' });
      }
    }
    open = folders;
    const text = `${'  '.repeat(folders.length + 1)}${names.at(-1)}`;
    lines.push({ text, about: state === 'update' ? `${about} (only our region changes)` : about });
  }
  const width = Math.max(...lines.map(({ text }) => text.length));
  return lines.map(({ text, about }) => `${text.padEnd(width)}  ${about}`.trimEnd());
}
