import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { compareText } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { unreadable } from '../input/files.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { maxInputBytes } from '../input/limits.ts';

/**
 * One folder of a suite. Suites come with pull requests of anybody, so a file is no more trusted than an object: nothing is
 * read from outside the suite, no pipe or device is waited for, and nothing larger than `maxInputBytes` is taken.
 */
export interface SuiteFolder {
  readonly path: string;
  /** What lies in it and is no folder, by name. */
  readonly files: readonly string[];
  /** throws   InputError for what may not or cannot be read */
  read(file: string): Uint8Array;
}

/**
 * root   the suite's folder: links may lead to what is below it, and nowhere else
 * path   the folder, at or below the root
 */
export function openFolder(root: string, path: string): SuiteFolder {
  const inside = realpathSync(root);
  return {
    path,
    files: readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort(compareText),
    read: (file) => readWithin(inside, join(path, file), file),
  };
}

function readWithin(inside: string, path: string, name: string): Uint8Array {
  try {
    const real = lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
    if (real !== path && !real.startsWith(`${inside}${sep}`)) {
      throw refused(name, 'case-link', 'is a link to a place outside the suite, which is not read');
    }
    return readRegular(real, name);
  } catch (error) {
    throw error instanceof InputError ? error : new InputError([unreadable(name, error)]);
  }
}

/** Opened without waiting, for a pipe has a writer perhaps never; and without following, for a link may come in between. */
function readRegular(path: string, name: string): Uint8Array {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size, ...stat } = fstatSync(file);
    if ((stat.mode & constants.S_IFMT) !== constants.S_IFREG) throw refused(name, 'case-file', 'is not a regular file');
    if (size > maxInputBytes) throw refused(name, 'file-too-large', `has more than ${maxInputBytes} bytes`);
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let more = 1; more > 0 && length < size; length += more)
      more = readSync(file, bytes, length, size - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function refused(name: string, code: string, message: string): InputError {
  return new InputError([fileProblem(printable(name), code, message)]);
}
