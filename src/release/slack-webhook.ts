import { couldNot } from '../report/failure.ts';

/** Sends one request; `fetch`, or what a test puts in its place. */
export type Send = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly redirect: 'error';
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly ok: boolean; readonly status: number }>;

/** A chat that does not answer must not hold up a deploy. */
const TIMEOUT_MS = 10_000;

/**
 * Posts texts to an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat).
 *
 * The URL is a secret: whoever has it can post. It is in no message, not in that of a failure either, and no redirect
 * takes the text elsewhere.
 *
 * @throws Failure (exit 2, `bad-webhook`) for what is no https URL; the returned function: `webhook`, without the URL
 */
export function slackWebhook(url: string, send: Send = fetch): (text: string) => Promise<void> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw couldNot('The webhook is not an https URL.', {
      todo: 'Give the whole URL that Slack shows for the incoming webhook, as a secret.',
      reason: 'bad-webhook',
    });
  }
  return async (text) => {
    let status: number | undefined;
    try {
      const answer = await send(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text }),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      status = answer.status;
      if (answer.ok) {
        return;
      }
    } catch {
      // What fetch throws may name the host, so only that there was no answer is said.
    }
    throw couldNot(
      `The chat was not told: its webhook answered ${status === undefined ? 'nothing' : `with status ${status}`}.`,
      {
        todo: 'Look whether the webhook is still there, and put its URL into the secret again.',
        reason: 'webhook',
      },
    );
  };
}
