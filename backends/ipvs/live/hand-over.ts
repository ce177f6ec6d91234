import { counted } from '../../../compiler/values/counted.ts';
import type { CleanReport } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { planRestores } from '../../netfilter/diff/plan.ts';
import { withMark } from '../../netfilter/ownership.ts';
import { ownSets, rulesWithoutOwnSets, tooLargeSets } from '../plan/hand-over.ts';
import type { IpvsStep } from '../plan/steps.ts';
import { frontendsName } from '../program/ledger.ts';
import type { IpvsProgram } from '../program/program.ts';
import { defaultMaxEntries, type IpSet } from '../program/sets.ts';
import { ipvsTables } from '../table-writer.ts';
import type { IpvsScope } from './apply.ts';
import { describeFailure } from './apply-report.ts';
import { IpvsError } from './errors.ts';
import { observeProgramAgain } from './observe.ts';
import { performStep } from './perform.ts';
import { cleanServers, observeRemains } from './remains.ts';

/**
 * Virtual servers, addresses, chains and kube-proxy's sets stay; the sets that only slicewright has go. If another mode is
 * in force, no client uses what IPVS mode has left, and no kube-proxy of that mode would remove it: then all of it goes.
 */
export async function handOverServers(run: Run, scope: IpvsScope): Promise<CleanReport> {
  try {
    const found = await observeRemains(run, { ...scope, takeOver: false }, { isThorough: true });
    if (found === undefined) return nothing;
    return ipvsTables.isInForce(found.rules, scope.prefix) ? await leave(run, scope, found) : cleanServers(run, scope);
  } catch (error) {
    return { ...nothing, state: 'failed', problems: [describeFailure(scope.family, error, 'cleanup')] };
  }
}

const nothing = {
  state: 'nothing',
  done: [],
  others: undefined,
  kept: [],
  problems: [],
} as const satisfies CleanReport;

async function leave(run: Run, { family, own }: IpvsScope, found: IpvsProgram): Promise<CleanReport> {
  const [large] = tooLargeSets(found);
  if (large !== undefined) {
    const what = `set ${large.name} has room for more than the ${defaultMaxEntries} entries that kube-proxy creates it with`;
    const message = `${what}, so kube-proxy's sync would fail; nothing was changed. Use cleanup without --hand-over, then start kube-proxy`;
    return { ...nothing, state: 'failed', problems: [kernelProblem(family, 'hand-over-large-set', message)] };
  }
  const going = setsToGo(found);
  for (const step of stepsFrom(found, going)) await performStep(step, run);
  const left = setsToGo(await observeProgramAgain(run, found, own));
  if (left.length > 0) {
    const names = left.map(({ name }) => name).join(', ');
    throw new IpvsError(`another program makes sets of slicewright's again: ${names}`, { reason: 'failed' });
  }
  const { servers, addresses, sets } = found;
  const stays = [
    counted(servers.size, 'virtual server'),
    counted(addresses.length, 'bound IP'),
    counted(sets.size - ownSets(found).length, 'set'),
  ];
  const done = `${counted(going.length, 'set')} of slicewright's removed; ${stays.join(', ')} stay in force for kube-proxy`;
  return { ...nothing, state: 'removed', done: [done] };
}

/** Rules first, since a set cannot go while one looks into it; last the set by which slicewright knows what is its own. */
function stepsFrom(found: IpvsProgram, going: readonly IpSet[]): readonly IpvsStep[] {
  const tables = found.found?.tables;
  const { family, rules } = found;
  const restores = tables === undefined ? [] : planRestores(rules, rulesWithoutOwnSets(found), withMark(tables.own));
  return [
    ...restores.map(
      ({ document }) => ({ phase: 'switch', family, kind: 'chains', tools: tables?.tools, document }) as const,
    ),
    { phase: 'remove', family, kind: 'destroy-sets', sets: going },
  ];
}

function setsToGo(program: IpvsProgram): readonly IpSet[] {
  const { family, prefix, found } = program;
  const ledger = frontendsName(family, prefix);
  const bookkeeping = [...(found?.ledger.values() ?? [])];
  return [
    ...ownSets(program),
    ...(found?.staged ?? []),
    ...bookkeeping.filter(({ name }) => name !== ledger),
    ...bookkeeping.filter(({ name }) => name === ledger),
  ];
}
