import fc from 'fast-check';
import { expect, test } from 'vitest';
import { trailer } from './bump-world.ts';
import { checkPromises } from './deploy-model/promises.ts';
import { play, story } from './deploy-model/story.ts';

/** For longer soaks: how many stories, and which seed. */
const numRuns = Number(process.env['DEPLOY_MODEL_RUNS'] ?? '40');
const minutes = Number(process.env['DEPLOY_MODEL_MINUTES'] ?? '0.6');
const seed = process.env['DEPLOY_MODEL_SEED'];

test('whatever happens at the same time, and whatever breaks: every promise holds', {
  timeout: 3_600_000,
}, async () => {
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(story, async (each) => {
      const told = await play(each);
      await checkPromises(told);
      for (const { message } of told.branch.commits) {
        const key = trailer(message, 'Kajitori-Key')[0] ?? '';
        count(key.startsWith('undo/') ? 'undo' : (trailer(message, 'Kajitori-Action')[0] ?? 'edit'));
      }
      for (const { ended } of told.played) {
        count(ended === undefined ? 'killed' : 'failure' in ended ? (ended.failure.reason ?? '') : 'ended');
      }
      if ((told.leftOver[0] ?? 0) > 0) count('finished by the schedule');
    }),
    {
      numRuns,
      interruptAfterTimeLimit: minutes * 60_000,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
    },
  );
  console.log([...seen].map(([what, times]) => `${what}: ${times}`).join(', '));
  // A model that never does a thing promises nothing about it.
  const happens = [
    'bump',
    'promote',
    'rollback',
    'undo',
    'hold',
    'hold-end',
    'killed',
    'finished by the schedule',
  ];
  for (const what of happens) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  }
});
