import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { type GitHubClient, GitHubError } from '../github/client.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { type Check, fail, finding, notChecked, ok, warn } from './check.ts';

/** The part of `GET /repos/{owner}/{repo}/installation` that is looked at. */
interface InstallationFacts {
  readonly app_id: number;
  readonly app_slug: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly suspended_at: string | null;
}

export interface AppFindings {
  readonly checks: readonly Check[];
  readonly app: { readonly id: number; readonly slug: string } | undefined;
}

type Level = 'read' | 'write';

interface NeededPermission {
  readonly permission: string;
  readonly level: Level;
  readonly why: string;
  /** Without it: no deploy at all, no deploy by pull request, or only a part of the comfort is missing. */
  readonly for: 'every deploy' | 'pull requests' | 'comfort';
}

/** What the App needs; docs/setup.md has the same table. */
export const NEEDED: readonly NeededPermission[] = [
  { permission: 'contents', level: 'write', why: 'to commit deploys', for: 'every deploy' },
  {
    permission: 'pull_requests',
    level: 'write',
    why: 'to propose deploys and new apps',
    for: 'pull requests',
  },
  { permission: 'statuses', level: 'write', why: 'to record the verdict of a deploy', for: 'comfort' },
  { permission: 'checks', level: 'read', why: 'to merge when the checks are green', for: 'comfort' },
];

/** With these a stolen token could change who may do what. */
const DANGEROUS = [
  'administration',
  'workflows',
  'secrets',
  'actions',
  'members',
  'organization_administration',
];

/**
 * The installation of the GitHub App on the GitOps repository.
 *
 * @param asApp a client that signs in as the App itself (JWT), not as an installation
 */
export async function checkApp(
  asApp: GitHubClient | undefined,
  repository: RepositoryName,
  config: KajitoriConfig | undefined,
): Promise<AppFindings> {
  const name = 'app-installation';
  if (asApp === undefined) {
    return {
      app: undefined,
      checks: [
        notChecked(
          'app-permissions',
          'The permissions of the GitHub App were not looked at: neither app-id nor key were given.',
          'Give --app-id with --private-key-file or --kms-key.',
        ),
      ],
    };
  }
  const full = formatRepositoryName(repository);
  let app: AppFindings['app'];
  const checks = await finding(
    name,
    `ask for the installation on ${full}`,
    'Check app-id and key.',
    async () => {
      try {
        const { data } = await asApp.rest<InstallationFacts>('GET /repos/{owner}/{repo}/installation', {
          owner: repository.owner,
          repo: repository.name,
        });
        app = { id: data.app_id, slug: data.app_slug };
        return installationChecks(full, data, config);
      } catch (error) {
        if (error instanceof GitHubError && error.fault.kind === 'missing') {
          return fail(
            name,
            `The GitHub App is not installed on ${full}.`,
            `Install it there (docs/setup.md, "GitHub App").`,
          );
        }
        throw error;
      }
    },
  );
  return { checks, app };
}

function installationChecks(
  full: string,
  { app_slug, permissions, suspended_at }: InstallationFacts,
  config: KajitoriConfig | undefined,
): Check[] {
  if (suspended_at !== null) {
    return [
      fail(
        'app-installation',
        `The installation of ${app_slug} is suspended since ${suspended_at}.`,
        'Unsuspend it in the settings of the organization.',
      ),
    ];
  }
  const proposes = config !== undefined && environmentsOf(config).some(({ via }) => via === 'pull-request');
  const missing = NEEDED.filter(({ permission, level }) => !reaches(permissions[permission], level));
  const fatal = missing.filter(
    (each) => each.for === 'every deploy' || (each.for === 'pull requests' && proposes),
  );
  const excess = DANGEROUS.filter(
    (permission) => permissions[permission] === 'write' || permissions[permission] === 'admin',
  );
  return [
    ok('app-installation', `The GitHub App ${app_slug} is installed on ${full}.`),
    permissionCheck(missing, fatal.length > 0),
    ...(excess.length === 0
      ? []
      : [
          warn(
            'app-excess',
            `It may more than it needs: ${excess.map((permission) => `${permission}: ${permissions[permission]}`).join(', ')}.`,
            'Take these permissions away: whoever gets its key could change who may deploy.',
          ),
        ]),
  ];
}

const reaches = (given: string | undefined, needed: Level): boolean =>
  given === 'write' || given === 'admin' || given === needed;

function permissionCheck(missing: readonly NeededPermission[], fatal: boolean): Check {
  const name = 'app-permissions';
  if (missing.length === 0) {
    return ok(name, 'It has the permissions that it needs.');
  }
  const list = missing.map(({ permission, level, why }) => `${permission}: ${level} (${why})`).join(', ');
  return (fatal ? fail : warn)(
    name,
    `It lacks ${list}.`,
    'Add them in the settings of the App, and accept them for the installation (an owner gets an e-mail).',
  );
}
