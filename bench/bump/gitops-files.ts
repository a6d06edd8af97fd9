export const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';

/** The image of the nth commit of the source, as it stands in release files. */
export const imageOf = (app: string, nth: number): { repository: string; tag: string; digest: string } => ({
  repository: `${REGISTRY}/${app}`,
  tag: `build-${nth}`,
  digest: `sha256:${nth.toString(16).padStart(64, '0')}`,
});

export const appName = (index: number): string => `app-${index}`;
export const releaseFile = (app: string): string => `apps/${app}/release.production.yaml`;

export function releaseText(app: string, nth: number, commit: string): string {
  const { repository, tag, digest } = imageOf(app, nth);
  return `# Written by Kajitori: which image runs. Do not edit it; run \`kajitori bump\` or deploy again.
image:
  repository: ${repository}
  tag: ${tag}
  digest: ${digest}
release:
  source: acme/web@${commit}
  build: ${nth}
  at: 2026-11-20T09:00:00Z
`;
}

const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
environments:
  production: { clusters: [prod-1, prod-2] }
clusters:
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
teams: { pattern: "@acme/*" }
`;

const FILES_OF_AN_APP = 4;
const MOST_APPS = 500;

/**
 * A GitOps repository of `count` files: up to 500 apps of 4 files, the rest manifests, 100 in a folder, as the larger
 * ones of companies that commit what they render.
 */
export function* gitopsFiles(count: number, recorded: string): Generator<readonly [string, string]> {
  yield ['kajitori.yaml', KAJITORI_YAML];
  const apps = Math.min(MOST_APPS, Math.floor((count - 1) / FILES_OF_AN_APP));
  for (let index = 0; index < apps; index++) {
    const app = appName(index);
    yield [`apps/${app}/app.yaml`, 'app:\n  team: shop\n  sources: [acme/web]\n'];
    yield [`apps/${app}/values.yaml`, `web: { port: 8080, host: ${app}, scale: 2-10 }\n`];
    yield [`apps/${app}/values.production.yaml`, `web: { scale: 4-${20 + index} }\n`];
    yield [releaseFile(app), releaseText(app, 0, recorded)];
  }
  for (let index = 1 + apps * FILES_OF_AN_APP; index < count; index++) {
    yield [`manifests/set-${Math.floor(index / 100)}/object-${index}.yaml`, manifest(index)];
  }
}

const manifest = (index: number): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: object-${index}
  namespace: set-${Math.floor(index / 100)}
  labels: { app.kubernetes.io/name: object-${index}, app.kubernetes.io/part-of: platform }
data:
${Array.from({ length: 8 }, (_, line) => `  KEY_${line}: "value ${line} of object ${index}"\n`).join('')}`;
