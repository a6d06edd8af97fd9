import { expect, test } from 'vitest';
import { diffApplication } from './application-diff.ts';
import { collapse } from './collapse.ts';
import { diffComment } from './comment.ts';

const configMap = (index: number, value: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `c${index}`, namespace: 'shop' },
  data: { value: `${value} ${'x'.repeat(100)}` },
});

/** A report in which so many objects change, each by some 400 characters. */
const reportOf = (count: number) => ({
  base: '1f3c9e2b7a6d',
  head: '9d8e7c6b5a43',
  applications: { total: 1, affected: 1 },
  notRendered: [],
  notLookedAt: [],
  blocks: collapse([
    diffApplication({
      name: 'shop',
      cluster: undefined,
      before: Array.from({ length: count }, (_, index) => configMap(index, 'a')),
      after: Array.from({ length: count }, (_, index) => configMap(index, 'b')),
    }),
  ]),
  capacity: [],
});

const objectsIn = (pages: readonly string[]): number => pages.join('').split('<b>ConfigMap').length - 1;

test('a comment is cut into pages that GitHub takes, and nothing is lost between them', () => {
  const pages = diffComment(reportOf(300));
  expect(pages.length).toBeGreaterThan(1);
  for (const page of pages) expect(page.length).toBeLessThan(65_536);
  expect(objectsIn(pages)).toBe(300);
  expect(pages.join('')).not.toContain('This is not all');
});

test('what does not fit on the last page is counted', () => {
  const pages = diffComment(reportOf(2000));
  expect(pages).toHaveLength(4);
  for (const page of pages) expect(page.length).toBeLessThan(65_536);
  const [, left = ''] =
    /\*\*This is not all\*\*: ([\d,]+) more changes did not fit/.exec(pages[3] ?? '') ?? [];
  expect(Number(left.replace(',', '')) + objectsIn(pages)).toBe(2000);
});
