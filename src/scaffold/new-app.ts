import { stringify } from 'yaml';
import { parseAppName } from '../config/app-name.ts';
import { type AppDefinition, parseAppYaml } from '../config/app-yaml.ts';
import { schemaLine } from '../config/json-schema.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile } from '../config/layout.ts';
import type { FileEdits } from '../repository/tree.ts';
import { appProject, appProjectFile } from './app-project.ts';
import { CODE_OWNERS_FILES, codeOwnersRegion, replaceCodeOwnersRegion } from './code-owners.ts';

/** The answers of whoever wants a new app. */
export interface NewApp {
  readonly app: string;
  /** The short name of the owning team, like `shop`. */
  readonly team: string;
  /** The repositories whose runs may deploy it, like `acme/web`. */
  readonly sources: readonly string[];
  readonly kind: 'web' | 'worker';
}

/** What the GitOps repository has already, as far as a new app touches it. */
export interface ExistingOwners {
  /** The other apps by name. */
  readonly apps: ReadonlyMap<string, AppDefinition>;
  readonly codeOwners?: { readonly file: string; readonly text: string } | undefined;
}

/**
 * Everything that a new app needs in the GitOps repository: app.yaml, values.yaml, its AppProject and its owner.
 *
 * Nothing is rendered yet: the first release file makes the Applications.
 *
 * @throws Failure (exit 2) for a name, team or source that cannot be
 */
export function newAppFiles(
  config: KajitoriConfig,
  answers: NewApp,
  existing: ExistingOwners = { apps: new Map() },
): FileEdits {
  const app = parseAppName(answers.app);
  const file = appFile(config, app);
  const text = appYaml(answers);
  const definition = parseAppYaml(text, file);
  const owners = existing.codeOwners ?? { file: CODE_OWNERS_FILES[0], text: '' };
  const region = codeOwnersRegion(config, new Map([...existing.apps, [app, definition]]));
  return new Map([
    [file, text],
    [`apps/${app}/values.yaml`, VALUES[answers.kind](config)],
    [appProjectFile(app), appProject(config, app, definition)],
    [owners.file, replaceCodeOwnersRegion(owners.text, region, owners.file)],
  ]);
}

const appYaml = ({ team, sources, kind }: NewApp): string =>
  `${schemaLine('app.schema.json')}\n${stringify({ app: { team, sources, kind } }, { compat: 'yaml-1.1' })}`;

const valuesHeader = (config: KajitoriConfig): string =>
  config.chart === undefined ? '# yaml-language-server: $schema=../../charts/app/values.schema.json\n' : '';

/** The first values.yaml, by kind. From then on it is the developers'. */
const VALUES: Record<NewApp['kind'], (config: KajitoriConfig) => string> = {
  web: (config) => `${valuesHeader(config)}web:
  port: 8080
  scale: 2
`,
  worker: (config) => `${valuesHeader(config)}workers:
  worker:
    run: bin/worker
    scale: 1
`,
};
