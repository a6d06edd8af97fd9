import { expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { storyClock } from './story-clock.ts';

test('it goes as the real clock, but for what is hurried through', async () => {
  const real = virtualTiming(1_000);
  const clock = storyClock(real);
  await clock.sleep(10);
  expect(clock.now()).toBe(1_010);
  const result = await clock.hurry(5, async () => {
    await clock.sleep(100);
    return clock.now();
  });
  expect(result).toBe(1_110);
  expect(real.slept).toEqual([10, 20]);
  await clock.sleep(10);
  expect(clock.now()).toBe(1_120);
});

test('a stretch within a stretch leaves the outer one as fast as it was', async () => {
  const real = virtualTiming(1_000);
  const clock = storyClock(real);
  await clock.hurry(5, async () => {
    await clock.hurry(10, () => clock.sleep(100));
    await clock.sleep(100);
  });
  expect(real.slept).toEqual([10, 20]);
  expect(clock.now()).toBe(1_200);
});

test('it can stand still', async () => {
  const real = virtualTiming(1_000);
  const clock = storyClock(real);
  await clock.hurry(0, () => real.sleep(500));
  expect(clock.now()).toBe(1_000);
  await real.sleep(5);
  expect(clock.now()).toBe(1_005);
});

test('it goes as before also after what was hurried through has failed', async () => {
  const real = virtualTiming(1_000);
  const clock = storyClock(real);
  const failing = clock.hurry(10, async () => {
    await clock.sleep(100);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await clock.sleep(7);
  expect(clock.now()).toBe(1_107);
});
