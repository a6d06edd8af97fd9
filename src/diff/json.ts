import { titleOf } from './change-words.ts';
import { formatFieldPath } from './field-path.ts';
import type { DiffReport } from './report.ts';

/** The report for machines. Secrets are hidden in it as everywhere. */
export function diffJson(report: DiffReport): object {
  const { base, head, applications, notRendered, notLookedAt, blocks, capacity } = report;
  return {
    base,
    head,
    applications,
    notRendered,
    notLookedAt,
    groups: blocks.map((block) => ({
      how: block.how,
      places: block.places,
      differsIn: block.differsIn,
      unchangedIn: block.unchangedIn,
      risks: block.risks,
      changes: block.changes.map(({ change, risks }) => ({
        how: change.how,
        apiVersion: (change.after ?? change.before).apiVersion,
        ...titleOf(change),
        risks,
        fields: change.fields.map(({ path, before, after }) => ({
          path: formatFieldPath(path),
          before: before ?? null,
          after: after ?? null,
        })),
        ...(change.how === 'added' && { object: change.after }),
      })),
      onlyVersions: block.noise.map(titleOf),
    })),
    capacity,
  };
}
