import type { Readable } from 'node:stream';

/**
 * Asks a question, and waits for one line of an answer at a terminal.
 *
 * ask       prints the question; its reader may press Ctrl-C at once
 * input     in cooked mode, as terminals are: it gives whole lines, and Ctrl-C is a signal
 * returns   the line; undefined if there is none: Ctrl-C, Ctrl-D, a terminal that went away
 */
export async function answerFrom(input: Readable, ask: () => Promise<void>): Promise<string | undefined> {
  // Loaded here because few commands ask.
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input, terminal: false });
  return new Promise((resolve, reject) => {
    const end = (answer: string | undefined): void => {
      process.off('SIGINT', interrupted);
      resolve(answer);
      lines.close();
    };
    // Without a listener the signal would end the process with a less useful status.
    const interrupted = (): void => end(undefined);
    process.on('SIGINT', interrupted);
    lines.once('line', end);
    lines.once('close', () => end(undefined));
    ask().catch((error: unknown) => {
      reject(error);
      end(undefined);
    });
  });
}
