import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../../test/helpers/eventually.ts';
import { createTestClock } from '../loop/clock.fixture.ts';
import { createFolderWatcher } from './folder-watcher.ts';

/** A watcher of a folder, as it is from its first wait on. */
async function watch() {
  const root = mkdtempSync(join(tmpdir(), 'slicewright-watcher-'));
  const clock = createTestClock();
  const watcher = createFolderWatcher(root, clock);
  onTestFinished(() => {
    watcher.close();
    rmSync(root, { recursive: true, force: true });
  });
  const wait = (ms: number, signal = new AbortController().signal) => {
    const state = { isOver: false };
    void watcher.wait(ms, signal).then(() => (state.isOver = true));
    return state;
  };
  const first = wait(1);
  await clock.advance(1);
  expect(first.isOver).toBe(true);
  return { watcher, clock, wait, change: () => writeFileSync(join(root, 'a.yaml'), 'x') };
}

it('a wait ends with a change, long before its time', async () => {
  const { clock, wait, change } = await watch();
  const waited = wait(60_000);
  await clock.advance(59_999);
  expect(waited.isOver).toBe(false);
  change();
  await eventually(() => expect(waited.isOver).toBe(true));
  expect([clock.nowMs(), clock.timers()]).toEqual([60_000, []]);
});

it('what changed while nobody waited is not slept through, until it is forgotten', async () => {
  const { watcher, clock, wait, change } = await watch();
  change();
  await eventually(() => expect(watcher.heard()).toBe(true));
  const waited = wait(60_000);
  await clock.settle();
  expect(waited.isOver).toBe(true);
  // The system may report the same change more than once.
  watcher.close();
  watcher.forget();
  const next = wait(60_000);
  await clock.advance(59_999);
  expect(next.isOver).toBe(false);
  await clock.advance(1);
  expect(next.isOver).toBe(true);
});

it('a wait ends when told to stop', async () => {
  const { clock, wait } = await watch();
  const stop = new AbortController();
  const waited = wait(60_000, stop.signal);
  stop.abort();
  await clock.settle();
  expect([waited.isOver, clock.timers()]).toEqual([true, []]);
});
