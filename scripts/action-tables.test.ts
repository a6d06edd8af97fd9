import { describe, expect, test } from 'vitest';
import { readmeWithTables } from './action-tables.ts';

const action = {
  path: 'actions/bump-values/action.yml',
  text: `
name: Bump
inputs:
  app:
    description: |
      Which app,
      by its folder.
    required: true
  mode:
    description: "direct | pull-request"
    default: direct
  dry-run: { description: Only show it., default: false }
outputs:
  commit: { description: The commit. }
runs: { using: node24, main: x.js }
`,
};
const readme = `# Bump
before
<!-- inputs:start -->
old
<!-- inputs:end -->
between
<!-- outputs:start --><!-- outputs:end -->
after
`;

describe('tables of an action', () => {
  test('come from action.yml, and the rest of the README stays', () => {
    expect(readmeWithTables({ name: 'bump-values', action, readme })).toBe(`# Bump
before
<!-- inputs:start -->

| input | required | default | what it is |
| --- | --- | --- | --- |
| \`app\` | yes |  | Which app, by its folder. |
| \`mode\` |  | \`direct\` | direct \\| pull-request |
| \`dry-run\` |  | \`false\` | Only show it. |

<!-- inputs:end -->
between
<!-- outputs:start -->

| output | what it is |
| --- | --- |
| \`commit\` | The commit. |

<!-- outputs:end -->
after
`);
  });

  test('do not change when they are generated again', () => {
    const once = readmeWithTables({ name: 'bump-values', action, readme });
    expect(readmeWithTables({ name: 'bump-values', action, readme: once })).toBe(once);
  });

  test('an action without inputs says so', () => {
    const none = { path: 'action.yml', text: 'runs: { using: composite }' };
    expect(readmeWithTables({ name: 'x', action: none, readme })).toContain(
      '<!-- inputs:start -->\n\nNone.\n\n<!--',
    );
  });

  test('a README without a place for them is refused, and the error says what to write', () => {
    expect(() => readmeWithTables({ name: 'bump-values', action, readme: '# Bump' })).toThrow(
      'actions/bump-values/README.md has no place for the table of inputs',
    );
  });

  test('an input without a description is refused', () => {
    const bare = { path: 'action.yml', text: 'inputs: { app: { required: true } }' };
    expect(() => readmeWithTables({ name: 'x', action: bare, readme })).toThrow('inputs.app.description');
  });
});
