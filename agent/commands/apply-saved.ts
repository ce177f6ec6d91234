import type { Run } from '../../backends/command.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { readObjects } from '../input/files.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { loadSavedPlan, type SavedPlan } from '../planning/saved-plan.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';
import { type ConsentOptions, refusedByOptions } from './consent.ts';
import { beforeChanges } from './failures.ts';
import { asOneWriter, type WriterOptions } from './one-writer.ts';
import type { Outcome } from './outcome.ts';
import { performAll } from './perform.ts';

export interface SavedOptions extends WriterOptions, ConsentOptions {
  readonly takeOver?: boolean;
  /** The digest that the plan must have: that of the reviewed plan. */
  readonly planDigest?: string;
}

/** `slicewright apply --plan`: asks no question, because the plan was reviewed before. */
export async function applySaved(
  path: string,
  options: SavedOptions,
  io: Io,
  run: Run,
  outcome: Outcome,
): Promise<number> {
  const [document] = await readObjects([path], io.readStdin);
  const saved = await loadSavedPlan(document, path, options.planDigest);
  outcome.digest = saved.digest;
  await io.out(`${path}: a plan with digest ${saved.digest}\n`);
  const status = await refusedByOptions(saved.risks, options, io);
  if (status !== undefined) return status;
  return asOneWriter('apply', saved.prefix, options, io, () => writeSaved(saved, options, io, run, outcome));
}

/** Checks all families before it changes the first: a plan that does not fit is rejected as a whole. */
async function writeSaved(
  saved: SavedPlan,
  options: SavedOptions,
  io: Io,
  run: Run,
  outcome: Outcome,
): Promise<number> {
  const { mode, prefix, plans } = saved;
  const settings = { ...defaultSettings, chainPrefix: prefix };
  const starts = await beforeChanges(async () => {
    const all = [];
    const scopeIn = (family: Family) => scopeOf(family, settings, options.takeOver === true);
    for (const { family, start } of plans) all.push({ family, ...(await start(run, scopeIn(family))) });
    // What other backends left is removed later; whether it can be read has to show now.
    for (const family of families) await mode.remains(run, scopeIn(family));
    return all;
  });
  const refusals = starts.flatMap(({ refusal }) => refusal ?? []);
  if (refusals.length > 0) {
    await io.err(diagnosticsText(refusals, options.diagnostics));
    return 1;
  }
  return performAll(starts, mode, settings, options, io, run, outcome);
}
