import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readCase } from './case.ts';
import { findCases } from './find.ts';
import { openFolder } from './folder.ts';
import type { CaseResult } from './result.ts';
import { acceptAll, runCase } from './run-suite.ts';
import { type CompiledState, compiledStates } from './states.ts';

/**
 * Makes a case: its inputs, a flow table, and the expectations that slicewright writes.
 *
 * folder    must be missing, or empty
 * files     name → contents of the inputs, and of files in subfolders
 * flowsOf   makes the flow table of the case, after it was read again; backends: those that it has to hold for
 * returns   the results of the case's checks
 */
export async function makeCase(
  folder: string,
  files: ReadonlyMap<string, string>,
  flowsOf: (state: CompiledState, backends: readonly string[]) => Promise<string>,
): Promise<CaseResult> {
  const [parent, name] = [dirname(resolve(folder)), basename(resolve(folder))];
  mkdirSync(parent, { recursive: true });
  // Made beside the folder and moved as a whole: otherwise the next run could find a case without its objects.
  const early = join(parent, `.${name}.${process.pid}`);
  mkdirSync(early);
  try {
    for (const [file, text] of files) {
      mkdirSync(dirname(join(early, file)), { recursive: true });
      writeFileSync(join(early, file), text, { flag: 'wx' });
    }
    const [found] = findCases([early]);
    const [state] = compiledStates(readCase(openFolder(early, early)));
    if (found === undefined || state === undefined) throw new Error('a case that was just written is none');
    writeFileSync(join(early, 'flows.txt'), await flowsOf(state, found.rules.backends));
    const result = acceptAll(await runCase({ ...found, name }, {}, () => 0));
    renameSync(early, folder);
    return result;
  } finally {
    rmSync(early, { recursive: true, force: true });
  }
}
