import { describe, expect, test } from 'vitest';
import { code, codeBlock, link, plain, table } from './markdown.ts';

describe("people's text in Markdown", () => {
  test('has no meaning of its own', () => {
    const text = plain('[click](http://evil.example) <img src=x> **bold** | cell | @acme/team #1 `x`');
    const signs = text.replaceAll(/&#\d+;/g, '');
    expect(signs).not.toMatch(/[[\]()<>*|`#]|@acme/);
    expect(text).toContain('click');
  });

  test('cannot end a code span, a code block or a row', () => {
    expect(code('a`b``c')).toBe('```a`b``c```');
    expect(code('`')).toBe('`` ` ``');
    expect(code('a|b\nc')).toBe('`a\\|b c`');
    expect(codeBlock('x\n```\ny', 'diff')).toBe('````diff\nx\n```\ny\n````');
  });

  test('links lead to the web only', () => {
    expect(link('here', 'https://github.com/acme/web')).toBe('[here](https://github.com/acme/web)');
    expect(link('here', 'javascript:alert(1)')).toBe('here');
    expect(link('here', 'https://x.example/) [y](z')).toBe('here');
  });
});

test('a table', () => {
  expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |');
});
