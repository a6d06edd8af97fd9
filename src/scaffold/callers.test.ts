import { expect, test } from 'vitest';
import { KAJITORI_YAML } from '../../test/gitops-fixture.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { openSuite } from '../repository/suite.ts';
import { parseYaml } from '../yaml/parse.ts';
import { callers } from './callers.ts';

const promote = async (yaml: string) => {
  const files = await callers(parseKajitoriYaml(yaml), await openSuite());
  const file = files.find(({ path }) => path.endsWith('/promote.yml'));
  return file === undefined ? undefined : parseYaml(file.text, { file: file.path });
};

test('promotion: to the environments that have promoteFrom; by a schedule only where it is automatic', async () => {
  const byHand = await promote(KAJITORI_YAML);
  expect(byHand?.get(['on', 'workflow_dispatch', 'inputs', 'to', 'options'])).toEqual(['production']);
  expect(byHand?.get(['on', 'schedule'])).toBeUndefined();
  const automatic = await promote(
    KAJITORI_YAML.replace('promoteFrom: staging', 'promoteFrom: staging\n    promote: { automatic: true }'),
  );
  expect(automatic?.get(['on', 'schedule'])).toHaveLength(1);
  expect(await promote(KAJITORI_YAML.replace('    promoteFrom: staging\n', ''))).toBeUndefined();
});
