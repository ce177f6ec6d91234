import type { Run } from '../../backends/command.ts';
import { problemsOf } from '../../backends/host/preparation.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import type { Host } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { makeReport, reportText } from '../planning/report.ts';
import { hasChanges, type KernelPlan, planFamilies } from '../planning/plan-kernel.ts';
import { plansText, risksOf } from '../planning/plans.ts';
import { summaryOf } from '../planning/summary.ts';
import { defaultThreshold, removalDangers } from '../planning/removal.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { applySaved } from './apply-saved.ts';
import { changedSince, type ConsentOptions, refusedByAnswer, refusedByOptions } from './consent.ts';
import { beforeChanges, reportingFailures } from './failures.ts';
import { asOneWriter, type WriterOptions } from './one-writer.ts';
import { type Outcome, type OutcomeOptions, withOutcome } from './outcome.ts';
import { performAll } from './perform.ts';

export interface ApplyOptions extends WantedOptions, WriterOptions, ConsentOptions, OutcomeOptions {
  /** A saved plan, instead of manifests. */
  readonly plan?: string;
  /** The digest that the saved plan must have: that of the reviewed plan. */
  readonly planDigest?: string;
  readonly takeOver?: boolean;
  /** Apply although no object was read: that removes every Service. */
  readonly allowEmpty?: boolean;
}

/**
 * `slicewright apply`: makes the kernel hold what the objects want, or performs a saved plan.
 *
 * returns  the exit status: 0 it does, as read back; 1 it does not, or not for every Service; 3 the plan has a danger that it
 *          shall fail for
 */
export function applyCommand(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  const { plan } = options;
  return reportingFailures(options.diagnostics, io, () =>
    plan === undefined
      ? withOutcome('ApplyResult', options, io, (its, outcome) => applyObjects(options, its, run, host, outcome))
      : withOutcome('ApplyResult', { ...options, yes: true }, io, (its, outcome) =>
          applySaved(plan, options, its, run, outcome),
        ),
  );
}

async function applyObjects(options: ApplyOptions, io: Io, run: Run, host: Host, outcome: Outcome): Promise<number> {
  const wanted = await compileWanted(options, io, { host, run });
  await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
  if (wanted.isEmpty && options.allowEmpty !== true) {
    await io.err(diagnosticsText([nothingGiven(options.filename)], options.diagnostics));
    return 1;
  }
  const isMeant = options.allowMassRemoval === true || wanted.isEmpty;
  return applyPlans({ wanted, options: { ...options, allowMassRemoval: isMeant }, io, run, outcome });
}

interface Applying {
  readonly wanted: Wanted;
  readonly options: ApplyOptions;
  readonly io: Io;
  readonly run: Run;
  readonly outcome: Outcome;
}

/**
 * Plans, shows, and writes. While a person decides, other writers are not kept waiting. So the kernels are read again after
 * the answer, and either exactly the plan that was shown is applied, or nothing.
 */
async function applyPlans(applying: Applying): Promise<number> {
  const { wanted, options, io } = applying;
  const ask = options.yes === true ? undefined : io.ask;
  const alone = <T>(what: () => Promise<T | number>) =>
    asOneWriter('apply', wanted.settings.chainPrefix, options, io, what);
  const shown = await alone(async () => {
    const planned = await plansOrRefusals(applying);
    if (typeof planned === 'number') return planned;
    const status = await show(planned, ask !== undefined, applying);
    if (status !== undefined) return status;
    return ask === undefined || !planned.some(hasChanges) ? write(planned, applying) : planned;
  });
  if (typeof shown === 'number' || ask === undefined) return Number(shown);
  const refusal = await refusedByAnswer(ask);
  if (refusal !== undefined) return say(refusal, applying);
  return alone(async () => {
    const planned = await plansOrRefusals(applying);
    if (typeof planned === 'number') return planned;
    return stateOf(planned) === stateOf(shown) ? write(planned, applying) : say(changedSince, applying);
  });
}

/** Finds what the kernel would reject in any family before the first one is changed. */
async function plansOrRefusals({ wanted, options, io, run }: Applying): Promise<readonly KernelPlan[] | number> {
  const { mode, settings, targets } = wanted;
  const planned = await beforeChanges(async () => {
    await mode.live.check(run, settings);
    return planFamilies(run, wanted, options.takeOver === true);
  });
  const refusals: Diagnostic[] = [];
  for (const { kernel } of planned) {
    const refusal = await kernel.refusal(targets[kernel.family]);
    if (refusal !== undefined) refusals.push(refusal);
  }
  if (refusals.length === 0) return planned;
  await io.err(diagnosticsText(refusals, options.diagnostics));
  return 1;
}

/**
 * isWhole   shown as `plan` shows it, for a person who decides on it
 * returns   the exit status if the plan may not go on
 */
async function show(
  planned: readonly KernelPlan[],
  isWhole: boolean,
  { wanted, options, io, outcome }: Applying,
): Promise<number | undefined> {
  const { clusterOf } = wanted;
  const reports = planned.map((one) => makeReport(one, clusterOf));
  const risks = risksOf(planned, reports);
  const dangers = removalDangers(risks.removal, options.massRemovalThreshold ?? defaultThreshold);
  const summary = summaryOf(
    planned.map(({ plan }) => plan.served()),
    reports,
  );
  outcome.summary = summary;
  const paint = paintOf(io);
  const text = isWhole
    ? plansText({ planned, reports, dangers, summary, hasChanges: planned.some(hasChanges), clusterOf }, paint)
    : reports.map((report) => reportText(report, paint, { withRules: false })).join('');
  await io.out(text);
  return refusedByOptions(risks, options, io);
}

async function write(planned: readonly KernelPlan[], { wanted, options, io, run, outcome }: Applying): Promise<number> {
  const { mode, settings, targets } = wanted;
  const prepared = await mode.live.prepare(run, settings);
  await io.err(diagnosticsText(problemsOf(prepared), options.diagnostics));
  const changes = planned.map(({ kernel }) => {
    const { family } = kernel;
    return { family, perform: () => kernel.apply(targets[family]) };
  });
  return performAll(changes, mode, settings, options, io, run, outcome);
}

/** The same text for equal plans from equal kernels. */
function stateOf(planned: readonly KernelPlan[]): string {
  return JSON.stringify(planned.map(({ plan, remains }) => [plan.saved(), remains]));
}

async function say(problem: Diagnostic, { options, io }: Applying): Promise<number> {
  await io.err(diagnosticsText([problem], options.diagnostics));
  return 1;
}

/** One failing command before a pipe must not remove every Service. */
function nothingGiven(paths: readonly string[]): Diagnostic {
  const message =
    'no object was read, and applying an empty set of objects removes every Service; nothing was changed. To do that: --allow-empty';
  return { severity: 'error', code: 'nothing-given', object: { kind: 'file', name: paths.join(', ') }, message };
}
