import type { FileEdits, Tree, TreeEntry } from '../repository/tree.ts';

/** A tree without files. */
export const emptyTree = (name: string): Tree => ({
  name,
  commit: undefined,
  read: async () => undefined,
  list: async () => [],
});

/** A tree as it will be after some edits, before they are written. */
export function editedTree(tree: Tree, edits: FileEdits): Tree {
  return {
    name: tree.name,
    commit: tree.commit,
    read: async (path) => (edits.has(path) ? (edits.get(path) ?? undefined) : tree.read(path)),
    list: async (folder) => {
      const entries = new Map((await tree.list(folder)).map((entry) => [entry.name, entry]));
      const prefix = folder === '' ? '' : `${folder}/`;
      for (const [path, text] of edits) {
        if (path.startsWith(prefix)) {
          const [name = '', ...below] = path.slice(prefix.length).split('/');
          const kind: TreeEntry['kind'] = below.length > 0 ? 'folder' : 'file';
          if (text !== null) {
            entries.set(name, { name, kind });
          } else if (kind === 'file') {
            entries.delete(name);
          }
        }
      }
      return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}
