import { stringify } from 'yaml';
import { parseAppName } from '../config/app-name.ts';
import { type AppDefinition, type AppKind, parseAppYaml } from '../config/app-yaml.ts';
import { schemaLine } from '../config/json-schema.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { appFile, layoutOf } from '../config/layout.ts';
import type { FileEdits } from '../repository/tree.ts';
import { appProject, appProjectFile } from './app-project.ts';
import {
  CODE_OWNERS_FILES,
  codeOwnersRegion,
  regionWithApp,
  replaceCodeOwnersRegion,
} from './code-owners.ts';
import type { Components } from './component-spec.ts';
import { firstValues } from './first-values.ts';

/** The answers of whoever wants a new app. */
export interface NewApp {
  readonly app: string;
  /** The short name of the owning team, like `shop`. */
  readonly team: string;
  /** The repositories whose runs may deploy it, like `acme/web`. */
  readonly sources: readonly string[];
  readonly kind: AppKind;
  /** What it consists of; without it, what its kind begins with. */
  readonly components?: Components | undefined;
}

/** What the GitOps repository has already, as far as a new app touches it. */
export interface ExistingFiles {
  /** The other apps by name; needed only where CODEOWNERS has no region of ours yet. */
  readonly apps: ReadonlyMap<string, AppDefinition>;
  readonly codeOwners?: { readonly file: string; readonly text: string } | undefined;
  /** See `appProject`. */
  readonly teamRoles?: boolean;
}

/** Where the first values of an app stand. */
export const valuesFile = (app: string): string => `apps/${app}/values.yaml`;

/**
 * Everything that a new app needs in the GitOps repository: app.yaml, values.yaml, its AppProject and its owner.
 *
 * Nothing is rendered yet: the first release file makes the Applications. In another layout, which has charts and
 * Applications of its own, only app.yaml and the owner.
 *
 * @throws Failure (exit 2) for a name, team or source that cannot be
 */
export function newAppFiles(
  config: KajitoriConfig,
  answers: NewApp,
  existing: ExistingFiles = { apps: new Map() },
): FileEdits {
  const app = parseAppName(answers.app);
  const file = appFile(config, app);
  const text = appYaml(answers);
  const definition = parseAppYaml(text, file);
  const ours: readonly (readonly [string, string])[] =
    layoutOf(config).kind === 'patterns'
      ? []
      : [
          [valuesFile(app), firstValues(config, answers.kind, answers.components)],
          [appProjectFile(app), appProject(config, app, definition, existing.teamRoles)],
        ];
  return new Map([[file, text], ...ours, ...codeOwnersEdit(config, app, definition, existing)]);
}

function codeOwnersEdit(
  config: KajitoriConfig,
  app: string,
  definition: AppDefinition,
  { apps, codeOwners }: ExistingFiles,
): readonly (readonly [string, string])[] {
  if (config.teams === undefined) {
    return [];
  }
  const { file, text } = codeOwners ?? { file: CODE_OWNERS_FILES[0], text: '' };
  const region =
    regionWithApp(config, text, app, definition) ??
    codeOwnersRegion(config, new Map([...apps, [app, definition]]));
  return [[file, replaceCodeOwnersRegion(text, region, file)]];
}

const appYaml = ({ team, sources, kind }: NewApp): string =>
  `${schemaLine('app.schema.json')}\n${stringify({ app: { team, sources, kind } }, { compat: 'yaml-1.1' })}`;
