import { describe, expect, it } from 'vitest';
import { Failure } from '../report/failure.ts';
import { CHART_CASES, chartRelease } from './standard-chart-cases.ts';
import { helmTemplate } from './template.ts';

const outcome = (release: Parameters<typeof helmTemplate>[0], helm: string): Promise<unknown> =>
  helmTemplate(release, { helm }).catch((error: unknown) => {
    if (error instanceof Failure) return { reason: error.reason, message: error.message, at: error.at };
    throw error;
  });

describe('helm 4', () => {
  it.each(CHART_CASES)('renders tests/$name as helm 3 does', async ({ name }) => {
    const release = chartRelease(name);
    expect(await helmTemplate(release, { helm: 'helm4' })).toEqual(await helmTemplate(release));
  });

  it.each([
    ['a misspelt key', { wbe: {} }],
    ['a value of the wrong type', { web: { port: 'eighty' } }],
  ])('refuses %s in the same words, at the same place', async (_, values) => {
    const release = chartRelease('typical', values);
    const refusal = await outcome(release, 'helm');
    expect(refusal).toMatchObject({ reason: 'values-refused' });
    expect(await outcome(release, 'helm4')).toEqual(refusal);
  });
});
