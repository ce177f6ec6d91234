import { writeFileSync } from 'node:fs';
import type { Run } from '../../backends/command.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { Host } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { reportJson } from '../planning/report-json.ts';
import { makeReport, type ReportPaint, reportText } from '../planning/report.ts';
import { observeFamilies, type PlannedFamily, planKernel } from '../planning/plan-kernel.ts';
import { readDumps } from '../input/dumps.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { reportingFailures } from './failures.ts';

export interface PlanOptions extends WantedOptions {
  /** Files and folders of dumps; empty: the kernel. */
  readonly against: readonly string[];
  readonly format: 'text' | 'json';
  /** File for `apply --plan`. */
  readonly out?: string;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright plan`: what would change, from what is in force to what the objects want.
 *
 * returns  the exit status: 0 nothing to do, 2 changes, 1 the plan could not be made
 */
export function planCommand(options: PlanOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const isHere = options.against.length === 0;
    const wanted = await compileWanted(options, io, isHere ? host : undefined);
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics));
    const planned = isHere ? await planHere(run, wanted) : planDumps(options, wanted);
    const hasChanges = planned.some(({ plan, remains }) => plan.hasSteps || remains.length > 0);
    const saved = options.out === undefined ? undefined : await savePlan(options.out, planned, wanted);
    await io.out(planText(planned, wanted, hasChanges, options.format, paintOf(io), saved));
    return hasChanges ? 2 : 0;
  });
}

async function planHere(run: Run, wanted: Wanted): Promise<PlannedFamily[]> {
  const planned: PlannedFamily[] = [];
  for (const kernel of await observeFamilies(run, wanted, false)) {
    planned.push(await planKernel(run, kernel, wanted, false));
  }
  return planned;
}

function planDumps({ against, out }: PlanOptions, { mode, settings, targets }: Wanted): PlannedFamily[] {
  const options = { before: undefined, isToBeApplied: out !== undefined };
  return against
    .flatMap((path) => readDumps(path, mode.live, settings.chainPrefix))
    .map((observed) => ({ plan: observed.plan(targets[observed.family], options), remains: [] }));
}

function planText(
  planned: readonly PlannedFamily[],
  { clusterOf }: Wanted,
  changes: boolean,
  format: 'text' | 'json',
  paint: ReportPaint,
  saved: Saved | undefined,
): string {
  const reports = planned.map((one) => ({ report: makeReport(one, clusterOf), steps: () => one.plan.steps() }));
  if (format === 'text') {
    const text = reports.map(({ report }) => reportText(report, paint, true)).join('\n');
    return saved === undefined ? text : `${text}\n${saved.path}: the plan, with digest ${saved.digest}\n`;
  }
  const families = reports.map(({ report, steps }) => reportJson(report, steps(), clusterOf));
  return `${JSON.stringify({ changes, ...(saved === undefined ? {} : { saved }), families }, null, 2)}\n`;
}

/** Where a plan was saved, and the digest that `apply --plan-digest` takes. */
interface Saved {
  readonly path: string;
  readonly digest: string;
}

async function savePlan(path: string, planned: readonly PlannedFamily[], { mode, settings }: Wanted): Promise<Saved> {
  const { savedPlanJson } = await import('../planning/saved-plan.ts');
  const plan = savedPlanJson(
    mode.backend.name,
    settings.chainPrefix,
    planned.map((one) => one.plan),
  );
  try {
    writeFileSync(path, `${JSON.stringify(plan, null, 2)}\n`);
  } catch (error) {
    const message = `cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new InputError([fileProblem(path, 'output-unwritable', message)]);
  }
  return { path, digest: plan.digest.plan };
}
