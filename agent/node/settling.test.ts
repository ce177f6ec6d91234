import { describe, expect, it } from 'vitest';
import { emptySync } from '../../backends/plane/plane.ts';
import { createTestClock } from '../loop/clock.fixture.ts';
import type { AgentEvent } from '../telling/agent-event.ts';
import { settlingListener } from './settling.ts';

function synced(depth: 'full' | 'delta'): AgentEvent {
  return {
    ...{ kind: 'synced', family: 'IPv4', sync: emptySync(depth), services: [], durationMs: 1 },
    ...{ latenciesMs: [], latenciesByCluster: new Map(), networkLatenciesMs: [] },
  };
}

/** A heap of this many MiB, of which settling leaves 80. */
function heapOf(mebibytes: number) {
  const heap = { mebibytes, settled: 0, pauseMs: 0 };
  let passedMs = 0;
  const memory = {
    held: () => heap.mebibytes * 2 ** 20,
    settle() {
      heap.settled++;
      heap.mebibytes = 80;
      passedMs += heap.pauseMs;
    },
  };
  const [clock, stop] = [createTestClock(), new AbortController()];
  // The time for settling passes while nothing else runs.
  const seen = { ...clock, nowMs: () => clock.nowMs() + passedMs };
  return { heap, clock, stop, listen: settlingListener(memory, seen, stop.signal) };
}

describe('what syncs leave behind is given back', () => {
  it('when no further one follows at once', async () => {
    const { heap, clock, listen } = heapOf(130);
    listen(synced('full'));
    await clock.advance(400);
    listen(synced('full'));
    await clock.advance(400);
    expect(heap.settled).toBe(0);
    await clock.advance(200);
    expect(heap).toMatchObject({ settled: 1, mebibytes: 80 });
  });

  it('again only when the heap has grown by a seventh', async () => {
    const { heap, clock, listen } = heapOf(130);
    for (const [grown, settled] of [
      [130, 1],
      [91, 1],
      [93, 2],
    ] as const) {
      heap.mebibytes = grown;
      listen(synced('full'));
      await clock.advance(11_000);
      expect(heap.settled).toBe(settled);
    }
  });

  it('when changes have come to an end', async () => {
    const { heap, clock, listen } = heapOf(130);
    for (let i = 0; i < 10; i++) {
      listen(synced('delta'));
      await clock.advance(400);
    }
    expect(heap.settled).toBe(0);
    await clock.advance(200);
    expect(heap.settled).toBe(1);
  });

  it('after a full sync also while changes go on', async () => {
    const { heap, clock, listen } = heapOf(130);
    listen(synced('full'));
    for (let i = 0; i < 3; i++) {
      listen(synced('delta'));
      await clock.advance(200);
    }
    expect(heap.settled).toBe(1);
  });

  it('in at most a two-hundredth of the time', async () => {
    const { heap, clock, listen } = heapOf(130);
    heap.pauseMs = 300;
    listen(synced('full'));
    await clock.advance(1_000);
    expect(heap.settled).toBe(1);
    heap.mebibytes = 130;
    listen(synced('delta'));
    await clock.advance(58_000);
    expect(heap.settled).toBe(1);
    await clock.advance(2_000);
    expect(heap.settled).toBe(2);
  });

  it('but no more when the agent stops', async () => {
    const { heap, clock, stop, listen } = heapOf(130);
    listen(synced('full'));
    stop.abort();
    listen(synced('full'));
    await clock.advance(1_000);
    expect(heap.settled).toBe(0);
    expect(clock.timers()).toEqual([]);
  });
});
