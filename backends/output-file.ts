import { closeSync, constants, fstatSync, openSync, readSync, statfsSync } from 'node:fs';

/* Where a command writes its output so that it need not wait for this process to read. */

/** Every Linux machine and container has it, in memory, also where all other folders are read-only. */
const folder = '/dev/shm';
/** A file without a name: no other process can open it, and it is gone with its last descriptor. Node has no constant for it. */
const nameless = 0o20000000 | constants.O_DIRECTORY;
/** Less free space than this, before or after: what was written may be cut short. */
const leastFree = { before: 32 * 2 ** 20, after: 2 ** 20 };

/** A nameless file in memory. */
export interface OutputFile {
  /** For the command. */
  readonly descriptor: number;
  /** Bytes written up to now. */
  size(): number;
  /** At most this many bytes from the beginning. */
  text(most: number): string;
  /** Whether the folder has become so full that the command could perhaps not write everything. A command that wrote nothing lost nothing. */
  isCut(): boolean;
  close(): void;
}

/** undefined: this machine has no place for one. */
export function openOutputFile(): OutputFile | undefined {
  let descriptor: number;
  try {
    if (freeBytes() < leastFree.before) return undefined;
    descriptor = openSync(folder, constants.O_RDWR | nameless, 0o600);
  } catch {
    return undefined;
  }
  const size = () => fstatSync(descriptor).size;
  return {
    descriptor,
    size,
    text(most) {
      const bytes = Buffer.allocUnsafe(Math.min(size(), most));
      let filled = 0;
      while (filled < bytes.length) {
        const read = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
        if (read === 0) break;
        filled += read;
      }
      return bytes.toString('utf8', 0, filled);
    },
    isCut: () => size() > 0 && freeBytes() < leastFree.after,
    close: () => closeSync(descriptor),
  };
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
