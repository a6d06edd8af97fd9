import { createTwoFilesPatch } from 'diff';

/** The difference of one file as a unified diff, as git shows it. `undefined`: the file is not there. */
export function textDiff(file: string, before: string | undefined, after: string | undefined): string {
  const from = before === undefined ? '/dev/null' : `a/${file}`;
  const to = after === undefined ? '/dev/null' : `b/${file}`;
  const patch = createTwoFilesPatch(from, to, before ?? '', after ?? '', undefined, undefined, {
    context: 3,
  });
  // The library puts a line of = above, which no reader of diffs needs.
  return patch.replace(/^=+\n/, '').replaceAll(/^(---|\+\+\+) (.*)\t$/gm, '$1 $2');
}
