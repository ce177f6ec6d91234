import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { Run } from '../../command.ts';
import { failure, type Tools } from './kernel.ts';

/**
 * Whether the program that writes is there: that the tables could be read shows only that the one that reads is.
 *
 * returns   undefined: it is; else what is missing, before anything was changed
 */
export async function missingTool(run: Run, { restore }: Tools): Promise<Diagnostic | undefined> {
  const args = ['--version'];
  const result = await run(restore, args);
  if (result.failure === undefined) return undefined;
  const problem = failure(restore, args, result).diagnostic();
  return { ...problem, message: `${problem.message}\nNothing was changed.` };
}
