import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { KAJITORI_YAML } from '../../test/bump-world.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { notifiedContext } from '../deploy/notified-lookout.ts';
import { argocdNotifications, NOTIFICATIONS_FILE } from './argocd-notifications.ts';
import { generatedFiles } from './generated-files.ts';

const REPOSITORY = 'repository: { url: https://github.com/acme/gitops.git }\n';
const config = parseKajitoriYaml(`${KAJITORI_YAML}${REPOSITORY}argocd: { notifications: true }\n`);

test('every trigger sends templates that are there, and every subscription names triggers that are there', () => {
  const { data } = parse(argocdNotifications(config)) as { data: Record<string, string> };
  const names = (prefix: string) =>
    Object.keys(data).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
  const sent = names('trigger.').flatMap((name) =>
    (parse(data[`trigger.${name}`] ?? '') as { send: string[] }[]).flatMap(({ send }) => send),
  );
  expect(sent.toSorted()).toEqual(names('template.').toSorted());
  expect(parse(data.subscriptions ?? '')).toEqual([
    { recipients: ['github'], triggers: names('trigger.'), selector: 'kajitori.dev/app' },
  ]);
});

test('it writes the statuses that waiting reads, to the GitOps repository', () => {
  const { data } = parse(argocdNotifications(config)) as { data: Record<string, string> };
  const { github } = parse(data['template.kajitori-deployed'] ?? '') as {
    github: { repoURLPath: string; status: { label: string; state: string } };
  };
  expect(github.status.label).toBe(notifiedContext('{{.app.metadata.name}}'));
  expect(github.repoURLPath).toBe('https://github.com/acme/gitops.git');
  expect(github.status.state).toBe('success');
});

test('it is generated only where kajitori.yaml asks for it: a company may have its own', () => {
  const paths = (text: string) => generatedFiles(parseKajitoriYaml(text), new Map()).map(({ path }) => path);
  expect(paths(`${KAJITORI_YAML}${REPOSITORY}`)).not.toContain(NOTIFICATIONS_FILE);
  expect(paths(`${KAJITORI_YAML}${REPOSITORY}argocd: { notifications: true }\n`)).toContain(
    NOTIFICATIONS_FILE,
  );
});
