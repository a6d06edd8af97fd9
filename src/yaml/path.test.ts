import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../report/failure.ts';
import { formatPath, parsePath, type YamlPath } from './path.ts';

describe('a path names a value', () => {
  const examples: [text: string, path: YamlPath][] = [
    ['image', ['image']],
    ['image.tag', ['image', 'tag']],
    ['a.b[0]."key.with.dots"', ['a', 'b', 0, 'key.with.dots']],
    ['[2][0].x', [2, 0, 'x']],
    ['ports.0', ['ports', '0']],
    ['"say \\"hi\\" \\\\ bye"', ['say "hi" \\ bye']],
    ['""', ['']],
    ['eks.amazonaws-com/role:arn@1', ['eks', 'amazonaws-com/role:arn@1']],
    ['__proto__.constructor', ['__proto__', 'constructor']],
    ['本番.тег', ['本番', 'тег']],
    ['.', []],
  ];
  test.each(examples)('%s', (text, path) => {
    expect(parsePath(text)).toEqual(path);
    expect(parsePath(formatPath(path))).toEqual(path);
  });

  test('every path can be written and read back', () => {
    const step = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.nat({ max: 999_999_999 }),
      fc.constantFrom('.', '', '"', '\\'),
    );
    fc.assert(
      fc.property(fc.array(step), (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      }),
    );
  });
});

describe('what is not a path is refused, with the column', () => {
  test.each([
    ['', 1, 'empty step'],
    ['a..b', 3, 'empty step'],
    ['.a', 1, 'empty step'],
    ['a.', 3, 'ends with a dot'],
    ['a.[0]', 3, 'a dot before "["'],
    ['a[-1]', 2, 'negative index'],
    ['a[x]', 2, 'other than a number'],
    ['a[01]', 2, 'other than a number'],
    ['a[1', 2, 'other than a number'],
    ['a[99999999999]', 2, 'other than a number'],
    ['a]', 2, '"]" where'],
    ['a b', 2, '" " where'],
    ['a."b', 3, 'not closed'],
    ['a."b"c', 6, '"c" where'],
    ['"\\n"', 3, 'escape'],
    ['a"b', 2, 'where "." or "["'],
  ])('%s', (text, column, message) => {
    const failure = thrownBy(() => parsePath(text));
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({
      exitCode: 2,
      at: { line: 1, column },
      message: expect.stringContaining(message),
    });
  });

  test('no text makes it throw anything but a Failure', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '.', '[', ']', '"', '\\', '0', '-', ' ') }),
        (text) => {
          const failure = thrownBy(() => parsePath(text));
          expect(failure === undefined || failure instanceof Failure).toBe(true);
        },
      ),
    );
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
