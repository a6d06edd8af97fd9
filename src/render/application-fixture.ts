import {
  type Application,
  type ApplicationSource,
  HELM_DEFAULTS,
  type HelmSource,
  type KustomizeSource,
} from '../applications/application.ts';

/** For tests: an application `web` in namespace `shop` of a cluster with Kubernetes 1.34. */
export const anApplication = (more: Partial<Application> = {}): Application => ({
  name: 'web',
  namespace: 'argocd',
  project: 'default',
  labels: {},
  annotations: {},
  destination: {
    namespace: 'shop',
    cluster: {
      name: 'prod-1',
      kubernetes: '1.34',
      region: 'ap-northeast-1',
      account: '111111111111',
      active: true,
      architecture: ['amd64'],
      apiVersions: [],
    },
  },
  sources: [],
  syncOptions: [],
  declaredAt: { file: 'argocd/web.yaml', line: 1 },
  ...more,
});

/** For tests: a source in the repository itself. */
export const aSource = (more: Partial<ApplicationSource> = {}): ApplicationSource => ({
  repoURL: 'https://github.com/acme/gitops.git',
  here: true,
  ...more,
});

/** For tests: helm's options with Argo CD's defaults. */
export const helmOptions = (more: Partial<HelmSource> = {}): HelmSource => ({ ...HELM_DEFAULTS, ...more });

/** For tests: kustomize's options with Argo CD's defaults. */
export const kustomizeOptions = (more: Partial<KustomizeSource> = {}): KustomizeSource => ({
  images: [],
  commonLabels: {},
  commonAnnotations: {},
  commonAnnotationsEnvsubst: false,
  forceCommonLabels: false,
  forceCommonAnnotations: false,
  labelWithoutSelector: false,
  labelIncludeTemplates: false,
  replicas: [],
  patches: [],
  components: [],
  ignoreMissingComponents: false,
  apiVersions: [],
  ...more,
});
