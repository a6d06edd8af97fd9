import { KAJITORI_FILE, type KajitoriConfig, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { couldNot } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';

/** @throws Failure (exit 2): `no-config` where it is missing, `invalid-file` for what is wrong in it */
export async function readConfig(tree: Tree): Promise<KajitoriConfig> {
  const source = await tree.read(KAJITORI_FILE);
  if (source === undefined) {
    throw couldNot('There is no kajitori.yaml.', {
      at: { file: KAJITORI_FILE },
      todo: 'Run it in the GitOps repository; `kajitori init` sets one up.',
      reason: 'no-config',
    });
  }
  return parseKajitoriYaml(source);
}
