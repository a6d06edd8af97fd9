import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NEEDED } from './check-app.ts';

const GUIDE = readFileSync(new URL('../../docs/setup.md', import.meta.url), 'utf8');

describe('docs/setup.md', () => {
  it.each(NEEDED)('names the permission $permission with its level', ({ permission, level }) => {
    expect(GUIDE).toContain(`| \`${permission}\`: ${level} | to `);
  });

  it('has the headings that messages send people to', () => {
    const headings = [...GUIDE.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(
      expect.arrayContaining([
        expect.stringContaining('GitHub App'),
        expect.stringContaining('Ruleset'),
        expect.stringContaining('KMS key'),
        expect.stringContaining('Private suite'),
      ]),
    );
  });

  it('lets a role that builds do all that building needs', () => {
    const readme = readFileSync(new URL('../../actions/build-image/README.md', import.meta.url), 'utf8');
    const [, needs = ''] = /## What the role needs\n([\s\S]*?); with `create-repository`/.exec(readme) ?? [];
    const needed = [...needs.matchAll(/ecr:\w+/g)].map(([action]) => action);
    expect(needed.length).toBeGreaterThan(8);
    const [, policy = ''] =
      /### OIDC trust for ECR([\s\S]*?)Make the repository's tags immutable/.exec(GUIDE) ?? [];
    expect(needed.filter((action) => !policy.includes(`"${action}"`))).toEqual([]);
  });

  it('has policies and rulesets that are JSON', () => {
    const blocks = [...GUIDE.matchAll(/(?:```json\n|<<'JSON'\n)([\s\S]*?)\n(?:```|JSON)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(blocks.length).toBeGreaterThanOrEqual(5);
    for (const block of blocks) {
      expect(() => JSON.parse(block)).not.toThrow();
    }
  });

  it('never trusts more than one exact version of the workflow', () => {
    const refs = [...GUIDE.matchAll(/:job_workflow_ref": "(.*?)"/g)].map((match) => match[1]);
    expect(refs).toEqual(['kajitori/kajitori/.github/workflows/release.yml@refs/tags/v1']);
  });

  it('links only to headings that it has', () => {
    const anchors = [...GUIDE.matchAll(/^#+ (.*)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
    const links = [...GUIDE.matchAll(/\]\(#(.*?)\)/g)].map((match) => match[1]);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !anchors.includes(link ?? ''))).toEqual([]);
  });
});
