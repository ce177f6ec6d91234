import { expect, it } from 'vitest';
import { createTestClock } from './clock.fixture.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { createPacedClock } from './paced-clock.fixture.ts';

const never = new AbortController().signal;

/** Kinds of clocks, each with a function that lets a little time pass. */
const clocks: readonly (readonly [string, () => { readonly clock: Clock; readonly pass: () => Promise<void> }])[] = [
  ['the time of this machine', () => ({ clock: systemClock, pass: () => new Promise((end) => setTimeout(end, 5)) })],
  [
    'the time of a process',
    () => ({ clock: createPacedClock(), pass: () => new Promise((end) => setTimeout(end, 5)) }),
  ],
  [
    'the time of a test',
    () => {
      const clock = createTestClock();
      return { clock, pass: () => clock.advance(5) };
    },
  ],
];

it.each(clocks)('%s rings timers in their order, and none that was called off', async (_, make) => {
  const { clock, pass } = make();
  const rung: string[] = [];
  clock.timer(1, () => rung.push('early'));
  const last = new Promise<void>((resolve) => {
    clock.timer(4, () => {
      rung.push('late');
      resolve();
    });
  });
  clock.timer(2, () => rung.push('called off'))();
  clock.timer(Number.POSITIVE_INFINITY, () => rung.push('never'))();
  const before = clock.nowMs();
  await Promise.all([last, pass()]);
  expect(rung).toEqual(['early', 'late']);
  expect(clock.nowMs()).toBeGreaterThan(before);
});

it('sleeping ends when its time is over or it is told to stop, and leaves no timer', async () => {
  const clock = createTestClock();
  const stop = new AbortController();
  const ended: string[] = [];
  const all = Promise.all([
    sleep(clock, 1_000, never).then(() => ended.push('time')),
    sleep(clock, 5_000, stop.signal).then(() => ended.push('stop')),
  ]);
  await clock.advance(999);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual(['time']);
  stop.abort();
  await all;
  expect([ended, clock.timers()]).toEqual([['time', 'stop'], []]);
  await sleep(clock, 1_000, stop.signal);
});

it('the time of a test: what one timer causes ends before the next rings, though it takes turns', async () => {
  const clock = createTestClock();
  const said: string[] = [];
  for (const ms of [10, 20]) {
    clock.timer(ms, () => {
      void (async () => {
        for (let i = 0; i < 3; i++) await new Promise(setImmediate);
        said.push(`${ms} ended at ${clock.nowMs()}`);
      })();
    });
  }
  await clock.advance(20);
  expect(said).toEqual(['10 ended at 10', '20 ended at 20']);
});

it('the time of a test: it passes no further than a check needs, and the check fails when nothing is left', async () => {
  const clock = createTestClock();
  const rung: number[] = [];
  for (const ms of [10, 20, 30]) clock.timer(ms, () => rung.push(ms));
  await clock.until(() => expect(rung).toContain(20));
  expect([clock.nowMs(), rung]).toEqual([20, [10, 20]]);
  await expect(clock.until(() => expect(rung).toContain(40))).rejects.toThrow('40');
});

it('the time of a test: what spins is an error, not a test that never ends', async () => {
  const clock = createTestClock();
  const again = (): void => void clock.timer(0, again);
  again();
  await expect(clock.advance(1)).rejects.toThrow('timers rang within 1 ms');
});

it('the time of a process: it stands still while the process has no turn', async () => {
  const clock = createPacedClock();
  const rung: string[] = [];
  const sooner = new Promise<void>((resolve) => clock.timer(20, resolve));
  clock.timer(1_000, () => rung.push('later'))();
  clock.timer(1_000, () => rung.push('late'));
  // For longer than either timer.
  for (const startMs = performance.now(); performance.now() - startMs < 1_100; );
  await sooner;
  expect([rung, clock.nowMs() < 1_000]).toEqual([[], true]);
});
