import { couldNot, Failure } from '../report/failure.ts';
import { mergedEntry, writable } from './data.ts';
import { type BlockStyle, isBlockValue } from './format.ts';
import { createRoot, insertItem, insertKey } from './insert.ts';
import { withDefaultLimits } from './limits.ts';
import { applySplices, overlaps, type Splice } from './lines.ts';
import { cannotEdit, isNull, type Location, locate, refuseLosingAnchors, refuseShared } from './locate.ts';
import { madeValue, type YamlEdit } from './operation.ts';
import { chooseDocument, type YamlOptions } from './parse.ts';
import { formatPath, type YamlPath } from './path.ts';
import { proveEdits } from './proof.ts';
import { removeEntry } from './remove.ts';
import { refuseTag, replaceNode } from './replace.ts';
import { styleNear } from './style.ts';
import {
  BYTE_ORDER_MARK,
  readSource,
  type SyntaxDocument,
  type SyntaxNode,
  type YamlSource,
} from './syntax.ts';

export type { YamlValue } from './data.ts';
export { formatYaml } from './format.ts';
export type { YamlEdit } from './operation.ts';

/**
 * Edits a document of a YAML file by changing only the text that the edits are about. Everything else stays byte for
 * byte: comments, quotes, blank lines, flow style, indentation, line ends, byte order mark, other documents.
 *
 * The edits are applied in their order, all or none. The result is proven: it is read again, by the rules of YAML
 * 1.2 and 1.1, and is exactly what the edits mean.
 *
 * What belongs to what:
 * - `set` keeps the comment behind a scalar, and its quotes for a new string. A map or list is replaced whole, with
 *   the comments inside of it. Setting what is already there changes nothing.
 * - `insert` adds a key below the last one, and an item above the comment lines of the item that it comes before.
 * - `delete` removes the whole lines of an entry with the comment behind it, and leaves the comments above alone.
 *
 * @throws {Failure} (exit 2, with file:line:column) for what `parseYaml` refuses, a path that does not fit the file,
 * and an edit through an alias or a merge key, or of an anchor that is used elsewhere.
 */
export function editYaml(source: string, edits: readonly YamlEdit[], options: YamlOptions): string {
  const limits = withDefaultLimits(options.limits);
  let current = readSource(source, options.file, limits);
  const document = current.documents.indexOf(chooseDocument(current, options.document));
  let pending: Plan[] = [];
  const finish = (): void => {
    if (pending.length === 0) return;
    const intent = { before: current, document, edits: pending.map(({ edit }) => edit), limits };
    const splices = pending.flatMap((plan) => plan.splices);
    if (splices.length > 0) current = proveEdits(intent, applySplices(current.text, splices));
    pending = [];
  };
  for (const edit of edits.map(checked)) {
    // Reading again is what an edit costs, so edits at different places share one reading.
    if (pending.some((plan) => dependsOn(edit, plan))) finish();
    const plan = pending.length === 0 ? undefined : possiblePlan(current, document, edit);
    if (plan === undefined || pending.some((other) => conflicts(plan, other))) {
      finish();
      pending.push(planEdit(current, document, edit));
    } else {
      pending.push(plan);
    }
  }
  finish();
  return source.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK + current.text : current.text;
}

/** What an edit does to the text. */
interface Plan {
  readonly edit: YamlEdit;
  /** The path of what changes as a whole: the value, or the map or list that gets or loses an entry. */
  readonly scope: YamlPath;
  /** It makes or removes lines, which new lines elsewhere take as an example for their indentation. */
  readonly structural: boolean;
  readonly splices: readonly Splice[];
}

const dependsOn = (edit: YamlEdit, plan: Plan): boolean =>
  startsWith(edit.path, plan.scope) || startsWith(plan.scope, edit.path);

const conflicts = (a: Plan, b: Plan): boolean =>
  (a.structural && b.structural) ||
  startsWith(a.scope, b.scope) ||
  startsWith(b.scope, a.scope) ||
  a.splices.some((splice) => b.splices.some((other) => overlaps(splice, other)));

const startsWith = (path: YamlPath, start: YamlPath): boolean =>
  start.length <= path.length && start.every((step, index) => step === path[index]);

/** An edit with a value of our own that nothing else can change, and a path that makes sense. */
function checked(edit: YamlEdit): YamlEdit {
  for (const step of edit.path) {
    if (typeof step === 'number' && !(Number.isSafeInteger(step) && step >= 0)) {
      throw couldNot(`the path ${formatPath(edit.path)} has the index ${step}; items count from 0`, {
        todo: 'Count the items from 0.',
        reason: 'bad-path',
      });
    }
  }
  return edit.op === 'delete' ? edit : { ...edit, value: writable(edit.value) };
}

function planEdit(source: YamlSource, index: number, edit: YamlEdit): Plan {
  const document = source.documents[index] ?? { root: undefined, contentEnd: source.text.length };
  const location = locate(document.root, edit.path, source.placeAt);
  const planner = new Planner(source, document, edit);
  return edit.op === 'delete' ? planner.remove(location) : planner.write(location, edit);
}

/** Undefined where it is refused: what is in its way may be gone with the edits before it. */
function possiblePlan(...of: Parameters<typeof planEdit>): Plan | undefined {
  try {
    return planEdit(...of);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Turns one edit into splices of the text as it is now. */
class Planner {
  private readonly source: YamlSource;
  private readonly document: SyntaxDocument;
  private readonly edit: YamlEdit;

  constructor(source: YamlSource, document: SyntaxDocument, edit: YamlEdit) {
    this.source = source;
    this.document = document;
    this.edit = edit;
  }

  write({ node, entry, rest }: Location, edit: Exclude<YamlEdit, { op: 'delete' }>): Plan {
    const { path } = edit;
    const found = path.slice(0, path.length - rest.length);
    if (node === undefined) {
      const style = this.styleNear(undefined);
      return this.plan([], createRoot(this.source.text, this.document, madeValue(rest, edit), style));
    }
    if (rest.length > 0) {
      if (rest.slice(isNull(node) ? 0 : 1).some((step) => typeof step === 'number' && step > 0)) {
        throw this.cannot(
          node,
          `there is no list at "${formatPath(found)}" that is long enough for this path`,
        );
      }
      return isNull(node)
        ? this.replace(node, found, madeValue(rest, edit))
        : this.add(node, found, rest, edit);
    }
    if (edit.op === 'set') return this.replace(node, path, edit.value);
    if (edit.op === 'append') return this.append(node, edit);
    if (entry === undefined || entry.parent.kind !== 'list') {
      throw this.cannot(node, `"${formatPath(path)}" exists already`, 'Use set to replace it.', 'exists');
    }
    return this.insertItem(entry.parent, path.slice(0, -1), entry.index, edit.value);
  }

  remove({ entry, rest, node }: Location): Plan {
    const { path } = this.edit;
    if (node === undefined || entry === undefined || rest.length > 0) {
      const what =
        path.length === 0
          ? 'a whole document cannot be deleted'
          : `there is no "${formatPath(path)}" to delete`;
      throw this.cannot(node, what, undefined, 'missing');
    }
    if (entry.key !== undefined && mergedEntry(entry.parent, entry.key) !== undefined) {
      const what = `"${formatPath(path)}" would not be gone: a merge key (<<) brings one into this map as well`;
      throw this.cannot(node, what, 'Set it instead, or remove the merge key by hand.', 'merge');
    }
    refuseLosingAnchors(entry.value, path, this.source.placeAt);
    if (entry.keyNode !== undefined) refuseLosingAnchors(entry.keyNode, path, this.source.placeAt);
    return this.plan(path.slice(0, -1), removeEntry(this.source.text, entry));
  }

  private replace(
    node: SyntaxNode,
    path: YamlPath,
    value: Exclude<YamlEdit, { op: 'delete' }>['value'],
  ): Plan {
    refuseShared(node, path, this.source.placeAt);
    refuseLosingAnchors(node, path, this.source.placeAt);
    const wrongTag = refuseTag(node, value, this.source.placeAt);
    if (wrongTag !== undefined) throw wrongTag;
    if (node.style === 'empty' && node.lead === undefined && !node.inFlow) {
      throw this.cannot(node, `"${formatPath(path)}" is written as "? key" without a ":"`);
    }
    const splices = replaceNode(this.source.text, node, value, this.styleNear(node.owner?.parent));
    return this.plan(path, splices, node.kind !== 'scalar' || isBlockValue(value));
  }

  private append(node: SyntaxNode, edit: Extract<YamlEdit, { op: 'append' }>): Plan {
    if (isNull(node)) return this.replace(node, edit.path, [edit.value]);
    refuseShared(node, edit.path, this.source.placeAt);
    if (node.kind !== 'list') throw this.cannot(node, `"${formatPath(edit.path)}" is not a list`);
    return this.insertItem(node, edit.path, node.entries.length, edit.value);
  }

  private add(
    node: SyntaxNode,
    found: YamlPath,
    rest: YamlPath,
    edit: Exclude<YamlEdit, { op: 'delete' }>,
  ): Plan {
    const [step, ...below] = rest;
    const value = madeValue(below, edit);
    if (typeof step === 'number') return this.insertItem(node, found, step, value);
    const { text, placeAt } = this.source;
    return this.plan(found, insertKey(text, node, step ?? '', value, this.styleNear(node), placeAt));
  }

  private insertItem(
    list: SyntaxNode,
    path: YamlPath,
    index: number,
    value: Exclude<YamlEdit, { op: 'delete' }>['value'],
  ): Plan {
    const { text, placeAt } = this.source;
    const style = this.styleNear(list.style === 'block' ? list : list.owner?.parent);
    return this.plan(path, insertItem(text, list, index, value, style, placeAt));
  }

  private styleNear(node: SyntaxNode | undefined): BlockStyle {
    return styleNear(this.source.text, this.document.root, node);
  }

  private plan(scope: YamlPath, splices: readonly Splice[], structural = true): Plan {
    return { edit: this.edit, scope, structural, splices };
  }

  private cannot(node: SyntaxNode | undefined, message: string, todo?: string, reason?: string) {
    const at = node === undefined ? { file: this.source.file } : this.source.placeAt(node.start);
    return cannotEdit(message, at, { todo, ...(reason === undefined ? {} : { reason }) });
  }
}
