import { writeFileSync } from 'node:fs';
import { families } from '../../compiler/values/address.ts';
import type { Run } from '../../backends/command.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import { fileProblem, InputError, UsageError } from '../input/input-error.ts';
import type { Host } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { type IsNameSelected, parseNameSelection } from '../input/selection.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { defaultThreshold, removalDangers } from '../planning/removal.ts';
import { hasContent, makeReport } from '../planning/report.ts';
import { type PlanRisks, type SavedTo, type ShownPlans, plansDocument, plansText, risksOf } from '../planning/plans.ts';
import { summaryOf } from '../planning/summary.ts';
import { hasChanges, planFamilies, type PlannedFamily } from '../planning/plan-kernel.ts';
import { planDumps } from '../planning/plan-dumps.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { type DangerOptions, failForDangers } from './consent.ts';
import { reportingFailures } from './failures.ts';

export interface PlanOptions extends WantedOptions, DangerOptions, SelectionOptions {
  /** Files and folders of dumps; empty: the kernel. */
  readonly against: readonly string[];
  /** The Services to report, `NAMESPACE/NAME[:PORT]`; none: all. */
  readonly services?: readonly string[];
  /** wide: text with `verbose`. */
  readonly output: 'text' | 'wide' | 'name' | DocumentFormat;
  /** Whole sentences, and what happens to each kind of client. */
  readonly verbose?: boolean;
  /** File for `apply --plan`. */
  readonly out?: string;
}

/**
 * `slicewright plan`: what would change, from the rules in force to what the objects want.
 *
 * returns  the exit status: 0 nothing to do, 2 changes, 1 the plan could not be made, 3 it has a danger named by --fail-on-danger
 */
export function planCommand(options: PlanOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const isHere = options.against.length === 0;
    const wanted = await compileWanted(options, io, isHere ? { host, run } : undefined);
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
    const isAsked = selected(options, wanted);
    const planned = isHere
      ? await planFamilies(run, wanted, false)
      : planDumps(options.against, wanted, options.out !== undefined);
    const reports = planned.map((one) => makeReport(one, wanted.clusterOf, isAsked));
    const isChange = isAsked === undefined ? planned.some(hasChanges) : reports.some(hasContent);
    const risks = risksOf(planned, reports);
    const dangers = removalDangers(risks.removal, options.massRemovalThreshold ?? defaultThreshold);
    const status = await failForDangers(risks, options, io);
    const { out } = options;
    const saved = out === undefined || status !== undefined ? undefined : await savePlan(out, planned, risks, wanted);
    const summary = summaryOf(
      planned.map(({ plan }) => plan.served()),
      reports,
    );
    const shown = { planned, reports, dangers, summary, hasChanges: isChange, clusterOf: wanted.clusterOf, saved };
    await io.out(await shownAs(options, shown, io));
    return status ?? (isChange ? 2 : 0);
  });
}

/** The chosen Services; with --out none may be chosen, because a saved plan covers all. */
function selected(options: PlanOptions, { input, targets }: Wanted): IsNameSelected | undefined {
  const services = families.flatMap((family) => targets[family].services);
  const isAsked = parseNameSelection(options.services ?? [], options, input, services);
  if (isAsked !== undefined && options.out !== undefined) {
    throw new UsageError('--out', 'saves the plan for all Services; do not choose Services with it');
  }
  return isAsked;
}

async function shownAs({ output, verbose }: PlanOptions, shown: ShownPlans, io: Io): Promise<string> {
  switch (output) {
    case 'text':
      return plansText(shown, paintOf(io), verbose);
    case 'wide':
      return plansText(shown, paintOf(io), true);
    case 'name': {
      const names = shown.reports.flatMap(({ services }) => services.map(({ service }) => service));
      return [...new Set(names)].map((name) => `${name}\n`).join('');
    }
    case 'json':
    case 'yaml':
      return plansDocument(shown, output);
  }
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
