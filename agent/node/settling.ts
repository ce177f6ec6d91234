import type { Clock } from '../loop/clock.ts';
import type { Report } from '../telling/agent-event.ts';
import type { Memory } from './memory.ts';

/** A full sync of the other family, or of changes that came meanwhile, comes first. */
const quietMs = 500;

/** Below this it is not worth the pause, which is as long for what stays as for what goes. */
const worthwhile = { share: 0.25, bytes: 8 * 2 ** 20 };

/**
 * Gives back what full syncs leave behind. The first one holds every object and the kernel's rules as texts, and V8 keeps the room of
 * that for good: it looks through what is old only after it has grown, and leaves gaps where something was.
 *
 * Deltas leave little, and V8 itself collects that.
 */
export function settlingListener(memory: Pick<Memory, 'held' | 'settle'>, clock: Clock, signal: AbortSignal): Report {
  let settled = 0;
  let cancel = (): void => {};
  signal.addEventListener('abort', () => cancel());

  function settle(): void {
    const held = memory.held();
    if (held < settled * (1 + worthwhile.share) || held < settled + worthwhile.bytes) return;
    memory.settle();
    settled = memory.held();
  }

  return (event) => {
    if (event.kind !== 'synced' || event.sync.depth !== 'full' || signal.aborted) return;
    cancel();
    cancel = clock.timer(quietMs, settle);
  };
}
