import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { compareText } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { unreadable } from '../input/files.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { maxInputBytes } from '../input/limits.ts';

/**
 * One folder of a suite. Suites come with anybody's pull requests, so a file is no more trusted than an object: nothing
 * outside of the suite is read, no pipe or device blocks the run, and nothing larger than `maxInputBytes` is taken.
 */
export interface SuiteFolder {
  readonly path: string;
  /** Its files and other entries that are not folders, by name. */
  readonly files: readonly string[];
  /** throws   InputError for a file that may not or cannot be read */
  read(file: string): Uint8Array;
}

/**
 * root   the suite's folder: links may lead to files below it, and nowhere else
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

/** Opens without blocking, as a pipe may never have a writer; and without following links, as one may appear in between. */
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
