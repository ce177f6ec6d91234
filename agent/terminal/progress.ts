import type { Io } from './io.ts';

/** Shows on a terminal how far a long piece of work is. */
export interface Progress {
  /** line   made only when it is shown: the work reports much more often */
  readonly tell: (line: () => string) => void;
  /** Removes the line from the screen. */
  readonly end: () => void;
}

/** Work that ends earlier shows no line. */
const quietMs = 1500;
const intervalMs = 200;

/** nowMs   the monotonic clock */
export function createProgress({ progress }: Pick<Io, 'progress'>, nowMs: () => number): Progress {
  if (progress === undefined) return { tell: () => {}, end: () => {} };
  let nextMs = nowMs() + quietMs;
  let isShown = false;
  return {
    tell(line) {
      if (nowMs() < nextMs) return;
      nextMs = nowMs() + intervalMs;
      isShown = true;
      progress(line());
    },
    end() {
      if (isShown) progress('');
      isShown = false;
    },
  };
}
