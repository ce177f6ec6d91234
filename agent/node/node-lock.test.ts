import { expect, it } from 'vitest';
import { createTestClock } from '../loop/clock.fixture.ts';
import { type AgentLock, lockNode } from './node-lock.ts';

const never = new AbortController().signal;

it('one agent at a time works on a node, and the next takes over when it ends', async () => {
  const name = `\0slicewright-test-${process.pid}`;
  const clock = createTestClock();
  const first = await lockNode(() => {}, never, clock, { name });
  let told = 0;
  let second: AgentLock | undefined;
  const onWait = (): void => void told++;
  const waiting = lockNode(onWait, never, clock, { name, retryMs: 500 }).then((lock) => (second = lock));
  await clock.advance(60_000);
  expect([told, second, clock.timers()]).toEqual([1, undefined, [500]]);
  await first?.release();
  await clock.advance(499);
  expect(second).toBeUndefined();
  await clock.advance(1);
  await waiting;
  expect([told, second]).toEqual([1, { release: expect.any(Function) }]);
  await second?.release();
});

it('one that waits can be told to stop', async () => {
  const name = `\0slicewright-test-stop-${process.pid}`;
  const clock = createTestClock();
  const first = await lockNode(() => {}, never, clock, { name });
  const stop = new AbortController();
  const waiting = lockNode(() => {}, stop.signal, clock, { name });
  await clock.settle();
  stop.abort();
  expect([await waiting, clock.timers()]).toEqual([undefined, []]);
  await first?.release();
});
