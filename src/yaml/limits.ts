/** What a YAML file may cost. A file beyond it is refused with a `Failure`, before it is read further. */
export interface YamlLimits {
  /** Size of the text as UTF-8. */
  readonly maxBytes: number;
  /** How many aliases (`*name`) the file may use. */
  readonly maxAliases: number;
  /** How many nodes aliases and merge keys may add when they are followed; the defence against alias bombs. */
  readonly maxAliasedNodes: number;
  /** How many maps and lists may stand in each other. */
  readonly maxDepth: number;
}

/**
 * - 1 MiB: the largest values file of `prometheus-community/helm-charts` has 0.2 MB; etcd, and so any object in a
 *   cluster, stops at 1.5 MB; the parser takes 2 s for the worst text of this size.
 * - 1,000 aliases and 100,000 aliased nodes: files that people write use dozens. A classic bomb (ten levels of ten)
 *   has 100 aliases and ten thousand million nodes.
 * - 100 levels: the deepest real file known to us, a CustomResourceDefinition of Argo Rollouts, has 39.
 */
export const DEFAULT_LIMITS: YamlLimits = {
  maxBytes: 1024 * 1024,
  maxAliases: 1000,
  maxAliasedNodes: 100_000,
  maxDepth: 100,
};

/** The stated limits, completed with the defaults. */
export const withDefaultLimits = (limits: Partial<YamlLimits> | undefined): YamlLimits => ({
  ...DEFAULT_LIMITS,
  ...limits,
});
