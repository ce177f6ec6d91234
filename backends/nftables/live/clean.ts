import { counted } from '../../../compiler/values/counted.ts';
import type { CleanReport, LeaveReport, Remains } from '../../backend.ts';
import type { Run } from '../../command.ts';
import type { Scope } from '../../target.ts';
import { planDeparture } from '../plan/plan.ts';
import { familyWord } from '../program/print-rule.ts';
import type { NftProgram } from '../program/program.ts';
import { NftError } from './errors.ts';
import { type Observation, observePossible } from './observe.ts';
import { perform } from './perform.ts';
import { programSide } from './side.ts';

/** The table, and with a take-over a kube-proxy's. */
export async function cleanTables(run: Run, scope: Scope): Promise<CleanReport> {
  const observed = await observePossible(run, scope);
  const going = observed === undefined ? [] : tablesOf(observed, scope);
  const isLeft = observed?.kubeProxy !== undefined && !scope.takeOver;
  const others = isLeft ? `table kube-proxy is another program's; --take-over removes it too` : undefined;
  if (going.length === 0) return { state: 'nothing', done: [], others, kept: [], problems: [] };
  try {
    await perform(run, scope.family, going.map(planDeparture));
    return { state: 'removed', done: going.map((table) => `${sizeOf(table)} removed`), others, kept: [], problems: [] };
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    return { state: 'failed', done: [], others, kept: [], problems: [error.diagnostic()] };
  }
}

/** The table on a node where another backend is to be in force. */
export async function leaveTables(run: Run, scope: Scope): Promise<Remains | undefined> {
  const observed = await observePossible(run, scope);
  const going = observed === undefined ? [] : tablesOf(observed, scope);
  const [first] = going;
  if (first === undefined) return undefined;
  return {
    text: `nftables mode goes: ${going.map(sizeOf).join(', ')}`,
    side: ({ services, node }) => programSide(first, services, node),
    async leave(): Promise<LeaveReport> {
      try {
        await perform(run, scope.family, going.map(planDeparture));
        const done = going.map((table) => `${sizeOf(table)} removed`).join(', ');
        return { isDone: true, done, waits: undefined, problems: [] };
      } catch (error) {
        if (!(error instanceof NftError)) throw error;
        return { isDone: false, done: undefined, waits: undefined, problems: [error.diagnostic()] };
      }
    },
  };
}

function tablesOf({ program, kubeProxy }: Observation, { takeOver }: Scope): NftProgram[] {
  return [program, takeOver ? kubeProxy : undefined].filter((table) => table !== undefined);
}

/** `table ip kube-proxy with 11 chains and 9 elements`. */
export function sizeOf({ family, table, sets, chains }: NftProgram): string {
  const elements = [...sets.values()].reduce((sum, set) => sum + set.elements.size, 0);
  return `table ${familyWord(family)} ${table} with ${counted(chains.size, 'chain')} and ${counted(elements, 'element')}`;
}
