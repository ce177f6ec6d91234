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

/** A heap of so many MiB, of which settling leaves 80. */
function heapOf(mebibytes: number) {
  const heap = { mebibytes, settled: 0 };
  const memory = {
    held: () => heap.mebibytes * 2 ** 20,
    settle() {
      heap.settled++;
      heap.mebibytes = 80;
    },
  };
  const [clock, stop] = [createTestClock(), new AbortController()];
  return { heap, clock, stop, listen: settlingListener(memory, clock, stop.signal) };
}

describe('what full syncs leave behind is given back', () => {
  it('when no further one follows at once', async () => {
    const { heap, clock, listen } = heapOf(130);
    listen(synced('full'));
    await clock.advance(400);
    listen(synced('full'));
    await clock.advance(400);
    expect(heap.settled).toBe(0);
    await clock.advance(200);
    expect(heap).toEqual({ settled: 1, mebibytes: 80 });
  });

  it('again only when the heap has grown by a quarter', async () => {
    const { heap, clock, listen } = heapOf(130);
    for (const [grown, settled] of [
      [130, 1],
      [99, 1],
      [101, 2],
    ] as const) {
      heap.mebibytes = grown;
      listen(synced('full'));
      await clock.advance(1_000);
      expect(heap.settled).toBe(settled);
    }
  });

  it('and not after changes, nor when the agent stops', async () => {
    const { heap, clock, stop, listen } = heapOf(130);
    listen(synced('delta'));
    await clock.advance(1_000);
    listen(synced('full'));
    stop.abort();
    listen(synced('full'));
    await clock.advance(1_000);
    expect(heap.settled).toBe(0);
    expect(clock.timers()).toEqual([]);
  });
});
