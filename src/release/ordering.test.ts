import { describe, expect, test } from 'vitest';
import { type Build, orderOf } from './ordering.ts';
import type { Ancestry } from './source-history.ts';

const build = (options: Partial<Build> & { repository?: string } = {}): Build => ({
  source: { repository: options.repository ?? 'acme/web', commit: 'a'.repeat(40) },
  build: options.build,
  workflow: options.workflow,
});

describe('the commits decide', () => {
  test.each<[Ancestry, ReturnType<typeof orderOf>]>([
    ['newer', 'newer'],
    ['older', 'older'],
    ['diverged', 'diverged'],
    ['unknown', 'unknown'],
  ])('%s, whatever the numbers of the runs say', (ancestry, expected) => {
    const high = build({ build: 900, workflow: 'deploy.yml' });
    const low = build({ build: 1, workflow: 'deploy.yml' });
    expect(orderOf(high, low, ancestry)).toBe(expected);
    expect(orderOf(low, high, ancestry)).toBe(expected);
  });

  test('a build of another repository is not comparable', () => {
    expect(orderOf(build(), build({ repository: 'acme/api' }), 'newer')).toBe('diverged');
  });

  test("GitHub's names do not distinguish case", () => {
    expect(orderOf(build(), build({ repository: 'Acme/Web' }), 'newer')).toBe('newer');
  });
});

describe('the number breaks ties of one commit', () => {
  test.each([
    ['later run', build({ build: 7, workflow: 'a.yml' }), build({ build: 8, workflow: 'a.yml' }), 'newer'],
    [
      'same run again',
      build({ build: 7, workflow: 'a.yml' }),
      build({ build: 7, workflow: 'a.yml' }),
      'newer',
    ],
    ['earlier run', build({ build: 7, workflow: 'a.yml' }), build({ build: 6, workflow: 'a.yml' }), 'older'],
    [
      'earlier run of another workflow',
      build({ build: 7, workflow: 'a.yml' }),
      build({ build: 6, workflow: 'b.yml' }),
      'newer',
    ],
    ['nothing recorded', build(), build({ build: 6 }), 'newer'],
  ])('%s', (_name, recorded, incoming, expected) => {
    expect(orderOf(recorded, incoming, 'same')).toBe(expected);
  });
});
