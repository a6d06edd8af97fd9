import type { ApplicationStatus } from '../argocd/application-status.ts';
import type { ArgoCdClient } from '../argocd/client.ts';
import { ArgoCdError } from '../argocd/fault.ts';
import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf, releaseFiles } from '../config/layout.ts';
import { Failure } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import { type Check, fail, failed, notChecked, ok, warn } from './check.ts';

/** How the doctor meets Argo CD. */
export interface ArgoCdToExamine {
  /** The one server for all clusters; undefined: as kajitori.yaml says for each. */
  readonly server: string | undefined;
  /** Undefined without a token. */
  readonly open: ((server: string) => ArgoCdClient) | undefined;
}

/** What waiting does, and what Argo CD's RBAC calls it (argo-cd, server/application/application.go). */
const NEEDED = [
  {
    resource: 'applications',
    action: 'sync',
    without: 'cannot end an operation that hangs, so a rollback may not come through',
  },
  { resource: 'logs', action: 'get', without: 'cannot show the last lines of a pod that fails' },
] as const;

/** With these, whoever gets the token could change what runs. `exec` opens a shell in a pod. */
const TOO_MUCH = [
  { resource: 'applications', action: 'delete' },
  { resource: 'applications', action: 'update' },
  { resource: 'exec', action: 'create' },
] as const;

/** The same for what belongs to no application. */
const TOO_MUCH_OF_ALL = [
  { resource: 'clusters', action: 'update' },
  { resource: 'repositories', action: 'update' },
  { resource: 'accounts', action: 'update' },
] as const;

/**
 * Whether every Argo CD that kajitori.yaml names (or the one that was given) can be asked, shows the applications of the apps, and lets
 * the token do what waiting needs and no more.
 *
 * @returns nothing where no Argo CD is named: nobody waits there
 */
export async function checkArgoCd(
  { server, open }: ArgoCdToExamine,
  config: KajitoriConfig | undefined,
  apps: Iterable<string>,
  tree: Tree | undefined,
): Promise<readonly Check[]> {
  const servers = serversOf(server, config);
  const expected = config === undefined || tree === undefined ? [] : await deployed(config, apps, tree);
  const checks = await Promise.all(
    [...servers].map(async ([url, clusters]) => {
      const todo =
        'Set ARGOCD_AUTH_TOKEN to the token that waiting uses, and run it where Argo CD can be reached.';
      if (open === undefined) {
        return [notChecked('argocd', `Argo CD at ${url} was not looked at: there is no token for it.`, todo)];
      }
      const here = expected.filter(({ cluster }) => clusters === 'all' || clusters.has(cluster));
      try {
        return await checkServer(
          open(url),
          url,
          here.map(({ application }) => application),
        );
      } catch (error) {
        if (error instanceof Failure) return [failed('argocd', error)];
        if (!(error instanceof ArgoCdError)) throw error;
        const { fault, message } = error;
        return [
          fault === 'denied'
            ? fail(
                'argocd',
                `Argo CD at ${url} does not take the token. ${message}`,
                'Make a new one: `argocd account generate-token --account kajitori` (docs/setup.md, "Argo CD").',
              )
            : notChecked('argocd', `Argo CD at ${url} does not answer as it should. ${message}`, todo),
        ];
      }
    }),
  );
  return checks.flat();
}

/** URL → the clusters it syncs. */
function serversOf(
  server: string | undefined,
  config: KajitoriConfig | undefined,
): ReadonlyMap<string, ReadonlySet<string> | 'all'> {
  if (server !== undefined) return new Map([[server.replace(/\/+$/, ''), 'all' as const]]);
  const servers = new Map<string, Set<string>>();
  for (const [name, { argocd }] of Object.entries(config?.clusters ?? {})) {
    const url = argocd?.server.replace(/\/+$/, '');
    if (url !== undefined) servers.set(url, (servers.get(url) ?? new Set()).add(name));
  }
  return servers;
}

/** The applications that must be there: of apps that were deployed. In another layout their names are not known. */
async function deployed(config: KajitoriConfig, apps: Iterable<string>, tree: Tree) {
  if (layoutOf(config).kind !== 'standard') return [];
  const found: { readonly application: string; readonly cluster: string }[] = [];
  for (const app of apps) {
    for (const { name, clusters } of environmentsOf(config)) {
      const [file = ''] = releaseFiles(config, app, name);
      if ((await tree.read(file)) === undefined) continue;
      found.push(...clusters.map((each) => ({ application: `${app}-${each.name}`, cluster: each.name })));
    }
  }
  return found;
}

async function checkServer(
  client: ArgoCdClient,
  url: string,
  expected: readonly string[],
): Promise<readonly Check[]> {
  const { loggedIn, username } = await client.whoAmI();
  if (!loggedIn) {
    return [
      fail(
        'argocd',
        `Argo CD at ${url} does not know the token: whoever asks with it is nobody.`,
        'Make a new one: `argocd account generate-token --account kajitori` (docs/setup.md, "Argo CD").',
      ),
    ];
  }
  const all = await client.list();
  const seen = new Set(all.map(({ name }) => name));
  const missing = expected.filter((name) => !seen.has(name));
  return [
    ok(
      'argocd',
      `Argo CD at ${url} answers ${username ?? 'the token'}, who sees ${all.length} applications.`,
    ),
    applicationsCheck(url, expected.length, missing),
    ...(await rightsChecks(client, url, all)),
  ];
}

function applicationsCheck(url: string, expected: number, missing: readonly string[]): Check {
  const name = 'argocd-applications';
  if (missing.length === 0) {
    return ok(name, `It shows the applications of all deployed apps (${expected}).`);
  }
  const named = `${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}`;
  return fail(
    name,
    `Argo CD at ${url} does not show ${named}.`,
    'Give the account `applications, get` for them in argocd-rbac-cm. If it has that, they were never made: look at the ApplicationSet in Argo CD.',
  );
}

async function rightsChecks(
  client: ArgoCdClient,
  url: string,
  all: readonly ApplicationStatus[],
): Promise<readonly Check[]> {
  const name = 'argocd-rights';
  const [some] = all;
  if (some === undefined) {
    return [
      notChecked(
        name,
        `Argo CD at ${url} shows no application, so what the token may do was not tried.`,
        'Give it the rights of docs/setup.md, "Argo CD", or deploy a first app, and run this again.',
      ),
    ];
  }
  const object = `${some.project}/${some.name}`;
  const lacks: string[] = [];
  for (const { resource, action, without } of NEEDED) {
    if (!(await client.canI(resource, action, object))) lacks.push(`${resource}, ${action} (it ${without})`);
  }
  const excess: string[] = [];
  for (const { resource, action } of TOO_MUCH) {
    if (await client.canI(resource, action, object)) excess.push(`${resource}, ${action}`);
  }
  for (const { resource, action } of TOO_MUCH_OF_ALL) {
    if (await client.canI(resource, action, '*')) excess.push(`${resource}, ${action}`);
  }
  return [
    lacks.length === 0
      ? ok(name, `The token may do what waiting needs (tried on ${some.name}).`)
      : warn(
          name,
          `The token lacks ${lacks.join('; ')}.`,
          'Add it to the role in argocd-rbac-cm (docs/setup.md, "Argo CD").',
        ),
    ...(excess.length === 0
      ? []
      : [
          warn(
            'argocd-excess',
            `The token may more than waiting needs: ${excess.join('; ')}.`,
            'Take it away in argocd-rbac-cm: whoever gets the token could change what runs.',
          ),
        ]),
  ];
}
