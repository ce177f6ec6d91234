import type { ApplyReport } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Mode } from '../../backends/index.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';
import type { Outcome } from './outcome.ts';

/** A family to change, after everything that can be checked before was checked. */
export interface FamilyChange {
  readonly family: Family;
  perform(): Promise<ApplyReport>;
}

interface PerformOptions {
  readonly takeOver?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * Changes one family after the other, and prints the result of each. A failure in one does not stop the other, because they
 * share nothing. Then it removes what other backends left.
 *
 * returns  the exit status: 0 all is in force, 1 not all
 */
export async function performAll(
  changes: readonly FamilyChange[],
  mode: Mode,
  settings: Settings,
  options: PerformOptions,
  io: Io,
  run: Run,
  outcome: Outcome,
): Promise<number> {
  const failed = new Set<Family>();
  for (const { family, perform } of changes) {
    const warnings = await mode.makeWay(run, scopeOf(family, settings, options.takeOver === true));
    await io.err(diagnosticsText(warnings, options.diagnostics));
    if (!(await tell(family, await perform(), options, io, outcome))) failed.add(family);
  }
  const isDone = await leaveOthers(mode, settings, failed, options, io, run, outcome);
  return isDone && failed.size === 0 ? 0 : 1;
}

async function tell(
  family: Family,
  { isDone, done, problems }: ApplyReport,
  options: PerformOptions,
  io: Io,
  outcome: Outcome,
): Promise<boolean> {
  outcome.families.push({ family, isDone, done: done === undefined ? [] : [done], problems });
  await io.err(diagnosticsText(problems, options.diagnostics));
  if (done !== undefined) await io.out(`${family}: ${done}\n`);
  return isDone;
}

/**
 * Removes what other backends left from every family whose rules are in force. In a family where they are not, the other
 * backend's rules may be the only ones that serve a Service.
 */
async function leaveOthers(
  mode: Mode,
  settings: Settings,
  failed: ReadonlySet<Family>,
  options: PerformOptions,
  io: Io,
  run: Run,
  outcome: Outcome,
): Promise<boolean> {
  let isDone = true;
  for (const family of families.filter((one) => !failed.has(one))) {
    for (const remains of await mode.remains(run, scopeOf(family, settings, options.takeOver === true))) {
      isDone = (await tell(family, await remains.leave(), options, io, outcome)) && isDone;
    }
  }
  return isDone;
}
