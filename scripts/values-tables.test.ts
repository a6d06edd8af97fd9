import { describe, expect, it } from 'vitest';
import { readmeWithValues } from './values-tables.ts';

const README = ['values', 'pod-template', 'platform']
  .map((name) => `before ${name}\n<!-- ${name}:start -->\nold\n<!-- ${name}:end -->\n`)
  .join('');

const resources = { description: 'CPU.', properties: { cpu: { description: 'Cores, "2" | 250m.' } } };
const schema = JSON.stringify({
  properties: {
    facts: { description: 'Not for people.' },
    web: {
      description: 'Serves.',
      required: ['port'],
      properties: { port: { description: 'The port.' }, resources: { $ref: '#/definitions/resources' } },
    },
    workers: {
      description: 'By name.',
      patternProperties: { '^[a-z]+$': { properties: { resources: { $ref: '#/definitions/resources' } } } },
    },
    podTemplate: { description: 'More.', properties: { spec: { description: 'Where.' } } },
    platform: { properties: { health: { properties: { live: { description: 'A path.' } } } } },
  },
  definitions: { resources },
});
const values = 'platform: { health: { live: /healthz } }\n';

describe('the tables of values', () => {
  const readme = readmeWithValues({ schema, values, readme: README });

  it.each([
    ['a key with what it is', '| `web` | Serves. |'],
    ['whether it is required', '| `web.port` | **Required.** The port. |'],
    ['what has no name of its own', '| `workers.<name>.resources` | As `web.resources`, for this one. |'],
    ['a bar inside a cell', '| `web.resources.cpu` | Cores, "2" \\| 250m. |'],
    ['the default of the platform', '| `platform.health.live` | `/healthz` | A path. |'],
  ])('tell %s', (_, row) => {
    expect(readme.split('\n')).toContain(row);
  });

  it('leave out what only machines write, and keep the rest of the README', () => {
    expect(readme).not.toContain('facts');
    expect(readme).not.toContain('old');
    expect(readme).toContain('before platform\n');
  });

  it('stay the same when they are made again', () => {
    expect(readmeWithValues({ schema, values, readme })).toBe(readme);
  });

  it('ask for their place', () => {
    expect(() => readmeWithValues({ schema, values, readme: '# The chart\n' })).toThrow(
      'charts/app/README.md has no place for the table of values',
    );
  });
});
