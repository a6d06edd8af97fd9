import { z } from 'zod';
import type { Timing } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { cleanLine } from './cluster-text.ts';
import { openTransport, type TransportAnswer, TransportError } from './transport.ts';

/** How a workflow run gets a token of Argo CD without a secret. */
export interface DexSignIn {
  /** Argo CD's address; its Dex is behind it, at `/api/dex`. */
  readonly server: string;
  readonly ca?: string | undefined;
  /** The id of the connector for GitHub's tokens in `dex.config`. */
  readonly connector: string;
  /** GitHub's OIDC token of this run; asked for again when the exchanged one ends. */
  readonly idToken: () => Promise<string>;
  readonly timing: Timing;
}

/** Replaced this long before it ends: a request must not meet the end on its way. */
const MARGIN_MS = 60_000;

const answerSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().positive().nullish(),
});

/**
 * A token source that exchanges GitHub's OIDC token at Argo CD's own Dex, by OAuth 2.0 Token Exchange (RFC 8693), as Argo
 * CD documents it (operator manual, "User Management: GitHub Actions"). `argo-cd-cli` is the public client that Argo CD
 * makes for it; its password is empty. One exchange serves until the token nearly ends.
 *
 * Who may do what is then said in `argocd-rbac-cm` for the token's `sub`, `repo:acme/web:ref:refs/heads/main`.
 */
export function dexTokenSource(options: DexSignIn): () => Promise<string> {
  const transport = openTransport(options.server, options.ca);
  let current: { readonly token: string; readonly until: number } | undefined;
  let asking: Promise<string> | undefined;
  const exchange = async (): Promise<string> => {
    const body = new URLSearchParams({
      connector_id: options.connector,
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      scope: 'openid email profile federated:id',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: await options.idToken(),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    });
    let answer: TransportAnswer;
    try {
      answer = await transport.send({
        method: 'POST',
        path: '/api/dex/token',
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${Buffer.from('argo-cd-cli:').toString('base64')}`,
        },
        body: body.toString(),
        timeoutMs: 20_000,
        maxBytes: 1024 * 1024,
      });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      throw refusal(options, error.message);
    }
    const { data } = answerSchema.safeParse(parseJson(answer.text));
    if (answer.status !== 200 || data === undefined) throw refusal(options, wordsOf(answer));
    const lifetimeMs = (data.expires_in ?? 300) * 1000;
    current = { token: data.access_token, until: options.timing.now() + lifetimeMs - MARGIN_MS };
    return data.access_token;
  };
  return async () => {
    if (current !== undefined && options.timing.now() < current.until) return current.token;
    // Requests at the same time share one exchange.
    asking ??= exchange().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

const refusal = ({ server, connector }: DexSignIn, words: string) =>
  couldNot(`Argo CD at ${server} does not take GitHub’s OIDC token: ${cleanLine(words)}`, {
    todo: `Let argocd-cm have a Dex connector "${connector}" with the issuer https://token.actions.githubusercontent.com (docs/setup.md, "Argo CD"), or use a token.`,
    reason: 'argocd-sign-in',
  });

/** RFC 6749, 5.2: `error` and, in words, `error_description`. An answer may repeat the token: only these two are shown. */
function wordsOf({ status, text }: TransportAnswer): string {
  const { data } = z
    .object({ error: z.string(), error_description: z.string().nullish() })
    .safeParse(parseJson(text));
  return data === undefined ? `HTTP status ${status}` : `${data.error_description ?? data.error} (${status})`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
