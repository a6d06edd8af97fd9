import type { Tree } from './tree.ts';

/** The same tree, of which each file and folder is read once: for a tree that does not change, and has several readers. */
export function rememberingTree(tree: Tree): Tree {
  const texts = new Map<string, ReturnType<Tree['read']>>();
  const folders = new Map<string, ReturnType<Tree['list']>>();
  return {
    name: tree.name,
    commit: tree.commit,
    read: (file) => once(texts, file, (path) => tree.read(path)),
    list: (folder) => once(folders, folder, (path) => tree.list(path)),
  };
}

function once<Result>(known: Map<string, Result>, key: string, read: (key: string) => Result): Result {
  const result = known.get(key) ?? read(key);
  known.set(key, result);
  return result;
}
