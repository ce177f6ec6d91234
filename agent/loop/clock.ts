/**
 * Time is passed to everything below the command line, so code that waits can be tested without waiting. Timers use the
 * monotonic clock, so a jump of the time of day delays nothing.
 */
export interface Clock {
  /** Milliseconds since some moment; only goes forward. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970: the time of day, for comparison with timestamps of other machines. It may jump. */
  readonly wallMs: () => number;
  /** Calls `ring` once after this many milliseconds; infinity means as long as Node can wait. Returns a function that cancels. */
  readonly timer: (ms: number, ring: () => void) => () => void;
}

/** The longest delay of a Node timer; Node treats a longer one as zero. */
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

/** Waits this long, or until the signal is aborted, which is not an error. */
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
