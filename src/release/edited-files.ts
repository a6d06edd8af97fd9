import type { Tree } from '../repository/tree.ts';
import { editYaml, type YamlEdit } from '../yaml/edit.ts';
import { parseYaml, type YamlFile } from '../yaml/parse.ts';

const FILE_HEADER =
  '# Written by Kajitori: which image runs. Do not edit it; run `kajitori bump` or deploy again.\n';

/** The files of a tree with the edits so far: a later edit sees what an earlier one did. */
export class EditedFiles {
  readonly tree: Tree;
  readonly #before = new Map<string, string | undefined>();
  readonly #after = new Map<string, string>();

  constructor(tree: Tree) {
    this.tree = tree;
  }

  async read(file: string): Promise<string | undefined> {
    if (!this.#before.has(file)) {
      this.#before.set(file, await this.tree.read(file));
    }
    return this.#after.get(file) ?? this.#before.get(file);
  }

  /** Edits a file; one that does not exist is begun. */
  async edit(file: string, editsOf: (yaml: YamlFile) => readonly YamlEdit[]): Promise<void> {
    const source = (await this.read(file)) ?? FILE_HEADER;
    this.#after.set(file, editYaml(source, editsOf(parseYaml(source, { file })), { file }));
  }

  edits(): ReadonlyMap<string, string> {
    return new Map([...this.#after].filter(([file, text]) => text !== this.#before.get(file)));
  }

  /** The edited files as they were; undefined where there was none. */
  originals(): ReadonlyMap<string, string | undefined> {
    return new Map([...this.edits().keys()].map((file) => [file, this.#before.get(file)]));
  }
}
