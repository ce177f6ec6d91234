import type { Io } from './io.ts';

/** How far a long piece of work is, on a terminal. */
export interface Progress {
  /** line   made when it is shown: the work tells much more often */
  readonly tell: (line: () => string) => void;
  /** Leaves nothing of it on the screen. */
  readonly end: () => void;
}

/** Work that ends before is not worth a line. */
const quietMs = 1500;
const intervalMs = 200;

/** nowMs   a clock that never goes back */
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
