import { expect, test } from 'vitest';
import { Failure } from '../report/failure.ts';
import { columns, Narrator, type Stage, wrap } from './narrator.ts';

function told(options: Partial<Stage> = {}) {
  const lines: string[] = [];
  let time = 0;
  const narrator = new Narrator({
    write: (line) => lines.push(line),
    width: 40,
    colours: false,
    now: () => (time += 500),
    ...options,
  });
  return { narrator, lines };
}

test('a chapter has a number, its statements and its time', async () => {
  const { narrator, lines } = told();
  await narrator.chapter('The first', async (chapter) => {
    chapter.tell('It begins.');
    chapter.command('kajitori init');
    chapter.show('a\n  b\n');
    chapter.holds('Two is two', { found: [2], expected: [2] });
  });
  expect(lines).toEqual([
    '1. The first',
    '   It begins.',
    '',
    '     $ kajitori init',
    '',
    '     a',
    '       b',
    '',
    '   ✓ Two is two',
    '   (0.5 s)',
  ]);
  expect(narrator.records).toEqual([{ title: 'The first', seconds: 0.5, holds: ['Two is two'] }]);
});

test('a statement that is not so ends the story, and says what was expected and what was found', async () => {
  const { narrator, lines } = told();
  const story = narrator.chapter('The first', async (chapter) => {
    chapter.holds('Both clusters run it', { found: { 'prod-2': 'old' }, expected: { 'prod-2': 'new' } });
  });
  const failure = await story.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ exitCode: 2, reason: 'demo-broken' });
  expect((failure as Failure).message).toContain('Both clusters run it');
  expect((failure as Failure).message).toContain('expected: {"prod-2":"new"}');
  expect((failure as Failure).message).toContain('found:    {"prod-2":"old"}');
  expect(lines.join('\n')).not.toContain('✓');
  expect(narrator.records).toEqual([]);
});

test('without colours not one escape sequence is written; with them a diff is red and green', async () => {
  const diff = '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n';
  const plain = told();
  const coloured = told({ colours: true });
  for (const { narrator } of [plain, coloured]) {
    await narrator.chapter('A diff', async (chapter) => chapter.showDiff(diff));
  }
  expect(plain.lines.join('\n')).not.toContain('\u001b');
  expect(coloured.lines).toContain('     \u001b[31m-old\u001b[39m');
  expect(coloured.lines).toContain('     \u001b[32m+new\u001b[39m');
});

test('live lines are taken away before anything else is written', async () => {
  const events: string[] = [];
  const { narrator } = told({
    write: (line) => events.push(`line ${line.trim()}`),
    live: (lines) => events.push(`live ${lines.map((line) => line.trim()).join('; ')}`),
  });
  await narrator.chapter('Slow', async (chapter) => {
    chapter.working('packing');
    chapter.tell('Done.');
    chapter.live(['prod-1: starting', 'prod-2: starting']);
    chapter.note('prod-1 is healthy');
  });
  const begun = events.indexOf('live … packing');
  expect(events.slice(begun, begun + 6)).toEqual([
    'live … packing',
    'live ',
    'line Done.',
    'live prod-1: starting; prod-2: starting',
    'live ',
    'line prod-1 is healthy',
  ]);
});

test('a log gets no live lines, only notes', async () => {
  const { narrator, lines } = told();
  await narrator.chapter('Slow', async (chapter) => {
    chapter.working('packing');
    chapter.live(['prod-1: starting']);
    expect(chapter.isLive).toBe(false);
    chapter.note('prod-1 is healthy');
  });
  expect(lines).toEqual(['1. Slow', '     prod-1 is healthy', '   (0.5 s)']);
});

test('a shown line that is too long goes on below, deeper', async () => {
  const { narrator, lines } = told();
  await narrator.chapter('Long', async (chapter) => {
    chapter.show('short\n  web: left alone because a newer build runs already');
  });
  expect(lines.slice(1, -1)).toEqual([
    '',
    '     short',
    '       web: left alone because a newer',
    '           build runs already',
    '',
  ]);
});

test('text is wrapped at spaces, and a long word is not broken', () => {
  expect(wrap('one two three', 9, '  ')).toEqual(['  one two', '  three']);
  expect(wrap('a sha256:0123456789abcdef b', 10, '')).toEqual(['a', 'sha256:0123456789abcdef', 'b']);
});

test('columns are as wide as their longest cell', () => {
  expect(columns([['cluster', 'image'], ['prod-1', 'sha256:12'], ['stg-1']])).toBe(
    'cluster   image\nprod-1    sha256:12\nstg-1',
  );
});
