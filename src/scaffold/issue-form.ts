import { couldNot } from '../report/failure.ts';

/** The fields of an issue form: our name → the label that GitHub shows and writes into the issue. */
export type IssueForm<Field extends string> = Readonly<Record<Field, string>>;

/** What GitHub writes for a field that was left empty (docs: "Syntax for issue forms"). */
const EMPTY = '_No response_';

/** A form's issue is short; a body may have 65,536 characters. */
const LONGEST_BODY = 10_000;

/**
 * The answers in the body of an issue that was made from an issue form: `### LABEL`, a blank line, the answer.
 *
 * Whoever opened the issue can write the body by hand as well: it is text that must be checked like any other. Only one
 * answer for each label of ours is taken, and none that has several lines.
 *
 * @returns the answers, trimmed; undefined for a field that was left empty
 * @throws Failure (exit 2, `bad-form`)
 */
export function readIssueForm<Field extends string>(
  body: string,
  form: IssueForm<Field>,
): Record<Field, string | undefined> {
  if (body.length > LONGEST_BODY) {
    throw badForm(`it has ${body.length} characters`);
  }
  const labels: readonly string[] = Object.values(form);
  const answers = new Map<string, string>();
  for (const section of `\n${body.replaceAll('\r\n', '\n')}`.split('\n### ').slice(1)) {
    const end = section.indexOf('\n');
    const label = (end === -1 ? section : section.slice(0, end)).trim();
    const answer = end === -1 ? '' : section.slice(end).trim();
    if (!labels.includes(label)) {
      throw badForm(`there is no field ${JSON.stringify(label.slice(0, 60))} in the form`);
    }
    if (answers.has(label)) {
      throw badForm(`${label} is answered twice`);
    }
    if (answer.includes('\n')) {
      throw badForm(`the answer to ${label} has several lines`);
    }
    answers.set(label, answer === EMPTY ? '' : answer);
  }
  const missing = labels.find((label) => !answers.has(label));
  if (missing !== undefined) {
    throw badForm(`${missing} is missing`);
  }
  const fields = Object.entries<string>(form).map(([field, label]) => [
    field,
    answers.get(label) || undefined,
  ]);
  return Object.fromEntries(fields) as Record<Field, string | undefined>;
}

const badForm = (why: string) =>
  couldNot(`The issue is not as its form makes it: ${why}.`, {
    todo: 'Open a new issue and fill in the form.',
    reason: 'bad-form',
  });
