/** Time, as the controller is handed it. Timers go by the clock that only goes forward. */
export interface Clock {
  /** Milliseconds since some moment; only goes forward. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970; it may jump. */
  readonly wallMs: () => number;
  /** Calls `ring` once, so many milliseconds from now. Returns what calls it off. */
  readonly timer: (ms: number, ring: () => void) => () => void;
}

/** A timer of Node takes at most so much, and treats more as none. */
const longestMs = 2 ** 31 - 1;

export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  timer(ms, ring) {
    const timer = setTimeout(ring, Math.min(Math.max(ms, 0), longestMs));
    return () => clearTimeout(timer);
  },
};

/** Waits so long, or until the signal is aborted, which is no error. */
export function sleep({ timer }: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timer(ms, done);
    signal.addEventListener('abort', done);
  });
}

/** `2026-01-01T00:00:00Z`, as the API writes times. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
