import type { Io } from './io.ts';

/** An Io that keeps what a command writes, for tests. */
export interface MemoryIo extends Io {
  readonly written: { out: string; err: string };
}

/** ask   the answer of the person at the terminal; absent: there is no terminal */
export function memoryIo(stdin = '', colour = false, ask?: Io['ask']): MemoryIo {
  const written = { out: '', err: '' };
  const append = (name: 'out' | 'err') => (text: string) => {
    written[name] += text;
    return Promise.resolve();
  };
  return {
    written,
    readStdin: () => Promise.resolve(new TextEncoder().encode(stdin)),
    out: append('out'),
    err: append('err'),
    colour,
    ...(ask && {
      async ask(question: string) {
        written.out += question;
        return ask(question);
      },
    }),
  };
}
