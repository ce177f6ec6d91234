import type { Clock } from './clock.ts';

/** How often the clock moves, in milliseconds of this machine. */
const everyMs = 2;
/** How far it moves at most, each time. */
const mostMs = 10;

/**
 * A clock for tests whose servers are real: it goes as this machine's does while the process gets its turns, and stands
 * still while it gets none. Between two moves the process has handled what had arrived. So a time limit means a number
 * of turns, and a busy machine lets no lease run out, and no answer come too late.
 */
export function createPacedClock(): Clock {
  let ms = 0;
  let lastMs = performance.now();
  const timers = new Set<{ readonly atMs: number; readonly ring: () => void }>();
  let moving: NodeJS.Timeout | undefined;

  function move(): void {
    const nowMs = performance.now();
    ms += Math.min(nowMs - lastMs, mostMs);
    lastMs = nowMs;
    const due = [...timers].filter(({ atMs }) => atMs <= ms).sort((a, b) => a.atMs - b.atMs);
    for (const timer of due) {
      // One that rang before may have called it off.
      if (timers.delete(timer)) timer.ring();
    }
    if (timers.size === 0) {
      clearInterval(moving);
      moving = undefined;
    }
  }

  return {
    nowMs: () => ms,
    wallMs: () => Date.now(),
    timer(delayMs, ring) {
      const timer = { atMs: ms + Math.max(0, delayMs), ring };
      timers.add(timer);
      if (moving === undefined) {
        lastMs = performance.now();
        moving = setInterval(move, everyMs);
      }
      return () => void timers.delete(timer);
    },
  };
}
