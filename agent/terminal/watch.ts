import type { Clock } from '../loop/clock.ts';
import { sleep } from '../loop/clock.ts';
import type { Io } from './io.ts';
import { type Line, painted } from './screen.ts';

/** What is looked at again and again. */
export interface Watched {
  /** Looks anew. What it throws ends the watch. */
  look(): Promise<void>;
  /** What there is to see, as of the last look. */
  lines(): readonly Line[];
  /** A key other than q: whether there is something else to see now. */
  press?(key: string): boolean;
}

export interface WatchOptions {
  readonly io: Io;
  readonly clock: Pick<Clock, 'timer'>;
  /** Aborted: stop. */
  readonly told: AbortSignal;
  readonly intervalMs: number;
}

/**
 * Looks every interval and shows what there is: on a terminal in place of what was there, elsewhere as lines after those of
 * the look before. Ends with q, when it is told to, and when whoever reads the lines has gone.
 */
export async function watch({ io, clock, told, intervalMs }: WatchOptions, watched: Watched): Promise<void> {
  await watched.look();
  const quit = new AbortController();
  const signal = AbortSignal.any([told, quit.signal]);
  const screen = io.screen?.(
    (key) => {
      if (key === 'q' || key === '\u0003') quit.abort();
      else if (watched.press?.(key) === true) draw();
    },
    () => draw(),
  );
  function draw(): void {
    screen?.draw(watched.lines());
  }
  try {
    for (let isFirst = true; ; isFirst = false) {
      if (screen === undefined) await io.out(`${isFirst ? '' : '\n'}${watched.lines().map(painted).join('\n')}\n`);
      else draw();
      if (io.isGone?.() === true) return;
      await sleep(clock, intervalMs, signal);
      if (signal.aborted) return;
      await watched.look();
    }
  } finally {
    screen?.close();
  }
}
