import { type Clock, sleep } from '../agent/loop/clock.ts';

/** Lets a limited number of requests through at a time, and none during a pause: what one cluster can take. */
export interface Gate {
  through<T>(act: () => Promise<T>): Promise<T>;
  /** The server asked for a pause: no request goes through for this long. */
  pause(ms: number): void;
  /** The number of requests that wait, or are on their way. */
  busy(): number;
}

export function createGate(concurrency: number, clock: Clock, signal: AbortSignal): Gate {
  let active = 0;
  let pausedUntilMs = 0;
  const waiting: (() => void)[] = [];

  async function enter(): Promise<void> {
    if (active >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    else active += 1;
    while (!signal.aborted && clock.nowMs() < pausedUntilMs) await sleep(clock, pausedUntilMs - clock.nowMs(), signal);
  }

  function leave(): void {
    const next = waiting.shift();
    // The next waiting request takes over the place.
    if (next === undefined) active -= 1;
    else next();
  }

  return {
    async through(act) {
      await enter();
      try {
        return await act();
      } finally {
        leave();
      }
    },
    pause(ms) {
      pausedUntilMs = Math.max(pausedUntilMs, clock.nowMs() + ms);
    },
    busy: () => active + waiting.length,
  };
}
