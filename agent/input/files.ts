import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { compareText } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { fileProblem, InputError } from './input-error.ts';
import { parseDocuments } from './documents.ts';
import { maxInputBytes } from './limits.ts';

/** Reads all of standard input; called at most once. */
export type ReadStdin = () => Promise<Uint8Array>;

/**
 * The Kubernetes objects of files, directories and standard input, lists not yet expanded.
 *
 * paths    files of any name; directories, of which every *.yaml, *.yml and *.json below is read in
 *          order of name; `-` for standard input
 * throws   InputError naming every file that cannot be read or parsed
 */
export async function readObjects(paths: readonly string[], readStdin: ReadStdin): Promise<unknown[]> {
  const problems: Diagnostic[] = [];
  const objects: unknown[] = [];
  for (const path of paths) {
    if (path === '-') {
      for (const object of parseDocuments(await readStdin(), '(standard input)', problems)) objects.push(object);
      continue;
    }
    for (const file of expandPath(path, problems)) {
      const bytes = readBytes(file, problems);
      // One by one: spreading a hundred thousand arguments overflows the stack.
      if (bytes !== undefined) for (const object of parseDocuments(bytes, file, problems)) objects.push(object);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return objects;
}

function readBytes(path: string, problems: Diagnostic[]): Uint8Array | undefined {
  try {
    const bytes = readAtMost(path, maxInputBytes);
    if (bytes === undefined) {
      problems.push(fileProblem(path, 'file-too-large', `has more than ${maxInputBytes} bytes`));
    }
    return bytes;
  } catch (error) {
    problems.push(unreadable(path, error));
  }
  return undefined;
}

/** The bytes of a file, undefined if it is too large. Counted while reading: a device or a pipe has no known size. */
function readAtMost(path: string, limit: number): Uint8Array | undefined {
  const file = openSync(path, 'r');
  try {
    const pieces: Uint8Array[] = [];
    for (let size = 0; size <= limit; ) {
      const piece = Buffer.allocUnsafe(1024 * 1024);
      const length = readSync(file, piece);
      if (length === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, length));
      size += length;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** A file by itself; a directory as the manifests below it. */
function expandPath(path: string, problems: Diagnostic[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const found = manifestsBelow(path, new Set());
    if (found.length === 0) {
      problems.push(fileProblem(path, 'no-manifests', 'is a directory without any *.yaml, *.yml or *.json file'));
    }
    return found;
  } catch (error) {
    problems.push(unreadable(path, error));
    return [];
  }
}

/**
 * Skips names that begin with a dot: in a mounted ConfigMap `..data` holds every file a
 * second time. `entered` holds the real paths of directories, so a link to a parent does not loop.
 */
function manifestsBelow(directory: string, entered: Set<string>): string[] {
  const real = realpathSync(directory);
  if (entered.has(real)) return [];
  entered.add(real);
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort(compareText)
    .flatMap((name) => {
      const path = join(directory, name);
      const isDirectory = statSync(path).isDirectory();
      if (isDirectory) return manifestsBelow(path, entered);
      return isManifest(name) ? [path] : [];
    });
}

/** Judged by its name alone. */
export function isManifest(path: string): boolean {
  return /\.(yaml|yml|json)$/.test(path);
}

/** Node's own texts name the call and repeat the path; people need the reason. */
export function unreadable(path: string, error: unknown): Diagnostic {
  const { code, message, path: culprit } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'may not be read by this user',
    EISDIR: 'is a directory',
    ELOOP: 'is a link that leads back to itself',
  };
  const reason = reasons[code ?? ''] ?? `cannot be read: ${printable(message, 300)}`;
  return fileProblem(culprit ?? path, 'file-unreadable', reason);
}
