import { processIo } from '../terminal/io.ts';

/** What every command reads and writes: this process' streams. */
export const io = processIo();
