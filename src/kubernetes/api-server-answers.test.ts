import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatPath } from '../yaml/path.ts';
import { crdSchemas } from './custom-kinds.ts';
import type { KubernetesObject } from './object.ts';
import { validateObject } from './validate.ts';

const { bases, definition, answers } = parse(
  readFileSync(new URL('./api-server-answers.yaml', import.meta.url), 'utf8'),
) as {
  bases: Readonly<Record<string, KubernetesObject>>;
  definition: KubernetesObject;
  answers: readonly (readonly [base: string, path: string, value: unknown, message: string | null])[];
};

function changed(base: string, path: string, value: unknown): KubernetesObject {
  const object = structuredClone(bases[base]) as KubernetesObject;
  if (path === '.') return object;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  // biome-ignore lint/suspicious/noExplicitAny: any place of any object is changed here
  const parent = steps.reduce((at: any, step) => at[step], object);
  if (value === 'DELETE') delete parent[last];
  else parent[last] = value;
  return object;
}

describe('a real API server', () => {
  it.each(answers)('judges %s with %s = %j as we do', async (base, path, value, message) => {
    const object = changed(base, path, value);
    const problems = await validateObject(object, { kubernetes: '1.36', crds: crdSchemas([definition]) });
    const words = problems.map((problem) => problem.message);
    if (message === null) expect(words).toEqual([]);
    else expect(words, message).not.toEqual([]);
    const unknown = /unknown field "([^"]+)"/.exec(message ?? '')?.[1];
    if (unknown !== undefined) {
      expect(problems).toMatchObject([{ kind: 'unknown-field', severity: 'error' }]);
      expect(problems.map((problem) => formatPath(problem.path))).toEqual([unknown]);
    }
  });
});

const CORPUS = new URL('../../../shared/corpus/argocd/', import.meta.url);
const recorded = (file: string) => JSON.parse(readFileSync(new URL(file, CORPUS), 'utf8'));

describe('the recorded answers of the rig', () => {
  it('strict decoding names the field that we name', async (context) => {
    context.skip(!existsSync(CORPUS), 'shared/corpus/argocd is not beside the repository');
    const { message } = recorded('k8s.strict-unknown-field.json') as { message: string };
    const object = recorded('k8s.dryrun-ok.json') as KubernetesObject;
    (object.spec as Record<string, unknown>).replica = 1;
    const problems = await validateObject(object, { kubernetes: '1.36' });
    expect(problems.map(({ path }) => `unknown field "${formatPath(path)}"`)).toEqual([
      message.slice(message.indexOf('unknown field')),
    ]);
  });

  it('what the server itself wrote, defaults and managed fields included, is valid', async (context) => {
    context.skip(!existsSync(CORPUS), 'shared/corpus/argocd is not beside the repository');
    expect(await validateObject(recorded('k8s.dryrun-ok.json'), { kubernetes: '1.36' })).toEqual([]);
  });
});
