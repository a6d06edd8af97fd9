import { expect, test } from 'vitest';
import { diffApplication } from './application-diff.ts';
import { collapse } from './collapse.ts';
import { diffComment } from './comment.ts';
import { diffJson } from './json.ts';
import { diffText } from './terminal.ts';

const secret = (password: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db', namespace: 'shop' },
  stringData: { password },
});

const reportOf = (passwords: Readonly<Record<string, string>>) => ({
  base: '1f3c9e2b7a6d',
  head: '9d8e7c6b5a43',
  applications: { total: 2, affected: 2 },
  notRendered: [],
  notLookedAt: [],
  blocks: collapse(
    Object.entries(passwords).map(([cluster, password]) =>
      diffApplication({
        name: `shop-${cluster}`,
        cluster: { name: cluster },
        before: [secret('before')],
        after: [secret(password)],
      }),
    ),
  ),
  capacity: [],
});

test.each([
  ['the same', { 'prod-1': 'hunter2', 'prod-2': 'hunter2' }, false],
  ['another', { 'prod-1': 'hunter2', 'prod-2': 'hunter3' }, true],
])(
  'a secret that becomes %s in two clusters is shown once, and not said to be the same where it is not',
  (_, passwords, differs) => {
    const report = reportOf(passwords);
    expect(report.blocks).toHaveLength(1);
    for (const text of [diffText(report), diffComment(report).join('')]) {
      expect(text.includes('not the same in all of these places')).toBe(differs);
    }
    expect(JSON.stringify(diffJson(report)) + diffText(report) + diffComment(report).join('')).not.toMatch(
      /hunter|aHVudGVy/,
    );
  },
);
