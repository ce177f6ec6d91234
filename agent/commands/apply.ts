import type { ApplyReport } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Mode } from '../../backends/index.ts';
import { type Settings, defaultSettings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { problemsOf } from '../../backends/host/preparation.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Host } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { makeReport, reportText } from '../planning/report.ts';
import { observeFamilies, planKernel, scopeOf } from '../planning/plan-kernel.ts';
import { loadSavedPlan } from '../planning/saved-plan.ts';
import { readObjects } from '../input/files.ts';
import { compileWanted, type WantedOptions } from '../planning/compile-targets.ts';
import { beforeChanges, reportingFailures } from './failures.ts';

export interface ApplyOptions extends WantedOptions {
  /** A saved plan, instead of manifests. */
  readonly plan?: string;
  readonly takeOver?: boolean;
  /** Apply what no object was read for: it removes every Service. */
  readonly allowEmpty?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright apply`: makes the kernel hold what the objects want, or performs a saved plan.
 *
 * returns  the exit status: 0 it does, as read back; 1 it does not, or not for every Service
 */
export function applyCommand(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, () =>
    options.plan === undefined ? applyObjects(options, io, run, host) : applySaved(options.plan, options, io, run),
  );
}

/** Families do not wait for each other: they share nothing. */
async function applyObjects(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  const wanted = await compileWanted(options, io, host);
  await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics));
  if (wanted.isEmpty && options.allowEmpty !== true) {
    await io.err(diagnosticsText([nothingGiven(options.filename)], options.diagnostics));
    return 1;
  }
  const { mode, settings, targets } = wanted;
  const takeOver = options.takeOver === true;
  const kernels = await beforeChanges(async () => {
    await mode.live.check(run, settings);
    return observeFamilies(run, wanted, takeOver);
  });
  const prepared = await mode.live.prepare(run, settings);
  await io.err(diagnosticsText(problemsOf(prepared), options.diagnostics));
  const failed = new Set<Family>();
  for (const kernel of kernels) {
    const planned = await planKernel(run, kernel, wanted, takeOver);
    await io.out(reportText(makeReport(planned, wanted.clusterOf), paintOf(io), false));
    await makeWay(mode, kernel.family, settings, options, io, run);
    const report = await kernel.apply(targets[kernel.family]);
    if (!(await tell(kernel.family, report, options, io))) failed.add(kernel.family);
  }
  const isDone = await leaveOthers(mode, settings, failed, options, io, run);
  return isDone && failed.size === 0 ? 0 : 1;
}

/** One failing command before a pipe must not end every Service. */
function nothingGiven(paths: readonly string[]): Diagnostic {
  const message =
    'no object was read, and applying nothing removes every Service; nothing was changed. If that is meant: --allow-empty';
  return { severity: 'error', code: 'nothing-given', object: { kind: 'file', name: paths.join(', ') }, message };
}

/** All families are looked at before the first is changed: a plan that does not fit is refused whole. */
async function applySaved(path: string, options: ApplyOptions, io: Io, run: Run): Promise<number> {
  const [document] = await readObjects([path], io.readStdin);
  const { mode, prefix, plans } = await loadSavedPlan(document, path);
  const settings = { ...defaultSettings, chainPrefix: prefix };
  const starts = await beforeChanges(async () => {
    const all = [];
    for (const { family, start } of plans) {
      all.push({ family, ...(await start(run, scopeOf(family, settings, options.takeOver === true))) });
    }
    return all;
  });
  const refusals = starts.flatMap(({ refusal }) => refusal ?? []);
  if (refusals.length > 0) {
    await io.err(diagnosticsText(refusals, options.diagnostics));
    return 1;
  }
  const failed = new Set<Family>();
  for (const { family, perform } of starts) {
    await makeWay(mode, family, settings, options, io, run);
    if (!(await tell(family, await perform(), options, io))) failed.add(family);
  }
  const isDone = await leaveOthers(mode, settings, failed, options, io, run);
  return isDone && failed.size === 0 ? 0 : 1;
}

/** Before the rules of a family come into force. */
async function makeWay(
  mode: Mode,
  family: Family,
  settings: Settings,
  options: ApplyOptions,
  io: Io,
  run: Run,
): Promise<void> {
  const warnings = await mode.makeWay(run, scopeOf(family, settings, options.takeOver === true));
  await io.err(diagnosticsText(warnings, options.diagnostics));
}

async function tell(
  family: Family,
  { isDone, done, problems }: ApplyReport,
  options: ApplyOptions,
  io: Io,
): Promise<boolean> {
  await io.err(diagnosticsText(problems, options.diagnostics));
  if (done !== undefined) await io.out(`${family}: ${done}\n`);
  return isDone;
}

/**
 * Takes what other backends left out of every family whose rules are in force. Where some are not, what another backend
 * left may be all that a Service has.
 */
async function leaveOthers(
  mode: Mode,
  settings: Settings,
  failed: ReadonlySet<Family>,
  options: ApplyOptions,
  io: Io,
  run: Run,
): Promise<boolean> {
  let isDone = true;
  for (const family of families.filter((one) => !failed.has(one))) {
    for (const remains of await mode.remains(run, scopeOf(family, settings, options.takeOver === true))) {
      isDone = (await tell(family, await remains.leave(), options, io)) && isDone;
    }
  }
  return isDone;
}
