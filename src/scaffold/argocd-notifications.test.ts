import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { KAJITORI_YAML } from '../../test/bump-world.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { notifiedContext } from '../deploy/notified-lookout.ts';
import { argocdNotifications, NOTIFICATIONS_FILE } from './argocd-notifications.ts';
import { generatedFiles } from './generated-files.ts';

const REPOSITORY = 'repository: { url: https://github.com/acme/gitops.git }\n';
/** The parts of the ConfigMap, read as Argo CD reads them. */
// biome-ignore lint/suspicious/noExplicitAny: the parts are deep, and a wrong step fails the test
function partsOf(text = `${KAJITORI_YAML}${REPOSITORY}`): Map<string, any> {
  const manifest = argocdNotifications(parseKajitoriYaml(`${text}argocd: { notifications: true }\n`));
  const { data } = parse(manifest) as { data: Record<string, string> };
  return new Map(Object.entries(data).map(([key, value]) => [key, parse(value)]));
}

const named = (parts: ReadonlyMap<string, unknown>, prefix: string): string[] =>
  [...parts.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));

interface Condition {
  readonly when: string;
  readonly send: readonly string[];
  readonly oncePer?: string;
}

const conditionsOf = (parts: ReadonlyMap<string, readonly Condition[]>): readonly Condition[] =>
  named(parts, 'trigger.').flatMap((name) => parts.get(`trigger.${name}`) ?? []);

test('every trigger sends templates that are there, and every subscription names triggers that are there', () => {
  const parts = partsOf();
  const sent = new Set(conditionsOf(parts).flatMap(({ send }) => send));
  expect([...sent].toSorted()).toEqual(named(parts, 'template.').toSorted());
  expect(parts.get('subscriptions')).toEqual([
    { recipients: ['github'], triggers: named(parts, 'trigger.'), selector: 'kajitori.dev/app' },
  ]);
});

test('it writes the statuses that waiting reads, to the GitOps repository', () => {
  const parts = partsOf();
  const written = named(parts, 'template.').map((name) => {
    const { github } = parts.get(`template.${name}`);
    expect(github.status.label).toBe(notifiedContext('{{.app.metadata.name}}'));
    expect(github.repoURLPath).toBe('https://github.com/acme/gitops.git');
    return [name.replace('kajitori-', ''), github.status.state];
  });
  expect(Object.fromEntries(written)).toEqual({
    syncing: 'pending',
    progressing: 'pending',
    deployed: 'success',
    mended: 'success',
    'sync-failed': 'failure',
    degraded: 'failure',
    unclear: 'error',
  });
});

test('a status is for the commit that was applied; where none had to be, for the one that was compared', () => {
  const parts = partsOf();
  for (const { when, send } of conditionsOf(parts)) {
    const { revisionPath } = parts.get(`template.${send[0]}`).github;
    const checked = [...when.matchAll(/last\((\S+) \?\? \[\]\) matches "\^\[0-9a-f\]\{40\}\$"/g)];
    // What is no commit is never sent: GitHub would refuse it, and Argo CD not try again.
    expect(checked.map(([, revisions]) => `{{last .${revisions?.replaceAll('?.', '.')}}}`)).toContain(
      revisionPath,
    );
  }
  expect(parts.get('template.kajitori-deployed').github.revisionPath).toContain('syncResult.revisions');
  expect(parts.get('template.kajitori-mended').github.revisionPath).toContain('sync.revisions');
});

test('what decides a deploy is written again: Argo CD takes a delivery that failed for done where there is oncePer', () => {
  for (const name of ['deployed', 'mended', 'sync-failed', 'degraded']) {
    const template = `kajitori-${name}`;
    const [first, again, ...others] = conditionsOf(partsOf()).filter(({ send }) => send.includes(template));
    expect(others).toEqual([]);
    expect(first?.oncePer).toContain('syncResult?.revisions');
    expect(again?.oncePer).toBeUndefined();
    expect(again?.when.startsWith(`${first?.when} and `)).toBe(true);
  }
});

test('a status links to the Argo CD of its cluster, where kajitori.yaml names it, else to nothing', () => {
  const none = partsOf();
  expect(none.has('context')).toBe(false);
  expect(none.get('template.kajitori-deployed').github.status).not.toHaveProperty('targetURL');
  const parts = partsOf(
    `${KAJITORI_YAML}${REPOSITORY}`.replace(
      'active: true',
      'active: true, argocd: { server: https://argocd.example.com/ }',
    ),
  );
  expect(parts.get('context')).toEqual({ 'prod-1': 'https://argocd.example.com' });
  expect(parts.get('template.kajitori-deployed').github.status.targetURL).toBe(
    '{{with index .context .app.spec.destination.name}}{{.}}/applications/argocd/{{$.app.metadata.name}}{{end}}',
  );
});

test.each([
  ['https://github.com/acme/gitops.git', undefined],
  ['git@github.com:acme/gitops.git', undefined],
  ['ssh://git@ssh.github.com:443/acme/gitops.git', undefined],
  ['https://git.acme.example/acme/gitops.git', 'https://git.acme.example/api/v3'],
  ['https://git.acme.example:8443/acme/gitops', 'https://git.acme.example:8443/api/v3'],
  ['git@git.acme.example:acme/gitops.git', 'https://git.acme.example/api/v3'],
  ['ssh://git@git.acme.example:2222/acme/gitops.git', 'https://git.acme.example/api/v3'],
  ['https://acme.ghe.com/acme/gitops.git', 'https://api.acme.ghe.com'],
])('the API of %s is at %s', (url, api) => {
  const parts = partsOf(`${KAJITORI_YAML}repository: { url: "${url}" }\n`);
  expect(parts.get('service.github').enterpriseBaseURL).toBe(api);
});

test('it is generated only where kajitori.yaml asks for it: a company may have its own', () => {
  const paths = (text: string) => generatedFiles(parseKajitoriYaml(text), new Map()).map(({ path }) => path);
  expect(paths(`${KAJITORI_YAML}${REPOSITORY}`)).not.toContain(NOTIFICATIONS_FILE);
  expect(paths(`${KAJITORI_YAML}${REPOSITORY}argocd: { notifications: true }\n`)).toContain(
    NOTIFICATIONS_FILE,
  );
});
