import type { IpAddress } from '../../../compiler/values/address.ts';
import { foundAfter } from '../program/applied.ts';
import { type Departures, departures } from './departure.ts';
import { planChains } from './chain-plan.ts';
import { withoutForeign } from './conflicts.ts';
import { linkName } from '../program/link-name.ts';
import type { Found, IpvsProgram } from '../program/program.ts';
import { planServers } from './server-plan.ts';
import { planSets } from './set-plan.ts';
import type { IpvsStep } from './steps.ts';

/**
 * The ordered steps from one program to another.
 *
 * Promise
 *   - Empty when there is nothing to do now. Real servers that wait for their last connections need
 *     no step, so plan(x, x) is empty. The plan after a performed plan is empty too, except for those.
 *   - Every prefix is safe: a client gets the old verdict or the new one. Where a Service changes in
 *     several respects at once (endpoints, masquerading, filter), that holds for each of them.
 *   - No step touches what is not slicewright's: virtual servers that are not in the ledger, sets and chains of
 *     other names, addresses of other links.
 *
 * Goals that pull against each other
 *   - *Make before break, in four tools.* A packet meets chains, sets, a virtual server and a real
 *     server, and no two of them change at once.
 *   - *An address that answers must be complete.* A client that reaches it a moment early is refused.
 *   - *Connections outlive endpoints.* They need their virtual server, its address and its entries
 *     for as long as they go on, but no new client may get in.
 *
 * Settlement
 *   prepare   Sets, and entries that are added, also the ledger's entries for what will drain. New virtual servers
 *             at addresses that are bound already, still empty: IPVS refuses what comes to an empty one, and the
 *             filter refuses what comes to a bound address without one, so neither changes anything for clients.
 *             Each is entered in the ledger before it is made, here and later.
 *   switch    Sets are swapped. Then chains; then entries that let packets in; then all other virtual servers and
 *             real servers, in one script: clients reach those at the node's own addresses (node ports) at once, and
 *             the node itself reaches all of them at once, so their rules are there before. Addresses are bound last.
 *             Rules over sets that are about to be empty stay until those that need them are gone.
 *             Where rules of iptables mode still translate, packets do not get to IPVS until those
 *             are gone: then the chains come last, when all else is in place.
 *   drain     Weight 0 on what leaves. Its endpoint keeps its entries (hairpin, masquerading) until it is deleted.
 *   remove    What was found idle: real servers; then addresses; then entries, so that the filter
 *             refuses again; then virtual servers, then their ledger entries. Chains, sets and the
 *             link at the very end, since sets cannot be destroyed while rules refer to them.
 *
 * An address is unbound before its virtual servers are deleted and after they have drained:
 * without it, packets of established connections would not get to IPVS.
 */
export function planProgram(observed: IpvsProgram, desired: IpvsProgram): readonly IpvsStep[] {
  // A program that was never read is one that slicewright just applied.
  const found = observed.found ?? foundAfter(observed);
  const wanted = withoutForeign(desired, found);
  const leaving = departures(observed, wanted, found);
  const sets = planSets(observed, wanted, found, leaving);
  const servers = planServers(observed, wanted, leaving);
  const addresses = planAddresses(observed, wanted, leaving);
  const isEnd = wanted.sets.size === 0;
  const chains = planChains(observed, wanted, found);

  const { family, prefix } = desired;
  const link = linkName(prefix);
  const prepare = { family, phase: 'prepare' } as const;
  const change = { family, phase: 'switch' } as const;
  const drain = { family, phase: 'drain' } as const;
  const remove = { family, phase: 'remove' } as const;
  const open: IpvsStep = { ...change, kind: 'add-entries', entries: sets.opened };
  const fill: IpvsStep = { ...change, kind: 'servers', edits: servers.filled };
  const bind: IpvsStep = { ...change, kind: 'bind', link, addresses: addresses.bound };
  const steps: readonly IpvsStep[] = [
    { ...prepare, kind: 'sysctls', ...planSysctls(observed, wanted) },
    ...(found.link === 'absent' && !isEnd ? [{ ...prepare, kind: 'create-link', link } as const] : []),
    { ...prepare, kind: 'destroy-sets', sets: found.staged },
    { ...prepare, kind: 'create-sets', sets: sets.created },
    { ...prepare, kind: 'add-entries', entries: sets.ledgerAdded },
    { ...prepare, kind: 'servers', edits: servers.empty },
    { ...prepare, kind: 'add-entries', entries: [...sets.added, ...sets.drainingAdded] },
    { ...change, kind: 'swap-sets', pairs: sets.swapped },
    { ...change, kind: 'delete-entries', entries: sets.masqueradedEarly },
    ...(isTranslated(observed, found) ? [open, fill, bind, ...chains.change] : [...chains.change, open, fill, bind]),
    { ...drain, kind: 'servers', edits: servers.quiesced },
    { ...remove, kind: 'servers', edits: servers.deletedReals },
    { ...remove, kind: 'add-entries', entries: sets.unmasqueradedLate },
    { ...remove, kind: 'unbind', link, addresses: addresses.unbound },
    { ...remove, kind: 'delete-entries', entries: sets.deleted },
    { ...remove, kind: 'servers', edits: servers.deleted },
    { ...remove, kind: 'delete-entries', entries: sets.ledgerDeleted },
    ...chains.remove,
    { ...remove, kind: 'destroy-sets', sets: [...sets.replaced, ...sets.destroyed] },
    ...(isEnd && found.link === 'ours' && addresses.kept === 0
      ? [{ ...remove, kind: 'delete-link', link } as const]
      : []),
  ];
  return steps.filter((step) => !isNothing(step));
}

/** Whether rules send Services' packets to endpoints by themselves, before IPVS could see them. */
function isTranslated({ rules }: IpvsProgram, { tables }: Found): boolean {
  const own = tables?.own;
  return (
    own !== undefined &&
    [...rules.chains.values()].some(({ table, name }) => table === 'nat' && own.isServiceChain(name))
  );
}

function planAddresses(observed: IpvsProgram, wanted: IpvsProgram, { kept }: Departures) {
  const before = new Set(observed.addresses);
  const after = new Set<IpAddress>([...wanted.addresses, ...kept.map(({ address }) => address)]);
  return {
    bound: wanted.addresses.filter((address) => !before.has(address)),
    unbound: observed.addresses.filter((address) => !after.has(address)),
    kept: observed.addresses.filter((address) => after.has(address)).length,
  };
}

/** The kernel's other settings are not slicewright's to put back. */
function planSysctls(observed: IpvsProgram, wanted: IpvsProgram) {
  const changed = [...wanted.sysctls].filter(([name, value]) => observed.sysctls.get(name) !== value);
  const known = changed.flatMap(([name]) => {
    const value = observed.sysctls.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { from: new Map(known), to: new Map(changed) };
}

function isNothing(step: IpvsStep): boolean {
  switch (step.kind) {
    case 'sysctls':
      return step.to.size === 0;
    case 'create-sets':
    case 'destroy-sets':
      return step.sets.length === 0;
    case 'swap-sets':
      return step.pairs.length === 0;
    case 'add-entries':
    case 'delete-entries':
      return step.entries.length === 0;
    case 'servers':
      return step.edits.length === 0;
    case 'bind':
    case 'unbind':
      return step.addresses.length === 0;
    case 'create-link':
    case 'delete-link':
    case 'chains':
      return false;
  }
}
