import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, rmSync, renameSync } from 'node:fs';
import { fileProblem, InputError } from '../input/input-error.ts';

/** The folder where slicewright's writers of one machine announce themselves. */
export const defaultLockDir = '/run/slicewright';

/** A folder that only root, or the user of this process, can write to; kept open, so that it stays the one that was checked. */
export interface LockFolder {
  names(): readonly string[];
  /** A path to an entry, short enough for the address of a socket whatever the folder is called. */
  at(name: string): string;
  rename(from: string, to: string): void;
  /** Removing an entry that is already gone is not an error. */
  remove(name: string): void;
  close(): void;
}

/**
 * Opens the folder, and makes it where it is missing.
 *
 * Every entry is reached through the descriptor of the checked folder (`/proc/self/fd`), so a folder that is
 * exchanged or linked elsewhere afterwards has no effect.
 *
 * throws   InputError if it cannot be made, is not a folder, is a link, or other users could write to it
 */
export function openLockFolder(path: string): LockFolder {
  const folder = openFolder(path);
  try {
    checkOwner(path, folder);
  } catch (error) {
    closeSync(folder);
    throw error;
  }
  const at = (name: string) => `/proc/self/fd/${folder}/${name}`;
  return {
    names: () => readdirSync(`/proc/self/fd/${folder}`),
    at,
    rename: (from, to) => renameSync(at(from), at(to)),
    remove: (name) => rmSync(at(name), { force: true }),
    close: () => closeSync(folder),
  };
}

function openFolder(path: string): number {
  try {
    // Makes nothing if anything exists there, a link included.
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw lockDirProblem(path, `cannot be made: ${textOf(error)}`);
  }
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    // Linux reports ENOTDIR for a link, too.
    const isOther = ['ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '');
    throw lockDirProblem(path, isOther ? 'is not a folder, or is a link' : `cannot be opened: ${textOf(error)}`);
  }
}

function checkOwner(path: string, folder: number): void {
  const { uid, mode } = fstatSync(folder);
  if (uid !== 0 && uid !== process.geteuid?.()) {
    throw lockDirProblem(path, `belongs to user ${uid}, who could block slicewright`);
  }
  if ((mode & 0o022) !== 0) {
    throw lockDirProblem(path, `can be written to by others (mode ${(mode & 0o777).toString(8)})`);
  }
}

export function lockDirProblem(path: string, message: string): InputError {
  const what =
    'it must be one folder for the whole machine that only root can write to; choose another with --lock-dir';
  return new InputError([fileProblem(path, 'bad-lock-dir', `${message}; ${what}`)]);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
