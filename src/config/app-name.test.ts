import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAppName } from './app-name.ts';

describe('the name of an app', () => {
  it.each(['web', 'a', 'shop-2', 'x'.repeat(30)])('may be %s', (name) => {
    expect(parseAppName(name)).toBe(name);
  });

  it.each([
    '',
    '../web',
    'apps/web',
    '-web',
    'web-',
    '1web',
    'Web',
    'wéb',
    'web\n',
    '--help',
    '{app}',
    '$(id)',
    'x'.repeat(31),
    'default',
    'kube-system',
    'argocd',
    'on',
    'null',
    '__proto__',
    'constructor',
  ])('may not be %j', (name) => {
    expect(() => parseAppName(name)).toThrow(
      expect.objectContaining({ exitCode: 2, reason: 'bad-app-name', todo: expect.stringMatching(/\.$/) }),
    );
  });

  it('is never a path, whatever was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(parseAppName(text)).toMatch(/^[a-z][a-z0-9-]*$/);
        } catch (error) {
          expect(error).toHaveProperty('reason', 'bad-app-name');
        }
      }),
    );
  });

  it('shows a refused name without control characters and not at full length', () => {
    const name = `\u001b[2J\u202e${'x'.repeat(5000)}`;
    expect(() => parseAppName(name)).toThrow(/^.{0,150}$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it must not be there
    expect(() => parseAppName(name)).not.toThrow(/[\u001b\u202e]/);
  });
});
