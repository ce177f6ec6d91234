import { writeFileSync } from 'node:fs';
import type { Run } from '../../backends/command.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { Host } from '../input/inputs.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { defaultThreshold, removalDangers } from '../planning/removal.ts';
import { makeReport } from '../planning/report.ts';
import { type PlanRisks, type SavedTo, plansDocument, plansText, risksOf } from '../planning/plans.ts';
import { hasChanges, planFamilies, type PlannedFamily } from '../planning/plan-kernel.ts';
import { readDumps } from '../input/dumps.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { type DangerOptions, failForDangers } from './consent.ts';
import { reportingFailures } from './failures.ts';

export interface PlanOptions extends WantedOptions, DangerOptions {
  /** Files and folders of dumps; empty: the kernel. */
  readonly against: readonly string[];
  readonly output: 'text' | DocumentFormat;
  /** Whole sentences, and what becomes of each kind of client. */
  readonly verbose?: boolean;
  /** File for `apply --plan`. */
  readonly out?: string;
}

/**
 * `slicewright plan`: what would change, from what is in force to what the objects want.
 *
 * returns  the exit status: 0 nothing to do, 2 changes, 1 the plan could not be made, 3 it has a danger that it shall fail for
 */
export function planCommand(options: PlanOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const isHere = options.against.length === 0;
    const wanted = await compileWanted(options, io, isHere ? host : undefined);
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
    const planned = isHere ? await planFamilies(run, wanted, false) : planDumps(options, wanted);
    const isChange = planned.some(hasChanges);
    const reports = planned.map((one) => makeReport(one, wanted.clusterOf));
    const risks = risksOf(planned, reports);
    const dangers = removalDangers(risks.removal, options.massRemovalThreshold ?? defaultThreshold);
    const status = await failForDangers(risks, options, io);
    const { out } = options;
    const saved = out === undefined || status !== undefined ? undefined : await savePlan(out, planned, risks, wanted);
    const shown = { planned, reports, dangers, clusterOf: wanted.clusterOf, saved };
    await io.out(
      options.output === 'text'
        ? plansText(shown, paintOf(io), options.verbose)
        : await plansDocument(shown, isChange, options.output),
    );
    return status ?? (isChange ? 2 : 0);
  });
}

function planDumps({ against, out }: PlanOptions, { mode, settings, targets }: Wanted): PlannedFamily[] {
  const options = { before: undefined, isToBeApplied: out !== undefined };
  return against
    .flatMap((path) => readDumps(path, mode.live, settings.chainPrefix))
    .map((observed) => ({ plan: observed.plan(targets[observed.family], options), remains: [] }));
}

async function savePlan(
  path: string,
  planned: readonly PlannedFamily[],
  risks: PlanRisks,
  { mode, settings }: Wanted,
): Promise<SavedTo> {
  const { savedPlanJson } = await import('../planning/saved-plan.ts');
  const plan = savedPlanJson(
    mode.backend.name,
    settings.chainPrefix,
    planned.map((one) => one.plan),
    risks,
  );
  try {
    writeFileSync(path, `${JSON.stringify(plan, null, 2)}\n`);
  } catch (error) {
    const message = `cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new InputError([fileProblem(path, 'output-unwritable', message)]);
  }
  return { path, digest: plan.digest.plan };
}
