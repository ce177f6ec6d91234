import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { Run } from '../../command.ts';
import { type ForgetReport, forgetConnections } from '../../conntrack.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { undecided } from '../plan/departure.ts';
import { staleServerFlows } from '../plan/flows.ts';
import type { Change } from '../plan/increment.ts';
import { outcomeOf } from '../plan/outcome.ts';
import { planProgram } from '../plan/plan.ts';
import { type IpvsStep, scriptOf } from '../plan/steps.ts';
import type { IpvsProgram } from '../program/program.ts';
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
    const steps = joined(planProgram(start, desired));
    const outcome = outcomeOf(start, steps);
    if (outcome === undefined || !steps.every(({ kind }) => countedKinds.includes(kind))) return 'uncounted';
    for (const step of steps) if ((await performStep(step, run)) === 'checked') return 'doubtful';
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

/**
 * Steps in a row that one script can do: its lines are changes of their own, in the same order. ipvsadm goes on after a line
 * that is refused, so a replacement is never in one script with the removal of what it replaces.
 */
function joined(steps: readonly IpvsStep[]): readonly IpvsStep[] {
  const all: IpvsStep[] = [];
  for (const step of steps) {
    const last = all.at(-1);
    const both = last && join(last, step);
    if (both === undefined) all.push(step);
    else all[all.length - 1] = both;
  }
  return all;
}

function join(a: IpvsStep, b: IpvsStep): IpvsStep | undefined {
  if (takesAway(a) !== takesAway(b)) return undefined;
  if (a.kind === 'servers' && b.kind === 'servers') return { ...a, edits: [...a.edits, ...b.edits] };
  if ((a.kind === 'add-entries' || a.kind === 'delete-entries') && a.kind === b.kind && 'entries' in b) {
    return { ...a, entries: [...a.entries, ...b.entries] };
  }
  return undefined;
}

function takesAway({ phase }: IpvsStep): boolean {
  return phase === 'drain' || phase === 'remove';
}
