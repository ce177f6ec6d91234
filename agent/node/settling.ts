import type { Depth } from '../../backends/plane/plane.ts';
import type { Clock } from '../loop/clock.ts';
import type { Report } from '../telling/agent-event.ts';
import type { Memory } from './memory.ts';

/** Delay, so that a full sync of the other family, or further changes, come first. */
const quietMs = 500;

/** Below this it is not worth the pause, which is as long for objects that stay as for objects that are freed. */
const worthwhile = { share: 0.15, bytes: 4 * 2 ** 20 };

/** The rest after settling, as a multiple of its duration, and at least this long: it takes at most a two-hundredth of a core. */
const rest = { factor: 200, leastMs: 10_000 };

/**
 * Gives back the memory that syncs leave behind. The first sync holds every object and the kernel's rules as texts, and V8
 * keeps that memory: it collects the old generation only after it has grown, and leaves gaps. Deltas leave
 * little each, and V8 lets the heap grow by a third before it collects that.
 *
 * After a full sync it does not wait for changes to end, because they may go on for hours; after a delta it does.
 */
export function settlingListener(memory: Pick<Memory, 'held' | 'settle'>, clock: Clock, signal: AbortSignal): Report {
  let settled = 0;
  let restedMs = 0;
  let waiting: { readonly depth: Depth; readonly cancel: () => void } | undefined;
  signal.addEventListener('abort', () => waiting?.cancel());

  function settle(): void {
    waiting = undefined;
    const held = memory.held();
    if (held < settled * (1 + worthwhile.share) || held < settled + worthwhile.bytes) return;
    const startMs = clock.nowMs();
    memory.settle();
    settled = memory.held();
    const endMs = clock.nowMs();
    restedMs = endMs + Math.max(rest.leastMs, rest.factor * (endMs - startMs));
  }

  return (event) => {
    if (event.kind !== 'synced' || signal.aborted) return;
    const { depth } = event.sync;
    if (waiting?.depth === 'full' && depth === 'delta') return;
    waiting?.cancel();
    waiting = { depth, cancel: clock.timer(Math.max(quietMs, restedMs - clock.nowMs()), settle) };
  };
}
