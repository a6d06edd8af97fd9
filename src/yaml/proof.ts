import { couldNot, Failure } from '../report/failure.ts';
import { dataOf, firstDifference } from './data.ts';
import type { YamlLimits } from './limits.ts';
import { editedData, type YamlEdit } from './operation.ts';
import { formatPath, type YamlPath } from './path.ts';
import { readSource, type SyntaxNode, type YamlSource } from './syntax.ts';

/** What was meant to happen to a file. */
export interface Intent {
  readonly before: YamlSource;
  /** The document that the edits are for. */
  readonly document: number;
  readonly edits: readonly YamlEdit[];
  readonly limits: YamlLimits;
}

/**
 * Reads an edited text again, and makes sure that its documents are what the edits mean and nothing else: the same
 * values as before but for the edited ones, and those the same to readers of YAML 1.2 and of YAML 1.1 (Helm).
 *
 * @throws {Failure} (exit 2) when not. That is a defect of this program, or a file of a kind that nobody thought of.
 */
export function proveEdits(intent: Intent, text: string): YamlSource {
  const { before, document, edits } = intent;
  const after = reread(intent, text);
  if (after.documents.length !== before.documents.length) throw defect(intent, 'the number of documents');
  for (const [index, { root }] of before.documents.entries()) {
    const was = dataOf(root);
    const meant = index === document ? edits.reduce(editedData, was) : was;
    const different = firstDifference(meant, dataOf(after.documents[index]?.root));
    if (different !== undefined) throw defect(intent, formatPath(different));
  }
  const root = after.documents[document]?.root;
  const root11 = after.as11()[document]?.root;
  for (const edit of edits) {
    if (edit.op === 'delete') continue;
    const different = differenceIn11(root, root11, edit);
    if (different !== undefined) throw defect(intent, `how YAML 1.1 reads ${formatPath(different)}`);
  }
  return after;
}

/**
 * Where the value that an edit wrote is not the same to a reader of YAML 1.1. The way to it leads over positions, since
 * keys that were there before (`on:`) may have another name for such a reader.
 */
function differenceIn11(
  root: SyntaxNode | undefined,
  root11: SyntaxNode | undefined,
  edit: YamlEdit,
): YamlPath | undefined {
  let node = root;
  let twin = root11;
  const path = edit.op === 'append' ? [...edit.path, lastIndex(root, edit.path)] : edit.path;
  for (const step of path) {
    const entry = typeof step === 'number' ? node?.entries[step] : node?.byKey.get(step);
    node = entry?.value;
    twin = entry === undefined ? undefined : twin?.entries[entry.index]?.value;
  }
  const inside = firstDifference(dataOf(node), dataOf(twin));
  return inside === undefined ? undefined : [...path, ...inside];
}

function lastIndex(root: SyntaxNode | undefined, path: YamlPath): number {
  let node = root;
  for (const step of path)
    node = (typeof step === 'number' ? node?.entries[step] : node?.byKey.get(step))?.value;
  return (node?.entries.length ?? 0) - 1;
}

function reread(intent: Intent, text: string): YamlSource {
  try {
    return readSource(text, intent.before.file, intent.limits);
  } catch (cause) {
    if (cause instanceof Failure && (cause.reason === 'too-large' || cause.reason === 'too-deep'))
      throw cause;
    throw defect(intent, 'the file into something unreadable', cause);
  }
}

function defect(intent: Intent, what: string, cause?: unknown): Failure {
  const paths = intent.edits.map((edit) => `"${formatPath(edit.path)}"`).join(', ');
  return couldNot(`the edit of ${paths} would have changed ${what}; nothing was written`, {
    at: { file: intent.before.file },
    todo: 'Make this edit by hand, and report it: this is a defect of kajitori.',
    reason: 'edit-defect',
    ...(cause === undefined ? {} : { cause }),
  });
}
