import type { Clock } from '../loop/clock.ts';
import { sleep } from '../loop/clock.ts';
import type { Io } from './io.ts';
import { type Line, painted } from './screen.ts';

/** The content of a watch. */
export interface Watched {
  /** Reads again. An exception ends the watch. */
  look(): Promise<void>;
  /** The lines to show, as of the last look. */
  lines(): readonly Line[];
  /** A key other than q was pressed: returns whether the lines have changed. */
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
 * Looks every interval and shows the lines: on a terminal in place of the previous ones, elsewhere after
 * them. Ends with q, when `told` is aborted, and when the reader of the lines has gone.
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
