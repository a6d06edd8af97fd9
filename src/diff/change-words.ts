import { type ObjectChange, objectOf } from './compare.ts';
import { type DiffLine, fieldLines, yamlLines } from './field-lines.ts';
import { isNoise } from './noise.ts';

/** What became of an object, as a sign and a word. */
export const HOW: Readonly<Record<ObjectChange['how'], { readonly sign: string; readonly word: string }>> = {
  added: { sign: '+', word: 'added' },
  removed: { sign: '−', word: 'deleted' },
  renamed: { sign: '→', word: 'renamed' },
  changed: { sign: '~', word: 'changed' },
};

/** Under a change that is shown once for several places. */
export const HIDDEN_DIFFERS = 'What is hidden here is not the same in all of these places.';

/** What becomes of an object that is removed from git, as a sentence; empty for one that is deleted, and for other changes. */
export function fateText(change: ObjectChange): string {
  if (change.how !== 'removed' || change.fate === undefined) return '';
  const { stays, heir } = change.fate;
  if (heir !== undefined) return `goes to the application ${heir}`;
  return stays ? 'stays in the cluster' : '';
}

/** `web/web-config-1 → web/web-config-2` as parts: what it is called now, and before. */
export interface ChangeTitle {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly was: string | undefined;
}

export function titleOf(change: ObjectChange): ChangeTitle {
  const { kind, metadata } = objectOf(change);
  const was = change.how === 'renamed' ? change.before.metadata : undefined;
  const moved = was !== undefined && was.namespace !== metadata.namespace;
  return {
    kind,
    name: metadata.name,
    namespace: metadata.namespace,
    was: was === undefined ? undefined : moved ? `${was.namespace ?? '(none)'}/${was.name}` : was.name,
  };
}

/** How much of a change is shown. */
export interface Detail {
  readonly lines: number;
  /** Whether whole objects that are new are shown too. */
  readonly newObjects: boolean;
}

/** Kinds whose content is the risk: a new one is shown whole everywhere. */
const ALWAYS_SHOWN = /^(?:Cluster)?Role(?:Binding)?$/;

/** The difference of one object, and how many of its lines are left out. What only follows a version is left out too. */
export function changeLines(
  change: ObjectChange,
  detail: Detail,
): { readonly lines: readonly DiffLine[]; readonly more: number } {
  const all = allLines(change, detail);
  return { lines: all.slice(0, detail.lines), more: Math.max(0, all.length - detail.lines) };
}

function allLines(change: ObjectChange, { newObjects }: Detail): readonly DiffLine[] {
  switch (change.how) {
    case 'removed':
      return [];
    case 'added':
      return newObjects || ALWAYS_SHOWN.test(change.after.kind)
        ? yamlLines(change.after).map((text) => ({ kind: 'added', text }))
        : [];
    default:
      return fieldLines(change.fields.filter((field) => !isNoise(field)));
  }
}
