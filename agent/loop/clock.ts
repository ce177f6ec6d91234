/**
 * Time, as everything below the command line is handed it: what waits can be tested without waiting. Timers go by the
 * clock that only goes forward, so a time of day that jumps delays nothing.
 */
export interface Clock {
  /** Milliseconds since some moment; only goes forward. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970: the time of day, to which stamps of other machines are compared. It may jump. */
  readonly wallMs: () => number;
  /** Calls `ring` once, so many milliseconds from now; infinity is as long as Node can wait. Returns what calls it off. */
  readonly timer: (ms: number, ring: () => void) => () => void;
}

/** A timer of Node takes at most so much, and treats more as none. */
const longestMs = 2 ** 31 - 1;

/** The time of this machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  timer(ms, ring) {
    const timer = setTimeout(ring, Math.min(Math.max(ms, 0), longestMs));
    return () => clearTimeout(timer);
  },
};

/** Waits so long, or until the signal is aborted, which is no error. */
export function sleep(clock: Pick<Clock, 'timer'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.timer(ms, done);
    signal.addEventListener('abort', done);
  });
}
