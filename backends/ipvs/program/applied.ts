import { compareText } from '../../../compiler/values/names.ts';
import { wantedRules } from '../plan/chain-plan.ts';
import { withoutForeign } from '../plan/conflicts.ts';
import { drainingSet, frontendsSet, ledgerEntry } from './ledger.ts';
import { type Found, type IpvsProgram, nothingFound } from './program.ts';

/*
 * What a kernel holds without reading it: a program that slicewright applied, as it leaves it.
 */

/** What goes with a program that is in force: the link and the ledger. */
export function foundAfter({ family, prefix, servers, sets }: IpvsProgram): Found {
  if (sets.size === 0) return nothingFound;
  const entries = [...servers.values()].map(ledgerEntry).sort(compareText);
  const ledger = [frontendsSet(family, entries, prefix), drainingSet(family, prefix)];
  return { ...nothingFound, link: 'ours', ledger: new Map(ledger.map((set) => [set.name, set])) };
}

/** A program as if it had been read from a kernel that no other program writes to. */
export function asApplied(program: IpvsProgram): IpvsProgram {
  return { ...program, owners: new Map(), shares: new Map(), found: foundAfter(program) };
}

/**
 * What is there once the plan from one program to another went through and all connections have ended: what
 * other programs have is unchanged.
 */
export function afterPlan(observed: IpvsProgram, desired: IpvsProgram): IpvsProgram {
  const before = observed.found ?? foundAfter(observed);
  const wanted = withoutForeign(desired, before);
  const rules = wantedRules(observed, wanted.sets.size === 0 ? undefined : wanted.rules, before);
  const { foreign, tables } = before;
  return { ...asApplied({ ...wanted, rules }), found: { ...foundAfter(wanted), foreign, tables } };
}
