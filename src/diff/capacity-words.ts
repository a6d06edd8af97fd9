import { formatBytes, formatCores } from '../kubernetes/quantity.ts';
import type { ClusterCapacity } from './application-diff.ts';
import type { Amount, Capacity } from './capacity.ts';

/** One row of the table of capacity: what it is of, CPU and memory before and after. */
export interface CapacityRow {
  /** One, or several with the same figures. */
  readonly clusters: readonly string[];
  readonly what: string;
  readonly cpu: string;
  readonly memory: string;
}

/** Rows of what changes only; each cluster's pods, what runs on each node, and jobs apart. */
export function capacityRows(clusters: readonly ClusterCapacity[]): readonly CapacityRow[] {
  const rows = new Map<string, CapacityRow>();
  for (const row of rowsByCluster(clusters)) {
    const key = `${row.what} ${row.cpu} ${row.memory}`;
    const known = rows.get(key);
    rows.set(key, known === undefined ? row : { ...known, clusters: [...known.clusters, ...row.clusters] });
  }
  return [...rows.values()];
}

function rowsByCluster(clusters: readonly ClusterCapacity[]): readonly CapacityRow[] {
  return clusters.flatMap(({ cluster, before, after }) => {
    const name = cluster ?? '(cluster not in kajitori.yaml)';
    const rows = [
      { what: 'pods', from: [before.least, before.most], to: [after.least, after.most] },
      { what: 'on each node', from: [before.perNode, before.perNode], to: [after.perNode, after.perNode] },
      { what: 'jobs, all at once', from: [before.jobs, before.jobs], to: [after.jobs, after.jobs] },
    ] as const;
    return rows
      .filter(({ from, to }) => from.some((amount, index) => !sameAmount(amount, to[index] ?? amount)))
      .map(({ what, from, to }) => ({
        clusters: [name],
        what,
        cpu: changeText(from, to, ({ cores }) => cores, formatCores),
        memory: changeText(from, to, ({ bytes }) => bytes, formatBytes),
      }));
  });
}

const sameAmount = (a: Amount, b: Amount): boolean => a.cores === b.cores && a.bytes === b.bytes;

/** `1.5–3 cores → 2–4 cores (+0.5 to +1)`, or the one value where nothing changes. */
function changeText(
  from: readonly [Amount, Amount],
  to: readonly [Amount, Amount],
  of: (amount: Amount) => number,
  format: (value: number) => string,
): string {
  const [least, most, leastAfter, mostAfter] = [of(from[0]), of(from[1]), of(to[0]), of(to[1])];
  const before = range(least, most, format);
  const after = range(leastAfter, mostAfter, format);
  if (before === after) return before;
  const [low, high] = [signed(leastAfter - least, format), signed(mostAfter - most, format)];
  return `${before} → ${after} (${low === high ? low : `${low} to ${high}`})`;
}

const range = (least: number, most: number, format: (value: number) => string): string =>
  format(least) === format(most) ? format(least) : `${format(least)}–${format(most)}`;

const signed = (value: number, format: (value: number) => string): string =>
  value < 0 ? `−${format(-value)}` : `+${format(value)}`;

/** Containers without requests, now: for them the sums say too little. */
export const containersWithoutRequests = (clusters: readonly { readonly after: Capacity }[]): number =>
  clusters.reduce((sum, { after }) => sum + after.unknown, 0);
