/** Variables by which an outer git (a hook) would send ours elsewhere. */
export const NO_OUTER_GIT = {
  // git status would write the index.
  GIT_OPTIONAL_LOCKS: '0',
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_PREFIX: undefined,
};
