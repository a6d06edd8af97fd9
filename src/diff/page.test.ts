import { expect, test } from 'vitest';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { capacityByCluster, diffApplication } from './application-diff.ts';
import { collapse } from './collapse.ts';
import { diffComment } from './comment.ts';
import { diffPage } from './page.ts';
import type { DiffReport } from './report.ts';

const config = (name: string, data: object): KubernetesObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data }) as KubernetesObject;

function reportOf(
  before: readonly KubernetesObject[],
  after: readonly KubernetesObject[],
  name = 'web',
): DiffReport {
  const diffs = [diffApplication({ name, cluster: { name: 'prod-1' }, before, after })];
  return {
    base: 'aaaa',
    head: 'bbbb',
    applications: { total: 1, affected: 1 },
    notRendered: [],
    notLookedAt: [],
    blocks: collapse(diffs),
    capacity: capacityByCluster(diffs),
  };
}

test('the page needs nothing else and runs nothing, whatever people call their objects', () => {
  const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
  const page = diffPage(
    reportOf([config('a', { [evil]: evil })], [config(evil, { [evil]: `${evil}2` })], evil),
  );
  expect(page).not.toMatch(/<(?:script|img|link|iframe|a)\b|https?:/i);
  expect(page).toContain("default-src 'none'");
  expect(page).toContain('&lt;script&gt;');
});

test('a comment of any size is in pages that GitHub takes, and says what is left out', () => {
  const text = Array.from({ length: 200 }, (_, line) => `line ${line} ${'x'.repeat(300)}`).join('\n');
  const objects = (end: string) =>
    Array.from({ length: 100 }, (_, index) =>
      config(`c${index}`, { text: text.replaceAll('x\n', `${end}\n`) }),
    );
  const pages = diffComment(reportOf(objects('x'), objects('y')));
  expect(pages.length).toBeGreaterThan(1);
  for (const page of pages) {
    expect(page.length).toBeLessThanOrEqual(65_000);
    // No page ends inside a block of code or a fold.
    expect(page.split('<details').length).toBe(page.split('</details>').length);
    expect((page.match(/^```/gm) ?? []).length % 2).toBe(0);
  }
  expect(pages.at(-1)).toContain('see the HTML page');
});
