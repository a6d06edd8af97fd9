import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { newAppFiles } from './new-app.ts';

const config = parseKajitoriYaml(`apiVersion: kajitori.dev/v1
repository: { url: "https://github.com/acme/gitops.git" }
environments: { staging: { clusters: [stg-1] } }
clusters: { stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [registry.example]
teams: { pattern: "@acme/*" }
`);

describe('a new app', () => {
  const answers = { app: 'web', team: 'shop', sources: ['acme/web'], kind: 'web' } as const;

  it('gets its definition, values, project and owner, and nothing that deploys it', () => {
    const files = newAppFiles(config, answers);
    expect([...files.keys()]).toEqual([
      'apps/web/app.yaml',
      'apps/web/values.yaml',
      'argocd/projects/web.yaml',
      '.github/CODEOWNERS',
    ]);
    expect(parse(files.get('apps/web/app.yaml') ?? '')).toEqual({
      app: { team: 'shop', sources: ['acme/web'], kind: 'web' },
    });
  });

  it('keeps the owners of the other apps', () => {
    const files = newAppFiles(config, answers, {
      apps: new Map([['billing', { team: 'payments', sources: ['acme/billing'] }]]),
      codeOwners: { file: 'CODEOWNERS', text: '* @acme/all\n' },
    });
    expect(files.get('CODEOWNERS')).toMatch(
      /^\* @acme\/all\n\n# >>> kajitori.*\n\/apps\/billing\/ @acme\/payments\n\/apps\/web\/ {5}@acme\/shop\n# <<< kajitori\n$/,
    );
  });

  it.each([
    ['a path as name', { app: '../web' }],
    ['a team that would add YAML', { team: 'shop\n  sources: [evil/x]' }],
    ['a team that closes a list', { team: 'shop], evil: [' }],
    ['a source that would add YAML', { sources: ['acme/web]\nevil: true #'] }],
    ['no sources', { sources: [] }],
    ['an expression of GitHub', { sources: ['${{ secrets.TOKEN }}'] }],
  ])('is refused with %s', (_, hostile) => {
    expect(() => newAppFiles(config, { ...answers, ...hostile })).toThrow(
      expect.objectContaining({ name: 'Failure', exitCode: 2 }),
    );
  });

  it('keeps a team named like a boolean a text', () => {
    const files = newAppFiles(config, { ...answers, team: 'on' });
    expect(parse(files.get('apps/web/app.yaml') ?? '', { version: '1.1' }).app.team).toBe('on');
  });
});
