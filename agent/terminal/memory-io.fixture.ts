import type { Io } from './io.ts';

/** An Io that keeps what a command writes, for tests. */
export interface MemoryIo extends Io {
  readonly written: { out: string; err: string };
}

export function memoryIo(stdin = '', colour = false): MemoryIo {
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
  };
}
