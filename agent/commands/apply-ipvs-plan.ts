import type { Run } from '../../backends/command.ts';
import { IpvsError } from '../../backends/ipvs/errors.ts';
import { fingerprintOf } from '../../backends/ipvs/fingerprint.ts';
import { observeProgram } from '../../backends/ipvs/observe.ts';
import { performStep } from '../../backends/ipvs/perform.ts';
import type { IpvsProgram } from '../../backends/ipvs/program.ts';
import { diagnosticsText } from '../diagnostics.ts';
import type { Io } from '../io.ts';
import { counted } from '../plan-report/report.ts';
import { parseSavedIpvsPlan, type SavedIpvsPlan } from '../saved-ipvs-plan.ts';
import type { ApplyOptions } from './apply.ts';
import { describeFailure } from './ipvs-texts.ts';

interface Start {
  readonly plan: SavedIpvsPlan;
  readonly observed: IpvsProgram;
}

/**
 * Performs a saved plan for IPVS. All families are looked at before the first is changed: a plan for
 * a state that is gone is refused whole.
 *
 * returns  whether every step is in force, as read back
 */
export async function applyIpvsPlan(
  document: unknown,
  path: string,
  options: ApplyOptions,
  io: Io,
  run: Run,
): Promise<boolean> {
  const starts: Start[] = [];
  const { plans, prefix } = parseSavedIpvsPlan(document, path);
  for (const plan of plans) {
    starts.push({ plan, observed: await observeProgram(run, plan.family, prefix) });
  }
  const refusals = starts.flatMap((start) => refusalOf(start, options) ?? []);
  if (refusals.length > 0) {
    await io.err(diagnosticsText(refusals, options.diagnostics));
    return false;
  }
  let isDone = true;
  for (const start of starts) isDone = (await performAll(start, options, io, run)) && isDone;
  return isDone;
}

function refusalOf({ plan: { family, fingerprint }, observed }: Start, { takeOver }: ApplyOptions) {
  const found = fingerprintOf(observed);
  if (found !== fingerprint) {
    const what = `the plan starts from another state (${fingerprint.slice(0, 12)}) than is there now (${found.slice(0, 12)})`;
    const error = new IpvsError(`${what}; plan again. Nothing was changed.`, { reason: 'conflict' });
    return describeFailure(family, error, 'apply');
  }
  if (observed.found?.tables?.owner !== 'another writer' || takeOver === true) return undefined;
  const what = `the ${observed.prefix}-* chains are not ours: a kube-proxy seems to own them; once it is stopped, use --take-over`;
  return describeFailure(family, new IpvsError(`${what}. Nothing was changed.`, { reason: 'conflict' }), 'apply');
}

async function performAll(
  { plan: { family, steps }, observed }: Start,
  options: ApplyOptions,
  io: Io,
  run: Run,
): Promise<boolean> {
  const tools = observed.found?.tables?.tools;
  try {
    for (const step of steps) await performStep(step.kind === 'chains' ? { ...step, tools } : step, run);
  } catch (error) {
    const problem = describeFailure(family, error, 'apply');
    if (problem === undefined) throw error;
    await io.err(diagnosticsText([problem], options.diagnostics));
    return false;
  }
  await io.out(`${family}: the plan's ${counted(steps.length, 'script')} performed, each read back\n`);
  return true;
}
