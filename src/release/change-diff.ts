import { codeBlock } from '../report/markdown.ts';
import { textDiff } from '../report/text-diff.ts';
import type { FileEdits } from '../repository/tree.ts';

/** Edits as a unified diff. */
export const changeDiff = (edits: FileEdits, originals: ReadonlyMap<string, string | undefined>): string =>
  [...edits].map(([file, text]) => textDiff(file, originals.get(file), text ?? undefined)).join('');

/** The diff in a job summary, folded; nothing without edits. */
export const changeSection = (
  edits: FileEdits,
  originals: ReadonlyMap<string, string | undefined>,
): readonly string[] =>
  edits.size === 0
    ? []
    : [
        `<details><summary>Diff</summary>\n\n${codeBlock(changeDiff(edits, originals), 'diff')}\n\n</details>`,
      ];
