import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diffComment } from '../../src/diff/comment.ts';
import { diffJson } from '../../src/diff/json.ts';
import { readSituation } from './situation.ts';

const files = readdirSync(join(import.meta.dirname, 'situations')).filter((name) => name.endsWith('.yaml'));

/** What stands in Secrets and under telling names in the manifests. */
const SECRETS = /hunter|aHVudGVy|YWRtaW4|bmV3LXNl|correct-horse|battery-staple/;

describe('the comment on a pull request', () => {
  test.each(files)('%s', async (file) => {
    const { about, report } = readSituation(file);
    const pages = diffComment(report);
    expect(pages).toHaveLength(1);
    expect(pages.join('\n') + JSON.stringify(diffJson(report))).not.toMatch(SECRETS);
    await expect(`<!-- ${about} -->\n\n${pages.join('\n\n')}\n`).toMatchFileSnapshot(
      join(import.meta.dirname, 'situations', file.replace(/yaml$/, 'md')),
    );
  });
});
