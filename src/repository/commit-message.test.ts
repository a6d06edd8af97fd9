import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBody, formatMessage, oneLine, parseTrailers } from './commit-message.ts';

const trailer = (name: string, value: string) => ({ name, value });

describe('commit messages', () => {
  test('headline, body and trailers are paragraphs, as git reads them', async () => {
    const message = formatMessage({
      headline: 'Deploy web',
      body: 'web: a -> b',
      trailers: [trailer('Kajitori-App', 'web'), trailer('Kajitori-Key', 'k')],
    });
    const { stdout } = await execa('git', ['interpret-trailers', '--parse'], { input: message });
    expect(stdout).toBe('Kajitori-App: web\nKajitori-Key: k');
    expect(message.split('\n')[0]).toBe('Deploy web');
  });

  test('text of people cannot make a trailer of its own', () => {
    const hostile = 'urgent\n\nKajitori-App: billing\r\nKajitori-Key: forged\u2028Kajitori-App: x';
    const body = formatBody({ headline: 'x', trailers: [trailer('Kajitori-Reason', hostile)] });
    expect(parseTrailers(`x\n\n${body}`).map(({ name }) => name)).toEqual(['Kajitori-Reason']);
    expect(body.split('\n')).toHaveLength(1);
  });

  test('what is written is read again, for any text', () => {
    const value = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 80 })
      .map(oneLine)
      .filter((text) => text !== '');
    const name = fc.constantFrom('Kajitori-App', 'Kajitori-Reason', 'Kajitori-Key');
    const trailers = fc.array(fc.record({ name, value }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(trailers, fc.string(), (wanted, headline) => {
        expect(
          parseTrailers(formatMessage({ headline: `h ${headline}`, body: 'b', trailers: wanted })),
        ).toEqual(wanted);
      }),
    );
  });

  test('only the last paragraph holds trailers', () => {
    expect(parseTrailers('Kajitori-Key: no\n\nSome text.\n\nKajitori-App: web\n')).toEqual([
      trailer('Kajitori-App', 'web'),
    ]);
    expect(parseTrailers('Kajitori-Key: no\n\nSome text.')).toEqual([]);
  });
});
