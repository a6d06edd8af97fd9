import type { ArgoCdClient } from '../argocd/client.ts';
import { openArgoCd } from '../argocd/client.ts';
import { dexTokenSource } from '../argocd/sign-in.ts';
import { type Cluster, environmentOf, KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import type { Timing } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { ArgoCdLookout } from './argocd-lookout.ts';
import type { CommitOrder } from './commit-order.ts';

/** How Argo CD is reached, as people write it. Empty ones are undefined. */
export interface ArgoCdAccess {
  /** The one server for all clusters; undefined: as kajitori.yaml says for each. */
  readonly server: string | undefined;
  /** One for all servers, or one a line as `URL=TOKEN`. */
  readonly token: string | undefined;
  /** The id of Argo CD's Dex connector that takes GitHub's OIDC tokens; instead of a token. */
  readonly connector: string | undefined;
  readonly idToken: (() => Promise<string>) | undefined;
  /** Certificates (PEM) of a private authority. */
  readonly ca: string | undefined;
  /** Told of every token, so that it is masked in logs before it is used. */
  readonly onToken: (token: string) => void;
}

/**
 * Opens the Argo CD of each cluster of an environment; nothing is sent yet.
 *
 * @throws Failure (exit 2) when a server or its token is missing
 */
export function openArgoCdLookout(
  access: ArgoCdAccess,
  config: KajitoriConfig,
  environment: string,
  order: CommitOrder,
  timing: Timing,
): ArgoCdLookout {
  const clients = new Map<string, ArgoCdClient>();
  const byCluster = new Map<string, ArgoCdClient>();
  for (const cluster of environmentOf(config, environment).clusters) {
    const server = serverOf(cluster, access);
    const client =
      clients.get(server) ??
      openArgoCd({ server, token: tokenSource(server, access, timing), ca: access.ca, timing });
    clients.set(server, client);
    byCluster.set(cluster.name, client);
  }
  return new ArgoCdLookout({
    clientOf: (cluster) => {
      const client = byCluster.get(cluster);
      if (client === undefined) {
        throw couldNot(`The cluster ${cluster} is not of ${environment}.`);
      }
      return client;
    },
    order,
    timing,
    // Only our own ApplicationSets are known to set the label.
    selector: layoutOf(config).kind === 'standard' ? `kajitori.dev/environment=${environment}` : undefined,
    isOurs: sameRepository(config),
  });
}

function serverOf(cluster: Cluster, { server }: ArgoCdAccess): string {
  const found = server ?? cluster.argocd?.server;
  if (found === undefined) {
    throw couldNot(`Which Argo CD syncs the cluster ${cluster.name} is not known.`, {
      at: { file: KAJITORI_FILE },
      todo: `Write it under clusters.${cluster.name}: argocd: { server: https://argocd.example.com } (or give argocd-server).`,
      reason: 'no-argocd',
    });
  }
  return found.replace(/\/+$/, '');
}

function tokenSource(
  server: string,
  { token, connector, idToken, ca, onToken }: ArgoCdAccess,
  timing: Timing,
): () => Promise<string> | string {
  if (token !== undefined) {
    const own = tokenFor(server, token);
    onToken(own);
    return () => own;
  }
  if (connector !== undefined && idToken !== undefined) {
    const source = dexTokenSource({ server, ca, connector, idToken, timing });
    return async () => {
      const exchanged = await source();
      onToken(exchanged);
      return exchanged;
    };
  }
  throw couldNot(`There is nothing to sign in to Argo CD at ${server} with.`, {
    todo: 'Give argocd-token, or argocd-connector with `permissions: id-token: write` (docs/setup.md, "Argo CD").',
    reason: 'no-argocd-token',
  });
}

/** A JWT has no `=` after a URL: so lines `URL=TOKEN` are told from one token. */
function tokenFor(server: string, text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const [only = ''] = lines;
  if (lines.length === 1 && !/^https?:/.test(only)) {
    return only;
  }
  const line = lines.find((each) => each.slice(0, each.indexOf('=')).replace(/\/+$/, '') === server);
  if (line === undefined) {
    throw couldNot(`argocd-token has no line for ${server}.`, {
      todo: `Add a line ${server}=TOKEN.`,
      reason: 'no-argocd-token',
    });
  }
  return line.slice(line.indexOf('=') + 1);
}

/** Whether a source is the GitOps repository. Where kajitori.yaml does not say its URL, every source that is no chart is. */
function sameRepository({ repository }: KajitoriConfig): ((repoURL: string) => boolean) | undefined {
  if (repository === undefined) {
    return undefined;
  }
  const plain = (url: string) =>
    url
      .toLowerCase()
      .replace(/\/+$/, '')
      .replace(/\.git$/, '');
  return (repoURL) => plain(repoURL) === plain(repository.url);
}
