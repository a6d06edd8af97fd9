import { parseAppName } from '../config/app-name.ts';
import { APP_KINDS, type AppKind, appSchema } from '../config/app-yaml.ts';
import { nameHint } from '../config/nearest.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { couldNot } from '../report/failure.ts';
import { parseComponents } from './component-spec.ts';
import { type IssueForm, readIssueForm } from './issue-form.ts';
import type { NewApp } from './new-app.ts';

/** A new app as people write it: the fields of the form, or the options of the command. Empty ones are undefined. */
export interface NewAppTexts {
  readonly name: string | undefined;
  readonly team: string | undefined;
  /** `owner/name`; several with commas. */
  readonly source: string | undefined;
  readonly kind: string | undefined;
  /** One line for several components; see `parseComponents`. */
  readonly spec: string | undefined;
}

/** The labels of the fields in templates/gitops/ISSUE_TEMPLATE/new-app.yml: GitHub puts them into the issue. */
const ISSUE_FORM: IssueForm<keyof NewAppTexts> = {
  name: 'Name',
  team: 'Team',
  source: 'Source repository',
  kind: 'Kind',
  spec: 'Components',
};

/** @throws Failure (exit 2, `bad-form`) when the body is not from our issue form */
export const newAppTextsOfIssue = (body: string): NewAppTexts => readIssueForm(body, ISSUE_FORM);

const MOST_SOURCES = 10;

/**
 * Checks a new app as far as it can be checked without the repository.
 *
 * @throws Failure (exit 2) that names the field which is wrong or missing
 */
export function newAppRequest(texts: NewAppTexts, now: Date): NewApp {
  const app = parseAppName(required(texts.name, 'name'));
  const team = parseTeam(required(texts.team, 'team'));
  const sources = required(texts.source, 'source')
    .split(/[\n,]/)
    .map((source) => source.trim())
    .filter((source) => source !== '')
    .map((source) => {
      const { owner, name } = parseRepositoryName(source);
      return `${owner}/${name}`;
    });
  if (sources.length > MOST_SOURCES) {
    throw couldNot(`${sources.length} source repositories are too many.`, {
      todo: `Name at most ${MOST_SOURCES}.`,
      reason: 'bad-source',
    });
  }
  const kind = parseKind(texts.kind ?? 'web');
  const components = texts.spec === undefined ? undefined : parseComponents(texts.spec, now);
  return { app, team, sources: [...new Set(sources)], kind, components };
}

function parseTeam(text: string): string {
  const read = appSchema.shape.app.shape.team.safeParse(text);
  if (!read.success) {
    throw couldNot(
      `${JSON.stringify(text.slice(0, 60))} cannot be a team: it ${read.error.issues[0]?.message}.`,
      { todo: 'Write the short name of the team as GitHub has it in its address.', reason: 'bad-team' },
    );
  }
  return read.data;
}

function parseKind(text: string): AppKind {
  const kind = APP_KINDS.find((each) => each === text);
  if (kind === undefined) {
    throw couldNot(
      `There is no kind of app ${JSON.stringify(text.slice(0, 60))}. ${nameHint(text.slice(0, 60), APP_KINDS)}`,
      { todo: 'Use one of these kinds.', reason: 'bad-kind' },
    );
  }
  return kind;
}

function required(text: string | undefined, name: string): string {
  if (text === undefined || text.trim() === '') {
    throw couldNot(`${name} is missing.`, { todo: `Give ${name}.`, reason: 'missing-input' });
  }
  return text.trim();
}
