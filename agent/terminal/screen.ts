import type { ReadStream, WriteStream } from 'node:tty';

/** paint   colours the text; a line that is too long is cut first */
export interface Line {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

export function painted({ text, paint }: Line): string {
  return paint === undefined ? text : paint(text);
}

/** The whole terminal, redrawn again and again, with keys. */
export interface Screen {
  /** Shows as many lines as fit, each cut to the width. */
  draw(lines: readonly Line[]): void;
  /** Restores the terminal. */
  close(): void;
}

const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

/**
 * Takes the terminal: its alternate screen, without a cursor, and keys as they are pressed. `close` restores it, and so does
 * anything else that ends the process.
 *
 * input     undefined: there are no keys
 * onKey     also for Ctrl-C, which gives no signal here
 * onResize  the terminal's size has changed
 */
export function openScreen(
  output: WriteStream,
  input: ReadStream | undefined,
  onKey: (key: string) => void,
  onResize: () => void,
): Screen {
  const pressed = (text: Buffer): void => {
    for (const key of text.toString('utf8')) onKey(key);
  };
  const restore = (): void => {
    input?.setRawMode(false);
    output.write(leave);
  };
  process.once('exit', restore);
  output.write(enter);
  output.on('resize', onResize);
  input?.setRawMode(true);
  input?.on('data', pressed);
  return {
    draw(lines) {
      const shown = lines.slice(0, output.rows).map((line) => {
        return `${painted({ ...line, text: line.text.slice(0, output.columns) })}\u001b[K`;
      });
      output.write(`\u001b[H${shown.join('\r\n')}\u001b[J`);
    },
    close() {
      process.off('exit', restore);
      output.off('resize', onResize);
      input?.off('data', pressed);
      // A stream that is being read keeps the process alive.
      input?.pause();
      restore();
    },
  };
}
