import type { Writable } from 'node:stream';
import { answerFrom } from './ask.ts';
import { InputError, fileProblem } from '../input/input-error.ts';
import { maxInputBytes } from '../input/limits.ts';
import { openScreen, type Screen } from './screen.ts';

/** A command's streams and terminal. Commands get it as an argument, so tests need no process. */
export interface Io {
  /** All of standard input. */
  readonly readStdin: () => Promise<Uint8Array>;
  /** Settles when the text has left the process, so an exit afterwards loses nothing. */
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => Promise<void>;
  /**
   * Asks the person at the terminal, and gives the answer, undefined if there is none. Absent without a terminal. Throws
   * InputError if standard input was read already.
   */
  readonly ask?: (question: string) => Promise<string | undefined>;
  /** Replaces the line of progress on standard error; '' removes it. Absent if standard error is not a terminal. */
  readonly progress?: ((line: string) => void) | undefined;
  /** Whether text for `out` may be coloured. */
  readonly colour: boolean;
  /** Takes the terminal that `out` goes to. Absent if there is none that can be drawn on. */
  readonly screen?: (onKey: (key: string) => void, onResize: () => void) => Screen;
  /** Whether the reader of `out` has gone, so that further text would be lost. */
  readonly isGone?: () => boolean;
}

export function processIo(): Io {
  let isGone = false;
  const out = writerTo(process.stdout, '(standard output)', () => (isGone = true));
  // Made at the first write: a stream on a pipe loads the code for sockets.
  let err: ReturnType<typeof writerTo> | undefined;
  let isRead = false;
  return {
    readStdin() {
      isRead = true;
      return readStdin();
    },
    out,
    ...(process.stdout.isTTY &&
      process.stdin.isTTY && {
        async ask(question: string) {
          const used = 'supplies the objects, so apply cannot ask for confirmation; give --yes to apply without it';
          if (isRead) throw new InputError([fileProblem('(standard input)', 'stdin-twice', used)]);
          const answer = await answerFrom(process.stdin, () => out(question));
          // The question's line has not been ended yet.
          if (answer === undefined) await out('\n');
          return answer;
        },
      }),
    get progress() {
      if (!process.stderr.isTTY || process.env.TERM === 'dumb') return undefined;
      return (line: string) => void process.stderr.write(`\r\x1b[K${line}`);
    },
    err: (text) => (err ??= writerTo(process.stderr, '(standard error)'))(text),
    colour: process.stdout.isTTY && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb',
    isGone: () => isGone,
    ...(process.stdout.isTTY &&
      process.env.TERM !== 'dumb' && {
        screen: (onKey, onResize) =>
          openScreen(process.stdout, process.stdin.isTTY && !isRead ? process.stdin : undefined, onKey, onResize),
      }),
  };
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxInputBytes) {
      throw new InputError([fileProblem('(standard input)', 'file-too-large', `has more than ${maxInputBytes} bytes`)]);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Without a listener the event of a failed write would end the process. Callers learn of failures by the callback. */
function forgivingFailures(stream: Writable): Writable {
  return stream.listenerCount('error') > 0 ? stream : stream.on('error', () => {});
}

/** The command line's message about wrong usage. It may have no reader. */
export function writeUsageError(text: string): void {
  forgivingFailures(process.stderr).write(text);
}

/**
 * A reader that has seen enough (`| head`) is not an error: the rest is thrown away. Any
 * other failure, such as a full disk, is one, because the output would be cut short.
 */
function writerTo(stream: Writable, name: string, gone: () => void = () => {}): (text: string) => Promise<void> {
  forgivingFailures(stream);
  return (text) =>
    new Promise((resolve, reject) => {
      stream.write(text, (error) => {
        const isGone = (error as NodeJS.ErrnoException | null)?.code === 'EPIPE';
        if (isGone) gone();
        if (error === null || error === undefined || isGone) resolve();
        else reject(new InputError([fileProblem(name, 'output-unwritable', `cannot be written to: ${error.message}`)]));
      });
    });
}
