import { expect, it } from 'vitest';
import { createEarlyReading } from './early-reading.ts';

function readings() {
  let nowMs = 0;
  let count = 0;
  const early = createEarlyReading(
    () => Promise.resolve(++count),
    () => nowMs,
  );
  return { early, pass: (ms: number) => void (nowMs += ms), count: () => count };
}

it('a reading that began early is the first one that is taken', async () => {
  const { early, pass, count } = readings();
  early.begin();
  pass(29_000);
  expect(count()).toBe(1);
  expect(await early.take()).toBe(1);
  expect(await early.take()).toBe(2);
});

it('a reading that is too old is not used', async () => {
  const { early, pass } = readings();
  early.begin();
  pass(31_000);
  expect(await early.take()).toBe(2);
});

it('a failure is thrown where the reading is taken, and the next one is new', async () => {
  let isBroken = true;
  const early = createEarlyReading(
    () => (isBroken ? Promise.reject(new Error('no room for a process')) : Promise.resolve('read')),
    () => 0,
  );
  early.begin();
  isBroken = false;
  await expect(early.take()).rejects.toThrow('no room for a process');
  expect(await early.take()).toBe('read');
});
