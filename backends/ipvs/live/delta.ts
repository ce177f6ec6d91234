import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { Run } from '../../command.ts';
import { type ForgetReport, forgetConnections } from '../../conntrack.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { undecided } from '../plan/departure.ts';
import { staleServerFlows } from '../plan/flows.ts';
import type { Change } from '../plan/increment.ts';
import { outcomeOf } from '../plan/outcome.ts';
import { planProgram } from '../plan/plan.ts';
import { type IpvsStep, scriptOf, type ServerEdit, undoStep } from '../plan/steps.ts';
import { realKey } from '../program/ledger.ts';
import type { IpvsProgram } from '../program/program.ts';
import { serverKey } from '../program/servers.ts';
import { IpvsError } from './errors.ts';
import { readConnections } from './observe.ts';
import { performStep } from './perform.ts';

/** A change that went through without a complaint of the tools. */
export interface Performed {
  readonly scripts: number;
  readonly lines: number;
  readonly forgotten: ForgetReport;
  /** What is in force now, of all that the change touched. */
  readonly outcome: IpvsProgram;
}

/**
 * Performs a change without a reading, but for connections where they decide: one look at the virtual servers concerned.
 *
 * services   those that changed
 * returns    `uncounted`: it takes steps whose size the rest of the program decides, and nothing was done; `doubtful`: a tool
 *            failed or complained, so what is in force has to be read. Every prefix of the steps is safe.
 */
export async function performChange(
  run: Run,
  { observed, desired }: Change,
  services: readonly ServicePortIR[],
): Promise<Performed | 'uncounted' | 'doubtful'> {
  const { family } = desired;
  try {
    const asked = undecided(observed, desired, observed.found);
    const connections = asked.length === 0 ? observed.found.connections : await readConnections(run, asked);
    const start = { ...observed, found: { ...observed.found, connections } };
    const steps = joined(planProgram(start, desired), { start, desired });
    const outcome = outcomeOf(start, steps);
    if (outcome === undefined || !steps.every(({ kind }) => countedKinds.includes(kind))) return 'uncounted';
    for (const step of steps) if (!(await isAcknowledged(step, run))) return 'doubtful';
    const forgotten = await forgetConnections(run, family, staleServerFlows(start, outcome, services));
    const lines = steps.reduce((sum, step) => sum + scriptOf(step).text.split('\n').length - 1, 0);
    return { scripts: steps.length, lines, forgotten, outcome };
  } catch (error) {
    if (error instanceof IpvsError || error instanceof KernelError) return 'doubtful';
    throw error;
  }
}

/** What changes parts one by one. A set that is made, swapped or destroyed is all of it. */
const countedKinds: readonly IpvsStep['kind'][] = ['add-entries', 'delete-entries', 'servers', 'bind', 'unbind'];

/** Whether a tool took every line of a step. If it did not, and the step takes away too, that is taken back. */
async function isAcknowledged(step: IpvsStep, run: Run): Promise<boolean> {
  try {
    return (await performStep(step, run)) === 'acknowledged';
  } catch (error) {
    const back = raising(step);
    // A reading follows, and shows what this led to.
    if (back !== undefined && error instanceof IpvsError) await performStep(back, run).catch(() => {});
    throw error;
  }
}

/** Gives real servers their weights back that a step took while it added their replacements; undefined: it took none. */
function raising(step: IpvsStep): IpvsStep | undefined {
  if (step.kind !== 'servers' || takesAway(step)) return undefined;
  const edits = step.edits.filter((edit) => edit.op === 'edit-real' && edit.to.weight === 0);
  return edits.length === 0 ? undefined : undoStep({ ...step, edits });
}

/** Between which programs the steps lead. */
interface Ends {
  readonly start: IpvsProgram;
  readonly desired: IpvsProgram;
}

/** Steps in a row that one script can do: its lines are changes of their own, in the same order. */
function joined(steps: readonly IpvsStep[], ends: Ends): readonly IpvsStep[] {
  const all: IpvsStep[] = [];
  for (const step of steps) {
    const last = all.at(-1);
    const both = last && join(last, step, ends);
    if (both === undefined) all.push(step);
    else all[all.length - 1] = both;
  }
  return all;
}

/**
 * ipvsadm goes on after a line that is refused. So one script adds a replacement and takes the weight of what it replaces
 * only where other real servers stay: then each line is safe also without the lines before it.
 */
function join(a: IpvsStep, b: IpvsStep, ends: Ends): IpvsStep | undefined {
  if (a.kind === 'servers' && b.kind === 'servers') {
    const isSafe =
      takesAway(a) === takesAway(b) || (b.phase === 'drain' && b.edits.every((edit) => isShared(edit, ends)));
    return isSafe ? { ...a, edits: [...a.edits, ...b.edits] } : undefined;
  }
  if (takesAway(a) !== takesAway(b)) return undefined;
  if ((a.kind === 'add-entries' || a.kind === 'delete-entries') && a.kind === b.kind && 'entries' in b) {
    return { ...a, entries: [...a.entries, ...b.entries] };
  }
  return undefined;
}

/** Whether the virtual server has another real server that takes new connections both at the start and at the end. */
function isShared(edit: ServerEdit, { start, desired }: Ends): boolean {
  if (!('of' in edit)) return false;
  const key = serverKey(edit.of);
  const takers = (program: IpvsProgram) => program.servers.get(key)?.reals.filter(({ weight }) => weight > 0) ?? [];
  const after = new Set(takers(desired).map((real) => realKey(edit.of, real)));
  return takers(start).some((real) => after.has(realKey(edit.of, real)));
}

function takesAway({ phase }: IpvsStep): boolean {
  return phase === 'drain' || phase === 'remove';
}
