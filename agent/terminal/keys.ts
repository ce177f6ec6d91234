import type { ReadStream } from 'node:tty';

/** Keys pressed at a terminal, one after another. */
export interface Keys {
  /** undefined: Ctrl-C, Ctrl-D, or a terminal that went away. */
  next(): Promise<string | undefined>;
  /** Restores the terminal. */
  close(): void;
}

/** Keys of a terminal, without waiting for Enter. Typed characters are not shown. */
export function keysOf(input: ReadStream): Keys {
  const typed: string[] = [];
  let isOver = false;
  let wake = (): void => {};
  const hear = (text: string): void => {
    typed.push(...text.split(''));
    wake();
  };
  const end = (): void => {
    isOver = true;
    wake();
  };
  input.setRawMode(true).setEncoding('utf8').on('data', hear).once('end', end).once('close', end).resume();
  return {
    async next() {
      if (typed.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve));
      const key = typed.shift();
      return key === '\u0003' || key === '\u0004' ? undefined : key;
    },
    close() {
      input.setRawMode(false).off('data', hear).off('end', end).off('close', end).pause();
    },
  };
}
