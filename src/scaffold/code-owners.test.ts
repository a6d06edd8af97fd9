import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { codeOwnersRegion, replaceCodeOwnersRegion } from './code-owners.ts';

const config = parseKajitoriYaml(`apiVersion: kajitori.dev/v1
environments: { staging: { clusters: [stg-1] } }
clusters: { stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [registry.example]
teams: { pattern: "@acme/*", platform: "@acme/platform" }
`);
const FILE = '.github/CODEOWNERS';
const region = codeOwnersRegion(
  config,
  new Map([
    ['web', { team: 'shop', sources: ['acme/web'] }],
    ['billing', { team: 'payments', sources: ['acme/billing'] }],
  ]),
);

describe('the generated region of CODEOWNERS', () => {
  it('names the owner of each app, sorted, after what the platform team owns', () => {
    expect(region.split('\n').slice(-5)).toEqual([
      '/rules/          @acme/platform',
      '/apps/billing/   @acme/payments',
      '/apps/web/       @acme/shop',
      '# <<< kajitori',
      '',
    ]);
  });

  it('is the whole file where there was none', () => {
    expect(replaceCodeOwnersRegion(undefined, region, FILE)).toBe(region);
  });

  it('leaves every byte around it as it was, whatever it is', () => {
    const line = fc
      .string({ unit: 'grapheme' })
      .filter((text) => !/[\r\n]/.test(text) && !text.includes('kajitori'));
    const text = fc
      .tuple(fc.array(line), fc.constantFrom('\n', '\r\n'))
      .map(([lines, newline]) => lines.map((each) => each + newline).join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const old = codeOwnersRegion(config, new Map());
        const result = replaceCodeOwnersRegion(before + old + after, region, FILE);
        expect(result.startsWith(before)).toBe(true);
        expect(result.endsWith(after)).toBe(true);
        const between = result.slice(before.length, result.length - after.length);
        expect(between.replaceAll('\r\n', '\n')).toBe(region);
      }),
    );
  });

  it('is added at the end, with the line ends of the file', () => {
    expect(replaceCodeOwnersRegion('* @acme/all\r\n', region, FILE)).toBe(
      `* @acme/all\r\n\r\n${region.replaceAll('\n', '\r\n')}`,
    );
    expect(replaceCodeOwnersRegion('* @acme/all', region, FILE)).toBe(`* @acme/all\n\n${region}`);
  });

  it('changes nothing the second time', () => {
    const once = replaceCodeOwnersRegion('* @acme/all\n', region, FILE);
    expect(replaceCodeOwnersRegion(once, region, FILE)).toBe(once);
  });

  it.each([
    ['without its end', '# >>> kajitori: x\n/a @b\n'],
    ['without its beginning', '/a @b\n# <<< kajitori\n'],
    ['twice', region + region],
    ['the wrong way round', '# <<< kajitori\n# >>> kajitori: x\n'],
  ])('is refused %s, because what is ours cannot be told', (_, text) => {
    expect(() => replaceCodeOwnersRegion(text, region, FILE)).toThrow(
      expect.objectContaining({ reason: 'bad-region', at: expect.objectContaining({ file: FILE }) }),
    );
  });
});
