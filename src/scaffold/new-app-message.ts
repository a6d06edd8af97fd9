import type { CommitMessage } from '../repository/commit-message.ts';
import type { Asking, NewAppResult } from './compute-new-app.ts';
import type { NewApp } from './new-app.ts';

/**
 * The commit of a new app, which is also the text of its pull request: what was checked, and what the owner does next.
 * Everything in it passed the rules of its field, so none of it can be Markdown of somebody's own.
 */
export function newAppMessage(request: NewApp, result: NewAppResult, asking: Asking): CommitMessage {
  const { app, kind, sources } = request;
  return {
    headline: `Add the app ${app}`,
    body: [
      `A new app of kind \`${kind}\`: \`${app}\`, owned by \`${result.owner}\`, deployed by ${sources.map((source) => `\`${source}\``).join(', ')}.`,
      result.checks.words.map((sentence) => `- ${sentence}`).join('\n'),
      '**What the owner does next**',
      ['Merge this pull request.', ...result.next].map((step, index) => `${index + 1}. ${step}`).join('\n'),
    ].join('\n\n'),
    trailers: [
      { name: 'Kajitori-App', value: app },
      { name: 'Kajitori-Action', value: 'new-app' },
      ...(asking.person === undefined ? [] : [{ name: 'Kajitori-Actor', value: asking.person }]),
      ...(asking.run === undefined ? [] : [{ name: 'Kajitori-Run', value: asking.run }]),
    ],
  };
}
