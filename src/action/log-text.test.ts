import { expect, test } from 'vitest';
import { withoutCommands } from './log-text.ts';

test.each([
  '::set-output name=commit::0000',
  '  ::stop-commands::x',
  'fine\r\n\t::error::owned',
  '  file: apps/##[set-output name=commit]0000.yaml',
  '##[add-mask]a',
])('%j is no command to the runner, and still reads the same', (text) => {
  const printed = withoutCommands(text);
  expect(
    printed.split('\n').filter((line) => line.trimStart().startsWith('::') || line.includes('##[')),
  ).toEqual([]);
  expect(printed.replaceAll('\u200b', '')).toBe(text);
});

test('other text is left alone', () => {
  const text = 'Deployed web to production\n  image: a::b # [x]\n  web: nothing → 1.2';
  expect(withoutCommands(text)).toBe(text);
});
