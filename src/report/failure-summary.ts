import { type Failure, formatPlace } from './failure.ts';
import { code, plain } from './markdown.ts';

/**
 * A failure for the job summary, as Markdown: the first line says what is wrong and what to do, since most people read no
 * further.
 */
export function failureSummary({ exitCode, message, todo, at }: Failure): string {
  const [first = '', ...more] = message.split('\n').filter((line) => line.trim() !== '');
  return [
    `### ${exitCode === 1 ? 'Refused' : 'Could not do it'}: ${plain(first)}${todo === undefined ? '' : ` → ${plain(todo)}`}`,
    ...(more.length === 0 ? [] : [more.map((line) => `- ${plain(line)}`).join('\n')]),
    ...(at === undefined ? [] : [`At ${code(formatPlace(at))}`]),
  ].join('\n\n');
}
