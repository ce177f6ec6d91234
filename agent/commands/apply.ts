import type { Run } from '../../backends/command.ts';
import { problemsOf } from '../../backends/host/preparation.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import type { Host } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { makeReport, reportText } from '../planning/report.ts';
import { planFamilies } from '../planning/plan-kernel.ts';
import { risksOf } from '../planning/plans.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { applySaved } from './apply-saved.ts';
import { type ConsentOptions, refusedByOptions } from './consent.ts';
import { beforeChanges, reportingFailures } from './failures.ts';
import { asOneWriter, type WriterOptions } from './one-writer.ts';
import { performAll } from './perform.ts';

export interface ApplyOptions extends WantedOptions, WriterOptions, ConsentOptions {
  /** A saved plan, instead of manifests. */
  readonly plan?: string;
  readonly takeOver?: boolean;
  /** Apply what no object was read for: it removes every Service. */
  readonly allowEmpty?: boolean;
}

/**
 * `slicewright apply`: makes the kernel hold what the objects want, or performs a saved plan.
 *
 * returns  the exit status: 0 it does, as read back; 1 it does not, or not for every Service; 3 the plan has a danger that it
 *          shall fail for
 */
export function applyCommand(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, () =>
    options.plan === undefined ? applyObjects(options, io, run, host) : applySaved(options.plan, options, io, run),
  );
}

async function applyObjects(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  const wanted = await compileWanted(options, io, host);
  await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics));
  if (wanted.isEmpty && options.allowEmpty !== true) {
    await io.err(diagnosticsText([nothingGiven(options.filename)], options.diagnostics));
    return 1;
  }
  return asOneWriter('apply', wanted.settings.chainPrefix, options, io, () => writeObjects(wanted, options, io, run));
}

/** What one family would be refused for is found before the first is changed; then they do not wait for each other. */
async function writeObjects(wanted: Wanted, options: ApplyOptions, io: Io, run: Run): Promise<number> {
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
  if (refusals.length > 0) {
    await io.err(diagnosticsText(refusals, options.diagnostics));
    return 1;
  }
  const reports = planned.map((one) => makeReport(one, wanted.clusterOf));
  const risks = risksOf(planned, reports);
  await io.out(reports.map((report) => reportText(report, paintOf(io), false)).join(''));
  const isMeant = options.allowMassRemoval === true || wanted.isEmpty;
  const status = await refusedByOptions(risks, { ...options, allowMassRemoval: isMeant }, io);
  if (status !== undefined) return status;
  const prepared = await mode.live.prepare(run, settings);
  await io.err(diagnosticsText(problemsOf(prepared), options.diagnostics));
  const changes = planned.map(({ kernel }) => {
    const { family } = kernel;
    return { family, perform: () => kernel.apply(targets[family]) };
  });
  return performAll(changes, mode, settings, options, io, run);
}

/** One failing command before a pipe must not end every Service. */
function nothingGiven(paths: readonly string[]): Diagnostic {
  const message =
    'no object was read, and applying nothing removes every Service; nothing was changed. If that is meant: --allow-empty';
  return { severity: 'error', code: 'nothing-given', object: { kind: 'file', name: paths.join(', ') }, message };
}
