import { type BlockStyle, OUR_STYLE } from './format.ts';
import { columnOf, startsLine } from './lines.ts';
import type { SyntaxNode } from './syntax.ts';

/**
 * How blocks are indented near a map or list: as its own entries, else as itself under its key, else as the first
 * block of the document, else as we do.
 */
export function styleNear(
  text: string,
  root: SyntaxNode | undefined,
  near: SyntaxNode | undefined,
): BlockStyle {
  const step = (kind: 'map' | 'list'): number | undefined =>
    firstStep(text, near, kind) ?? ownStep(text, near, kind) ?? anyStep(text, root, kind);
  const mapStep = step('map');
  const listStep = step('list');
  return { mapStep: mapStep ?? OUR_STYLE.mapStep, listStep: listStep ?? OUR_STYLE.listStep, literals: false };
}

function firstStep(text: string, node: SyntaxNode | undefined, kind: 'map' | 'list'): number | undefined {
  for (const entry of node?.entries ?? []) {
    const step = ownStep(text, entry.value, kind);
    if (step !== undefined) return step;
  }
  return undefined;
}

/** How far a block stands right of the key that it belongs to. */
function ownStep(text: string, node: SyntaxNode | undefined, kind: 'map' | 'list'): number | undefined {
  if (node?.kind !== kind || node.style !== 'block' || node.owner?.parent.kind !== 'map') return undefined;
  if (!startsLine(text, node.start)) return undefined;
  const step = columnOf(text, node.start) - columnOf(text, node.owner.start);
  return step >= (kind === 'map' ? 1 : 0) ? step : undefined;
}

function anyStep(text: string, node: SyntaxNode | undefined, kind: 'map' | 'list'): number | undefined {
  if (node === undefined) return undefined;
  const here = firstStep(text, node, kind);
  if (here !== undefined) return here;
  for (const entry of node.entries) {
    const inside = anyStep(text, entry.value, kind);
    if (inside !== undefined) return inside;
  }
  return undefined;
}
