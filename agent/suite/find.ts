import { readdirSync, realpathSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { compareText } from '../../compiler/values/names.ts';
import { unreadable } from '../input/files.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { isCase } from './case.ts';
import { readRules, type SuiteRules } from './rules.ts';

/** A folder that holds one case. */
export interface FoundCase {
  /** Its path from the suite's folder. */
  readonly name: string;
  /** Its path from the working directory, if it is below that; for messages and reports. */
  readonly path: string;
  /** The suite's folder; nothing outside of it is read. */
  readonly root: string;
  readonly rules: SuiteRules;
}

/**
 * The cases in folders, each folder's sorted by name. A folder with a Node or objects is a case, and its subfolders hold
 * no further cases. Links to folders are not followed.
 *
 * throws   InputError for a folder that cannot be read or has no case in it, and for wrong settings of a suite
 */
export function findCases(folders: readonly string[]): FoundCase[] {
  const found = folders.flatMap((root) => {
    const paths = casesBelow(root);
    if (paths.length === 0) {
      throw new InputError([fileProblem(root, 'no-cases', 'holds no case: a folder with node.yaml and objects.yaml')]);
    }
    const isOneCase = paths.length === 1 && paths[0] === root;
    const rules = readRules(root, isOneCase);
    return paths.map((path) => ({ name: relative(root, path) || basename(realpathSync(root)), path, root, rules }));
  });
  // A folder may be given twice, or be inside another one.
  return [...new Map(found.map((one) => [realpathSync(one.path), one])).values()];
}

function casesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    if (isCase(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name))) return [folder];
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => name)
      .sort(compareText)
      .flatMap((name) => casesBelow(join(folder, name)));
  } catch (error) {
    throw new InputError([unreadable(folder, error)]);
  }
}
