import type { Clock } from './clock.ts';

/** A clock that only moves when a test moves it, so a busy machine changes neither a test's length nor its result. */
export interface TestClock extends Clock {
  /** Lets this much time pass. Timers fire in order of their time, then of their creation; the effects of each end first. */
  advance(ms: number): Promise<void>;
  /** Lets everything finish that takes no time. */
  settle(): Promise<void>;
  /**
   * Lets time pass from timer to timer, and no longer than needed, until `check` stops throwing.
   *
   * throws   what `check` throws, when nothing is left that could change it, or after `limitMs`
   */
  until<T>(check: () => T, limitMs?: number): Promise<T>;
  /** The delay of each timer that is set, in order. */
  timers(): number[];
}

interface Timer {
  readonly atMs: number;
  readonly ring: () => void;
}

const hourMs = 3_600_000;
/** No test needs more wake-ups: a loop that reaches this number spins. */
const maxRings = 20_000;
/** Work of this process that no timer starts: work put off to the next turn, and files being read and closed. */
const unrest = /^(Immediate|FSReq|CloseReq)/;

/** wallMs: the time of day at the start. */
export function createTestClock(wallMs = Date.UTC(2026, 0, 1)): TestClock {
  let ms = 0;
  let timers: readonly Timer[] = [];

  function next(untilMs: number): Timer | undefined {
    const [first] = timers.toSorted((a, b) => a.atMs - b.atMs);
    return first !== undefined && first.atMs <= untilMs ? first : undefined;
  }

  async function settle(): Promise<void> {
    for (let turns = 0; turns < maxRings; turns++) {
      await new Promise(setImmediate);
      if (!process.getActiveResourcesInfo().some((resource) => unrest.test(resource))) return;
    }
    throw new Error('something goes on without end, and waits for nothing');
  }

  async function ring(timer: Timer): Promise<void> {
    ms = Math.max(ms, timer.atMs);
    timers = timers.filter((one) => one !== timer);
    timer.ring();
    await settle();
  }

  return {
    nowMs: () => ms,
    wallMs: () => wallMs + ms,
    timer(delayMs, ringIt) {
      const timer = { atMs: ms + Math.max(0, delayMs), ring: ringIt };
      timers = [...timers, timer];
      return () => void (timers = timers.filter((one) => one !== timer));
    },
    settle,
    async advance(byMs) {
      const untilMs = ms + byMs;
      await settle();
      for (let rings = 0; ; rings++) {
        const timer = next(untilMs);
        if (timer === undefined) break;
        if (rings > maxRings) throw new Error(`more than ${maxRings} timers rang within ${byMs} ms`);
        await ring(timer);
      }
      ms = untilMs;
    },
    async until(check, limitMs = hourMs) {
      const untilMs = ms + limitMs;
      for (let rings = 0; ; rings++) {
        await settle();
        try {
          return check();
        } catch (error) {
          const timer = next(untilMs);
          if (timer === undefined || rings > maxRings) throw error;
          await ring(timer);
        }
      }
    },
    timers: () => timers.map(({ atMs }) => atMs - ms).sort((a, b) => a - b),
  };
}
