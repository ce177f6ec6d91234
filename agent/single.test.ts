import { expect, it, vi } from 'vitest';
import { lockNode } from './single.ts';
import { eventually } from '../test/helpers/eventually.ts';

const never = new AbortController().signal;

it('one agent at a time works on a node, and the next takes over when it ends', async () => {
  const name = `\0slicewright-test-${process.pid}`;
  const first = await lockNode(() => {}, never, { name });
  const onWait = vi.fn<() => void>();
  let second: Awaited<ReturnType<typeof lockNode>>;
  const waiting = lockNode(onWait, never, { name, retryMs: 5 }).then((lock) => (second = lock));
  await eventually(() => expect(onWait).toHaveBeenCalledTimes(1));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(second).toBeUndefined();
  await first?.release();
  await waiting;
  expect(second).toBeDefined();
  expect(onWait).toHaveBeenCalledTimes(1);
  await second?.release();
});

it('one that waits can be told to stop', async () => {
  const name = `\0slicewright-test-stop-${process.pid}`;
  const first = await lockNode(() => {}, never, { name });
  const stop = new AbortController();
  const waiting = lockNode(() => stop.abort(), stop.signal, { name, retryMs: 60_000 });
  expect(await waiting).toBeUndefined();
  await first?.release();
});
