import type { ReadStream, WriteStream } from 'node:tty';

/** paint   colours the text; a line that is cut is cut before */
export interface Line {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

export function painted({ text, paint }: Line): string {
  return paint === undefined ? text : paint(text);
}

/** The whole of a terminal, drawn anew again and again, with somebody who presses keys. */
export interface Screen {
  /** As many lines as there is room for, each as wide as there is room. */
  draw(lines: readonly Line[]): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

/**
 * Takes the terminal: another page of it, without a cursor, keys as they are pressed. It is given back with `close`, and whatever
 * else ends the process.
 *
 * input     undefined: nobody presses keys
 * onKey     Ctrl-C is one, too, since no signal comes of it here
 * onResize  the terminal has another size
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
      // A stream that is read keeps the process.
      input?.pause();
      restore();
    },
  };
}
