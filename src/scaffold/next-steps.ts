import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { type NewApp, valuesFile } from './new-app.ts';

/** Where secrets stand in Parameter Store unless the platform team says otherwise (charts/app/values.yaml). */
export const SECRET_PATH = '/{app}/{environment}/{name}';

/**
 * What the owner of a new app does next, in the order in which it is done: Markdown, an item each.
 *
 * @param secretPath the pattern of the chart, `platform.secrets.path`
 */
export function nextSteps(config: KajitoriConfig, request: NewApp, secretPath: string): readonly string[] {
  const { app, components } = request;
  const [source = ''] = request.sources;
  const gitops = gitHubRepository(config) ?? 'OWNER/GITOPS';
  return [
    `Look at \`${valuesFile(app)}\`: it is yours from now on, and editors complete its keys.`,
    ...secretSteps(config, app, components?.secrets ?? [], secretPath),
    `Deploy it: in a clone of \`${source}\` run \`npx kajitori init --app ${app} --gitops ${gitops}\`, and call the workflow that it writes after the image is pushed. The first deploy starts the app; until then nothing runs.`,
  ];
}

function secretSteps(
  config: KajitoriConfig,
  app: string,
  secrets: readonly string[],
  secretPath: string,
): readonly string[] {
  if (secrets.length === 0) {
    return [];
  }
  const commands = environmentsOf(config).flatMap(({ name: environment, clusters }) => {
    const places = new Map(
      clusters.map(({ account, region }) => [`${account} ${region}`, { account, region }]),
    );
    return [...places.values()].flatMap(({ account, region }) =>
      secrets.map((name) => {
        const values: Record<string, string> = { app, environment, name, region, account };
        const path = secretPath.replaceAll(/\{(\w+)\}/g, (placeholder, key: string) =>
          Object.hasOwn(values, key) ? (values[key] ?? placeholder) : placeholder,
        );
        return `   aws ssm put-parameter --type SecureString --region ${region} --name ${path} --value file:///dev/stdin # in ${account}`;
      }),
    );
  });
  return [
    `Put the values of the secrets into SSM Parameter Store, before the first deploy. Each command reads the value from the terminal (end it with Ctrl-D), so that it stands in no history:\n\n   \`\`\`sh\n${commands.join('\n')}\n   \`\`\``,
  ];
}

/** `acme/gitops` of the URL by which Argo CD reads the repository. */
const gitHubRepository = (config: KajitoriConfig): string | undefined =>
  /[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(config.repository?.url ?? '')?.[1];
