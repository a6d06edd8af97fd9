/** What a commit of the GitOps repository deployed to an environment. */
export interface DeployedTo {
  /** Several with commas: they belong together. */
  readonly app: string;
  readonly environment: string;
  /** Undefined: a pull request that is not merged yet, or nothing. */
  readonly commit: string | undefined;
}

/** What there is to wait for, as JSON: the input `deploys` of wait.yml, which makes a job of each. */
export const deploysOutput = (all: readonly DeployedTo[]): string =>
  JSON.stringify(all.filter(({ commit }) => commit !== undefined));
