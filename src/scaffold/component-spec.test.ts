import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { Failure } from '../report/failure.ts';
import { parseComponents } from './component-spec.ts';
import { firstValues } from './first-values.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const config = parseKajitoriYaml(`apiVersion: kajitori.dev/v1
environments: { staging: { clusters: [stg-1] } }
clusters: { stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [registry.example]
`);

describe('the one-line description of an app', () => {
  it('says all that 20 lines of values say', () => {
    const components = parseComponents(
      `web port=3000 host=shop scale=2-10; worker run=bin/work queue=shop scale=1-20; worker mailer;
       cron daily-report "0 3 * * *" run="rake report:daily"; migrate run='rake db:migrate'; secrets DATABASE_URL,API_KEY`,
      NOW,
    );
    const text = firstValues(config, 'mixed', components);
    expect(text).toBe(`# yaml-language-server: $schema=../../charts/app/values.schema.json
web:
  port: 3000
  host: shop
  scale: 2-10
workers:
  worker:
    run: bin/work
    queue: shop
    scale: 1-20
  mailer:
    run: bin/mailer
    scale: 1
cron:
  daily-report:
    schedule: 0 3 * * *
    run: rake report:daily
migrate:
  run: rake db:migrate
secrets: [DATABASE_URL, API_KEY]
`);
    // Helm's reader takes the same from it.
    expect(parse(text, { version: '1.1' })).toEqual(parse(text));
  });

  it.each([
    ['wob port=1', 'Did you mean "web"?'],
    ['web prot=1', 'web has no prot. Did you mean "port"?'],
    ['web port=99999', 'from 1 to 65535'],
    ['web port=1 port=2', 'given twice'],
    ['web; web', 'an app has one'],
    ['web shop', 'takes only key=value here'],
    ['worker a run=b; worker a run=c', 'used twice'],
    ['worker ../x', 'a name is lower-case'],
    [`worker ${'a'.repeat(22)}`, 'at most 21'],
    ['worker __proto__', 'a name is lower-case'],
    ['worker a run="sh -c $(id)"', 'no shell reads a command'],
    ['worker a run="${{ secrets.TOKEN }}"', 'no shell reads a command'],
    ['worker a run="x\n::set-output name=a::b"', 'no shell reads a command'],
    ['worker a queue=arn:aws:sqs', 'SQS queue'],
    ['web scale=10-2', 'a range'],
    ['web host=a_b', 'a DNS name'],
    ['cron a "61 * * * *" run=b', 'invalid value for minute'],
    ['cron a run=b', 'it needs a name, a schedule and run='],
    ['secrets a=b', 'environment variable'],
    ['secrets ${{x}}', 'environment variable'],
    ['worker a run="b', 'a quote is not closed'],
    ['constructor', 'there is no such component'],
    [' ; ; ', 'it names no component'],
    ['🦊', 'there is no such component'],
    ['web '.repeat(1000), '2000 are allowed'],
  ])('is refused where it says what cannot be: %s', (spec, why) => {
    expect(() => parseComponents(spec, NOW)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringContaining(why),
        todo: expect.any(String),
      }),
    );
  });

  it('is read or refused, whatever stands there, and never becomes more YAML than it says', () => {
    const word = fc.constantFrom(
      'web',
      'worker',
      'cron',
      'secrets',
      'run=',
      'port=',
      ';',
      '"',
      "'",
      ' ',
      '\n',
      '#',
      ': ',
    );
    const text = fc.array(fc.oneof(word, fc.string({ maxLength: 8 })), { maxLength: 12 });
    fc.assert(
      fc.property(text, (pieces) => {
        try {
          const components = parseComponents(pieces.join(' '), NOW);
          expect(parse(firstValues(config, 'web', components), { version: '1.1' })).toEqual(components);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 300 },
    );
  });
});
