import type { Cluster } from '../config/kajitori-yaml.ts';
import type { Place } from '../report/failure.ts';

/**
 * One Argo CD application, as Argo CD would have it: declared by itself, or made by an ApplicationSet. Fields have the
 * names and meanings of Argo CD's `Application` (argo-cd, pkg/apis/application/v1alpha1/types.go).
 */
export interface Application {
  readonly name: string;
  /** Where the Application object stands, `argocd` by default. */
  readonly namespace: string;
  readonly project: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly destination: ApplicationDestination;
  /** At least one, in order; those with `ref` only hold files for the others. */
  readonly sources: readonly ApplicationSource[];
  readonly syncOptions: readonly string[];
  /** Also the one that its ApplicationSet adds. */
  readonly finalizers?: readonly string[];
  /** Undefined where somebody has to start each sync. */
  readonly automated?: { readonly prune: boolean };
  /** Its ApplicationSet never deletes it (`applicationsSync: create-only` or `create-update`). */
  readonly isNeverDeleted?: boolean;
  /** The manifest that declares it, or the ApplicationSet that makes it. */
  readonly declaredAt: Place;
  /** `ApplicationSet/production`, undefined for one that is declared by itself. */
  readonly madeBy?: string;
  /**
   * The Application (app-of-apps) whose directory holds `declaredAt`, or which renders it. Undefined when none does: then it
   * is given to Argo CD by hand, like the root Application, or in a way that we do not see.
   */
  readonly appliedBy?: string;
}

export interface ApplicationDestination {
  readonly name?: string;
  readonly server?: string;
  readonly namespace: string;
  /** The cluster of kajitori.yaml that this is, where it can be told. */
  readonly cluster?: Cluster;
}

export interface ApplicationSource {
  readonly repoURL: string;
  /** Undefined means HEAD. For charts a version or a range. */
  readonly targetRevision?: string;
  /** Whether `repoURL` and the revision are the GitOps repository that is being read. */
  readonly here: boolean;
  readonly path?: string;
  /** The chart's name, where repoURL is a chart repository (or an OCI registry). */
  readonly chart?: string;
  readonly ref?: string;
  readonly name?: string;
  readonly helm?: HelmSource;
  readonly kustomize?: KustomizeSource;
  readonly directory?: DirectorySource;
  /** Config management plugins are not rendered; what is here is only for saying so. */
  readonly plugin?: unknown;
}

export interface HelmSource {
  readonly releaseName?: string;
  /** Relative to the source's path; `/x` to the repository's root; `$ref/x` to that of another source. */
  readonly valueFiles: readonly string[];
  readonly ignoreMissingValueFiles: boolean;
  /** `values`, a block of YAML; `valuesObject` wins over it. */
  readonly values?: string;
  readonly valuesObject?: Readonly<Record<string, unknown>>;
  /** As `--set` and, with forceString, `--set-string`. */
  readonly parameters: readonly {
    readonly name: string;
    readonly value: string;
    readonly forceString: boolean;
  }[];
  /** As `--set-file`. */
  readonly fileParameters: readonly { readonly name: string; readonly path: string }[];
  readonly skipCrds: boolean;
  readonly skipTests: boolean;
  readonly skipSchemaValidation: boolean;
  readonly passCredentials: boolean;
  readonly kubeVersion?: string;
  readonly apiVersions: readonly string[];
  readonly namespace?: string;
}

/** What Argo CD takes where a source says nothing. */
export const HELM_DEFAULTS: HelmSource = {
  valueFiles: [],
  ignoreMissingValueFiles: false,
  parameters: [],
  fileParameters: [],
  skipCrds: false,
  skipTests: false,
  skipSchemaValidation: false,
  passCredentials: false,
  apiVersions: [],
};

export interface KustomizeSource {
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly namespace?: string;
  readonly images: readonly string[];
  readonly commonLabels: Readonly<Record<string, string>>;
  readonly commonAnnotations: Readonly<Record<string, string>>;
  readonly commonAnnotationsEnvsubst: boolean;
  readonly forceCommonLabels: boolean;
  readonly forceCommonAnnotations: boolean;
  readonly labelWithoutSelector: boolean;
  readonly labelIncludeTemplates: boolean;
  readonly replicas: readonly { readonly name: string; readonly count: number }[];
  readonly patches: readonly unknown[];
  readonly components: readonly string[];
  readonly ignoreMissingComponents: boolean;
  readonly kubeVersion?: string;
  readonly apiVersions: readonly string[];
  readonly version?: string;
}

export interface DirectorySource {
  readonly recurse: boolean;
  readonly include?: string;
  readonly exclude?: string;
  readonly jsonnet?: unknown;
}
