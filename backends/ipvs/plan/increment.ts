import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { canonicalJson } from '../../../compiler/values/canonical-json.ts';
import type { IpAddress } from '../../../compiler/values/address.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { addressSets } from '../program/link.ts';
import type { IpvsProgram, IpvsUnit, UnitEntry } from '../program/program.ts';
import { type ServerKey, serverKey, type VirtualServer } from '../program/servers.ts';
import {
  addressEntry,
  frontendEntry,
  isAlwaysThere,
  type SetEntry,
  type SetId,
  setIds,
  setName,
} from '../program/sets.ts';
import { type Late, lateBetween, nothingLate } from './late.ts';
import { type ObservedPart, observedPart, partOf, type Touched } from './parts.ts';
import { createEntryTally, createTally, type EntryTally } from './tally.ts';

/**
 * What is in force, in a form that counts changes: it remembers how many units want each thing, so that a change costs what
 * changed, and not a pass over every Service of the node.
 *
 * A change is given as two programs. They hold only the parts that change, and the parts that still wait from earlier
 * changes. The plan from one to the other is made as for whole programs, so the order of the steps is the same and as safe.
 */
export interface Increment {
  /** What it counts. */
  readonly units: Units;
  /** Virtual servers in force. */
  serverCount(): number;
  /** Something leaves and waits for its last connections. */
  isWaiting(): boolean;
  /**
   * What other units change. Nothing has changed yet.
   *
   * nowMs    by a clock that never goes back
   * returns  undefined where counting is not enough: rules change with it, a set comes or goes, or several claim one place
   */
  change(wanted: UnitChanges, nowMs: number): Change | undefined;
}

type Units = ReadonlyMap<ServicePortId, IpvsUnit>;

/** Units that came, went or may differ. */
export type UnitChanges = ReadonlyMap<ServicePortId, IpvsUnit | 'gone'>;

export interface Change {
  readonly observed: ObservedPart;
  readonly desired: IpvsProgram;
  /** The kernel took the steps. outcome: where they lead. */
  commit(outcome: IpvsProgram, nowMs: number): void;
}

export interface InForce {
  /** Without those that are held back. */
  readonly units: Units;
  /** What the kernel was brought to. */
  readonly wanted: IpvsProgram;
  /** As read afterwards: it differs only by what still waits. */
  readonly observed: IpvsProgram;
  readonly node: NodeContext;
}

type Named = readonly [ServicePortId, IpvsUnit];

/** returns   undefined: something is in force that counting cannot explain */
export function createIncrement({ units, wanted, observed, node }: InForce, nowMs: number): Increment | undefined {
  const { found } = observed;
  if (found === undefined) return undefined;
  const { family, prefix } = wanted;
  const { compat } = node;
  const names = new Map(setIds.map((id) => [id, setName(id, family, prefix)]));
  const nameOf = (id: SetId): SetName => names.get(id) ?? setName(id, family, prefix);
  const definitions = new Map([...observed.sets, ...found.ledger].map(([name, { definition }]) => [name, definition]));
  const foreign = new Set(found.foreign.keys());

  const current = new Map(units);
  const servers = new Map<ServerKey, VirtualServer>();
  const owners = new Map<ServerKey, ServicePortId>();
  const entries = createEntryTally();
  /** Places that more than one claims, or one that is held back. */
  const contested = new Set<ServerKey>();
  /** Where node ports answer, or would answer if no other owner had the place. */
  const nodePorts = createTally<SetEntry>();
  let late: Late = nothingLate;

  const isAnswered = (entry: SetEntry) => !compat && addressSets.some((id) => entries.of(id, entry) > 0);

  for (const unit of units.values())
    for (const entry of [...unit.entries, ...boundEntries(unit)]) entries.add(entry, 1);
  for (const [id, unit] of units) {
    for (const entry of unit.nodePorts.entries) if (!isAnswered(entry.entry)) entries.add(entry, 1);
    countNodePorts(unit, 1);
    for (const [key, server] of serversOf(unit, compat)) {
      const winner = wanted.servers.get(key);
      if (servers.has(key) || winner !== server) contested.add(key);
      if (winner !== undefined) servers.set(key, winner);
      owners.set(key, wanted.owners.get(key) ?? id);
    }
  }
  // What is left is of Service ports that are held back: it stays until the next reading.
  for (const [key, server] of wanted.servers) {
    if (servers.has(key)) continue;
    servers.set(key, server);
    contested.add(key);
  }
  for (const [id, name] of names) {
    const list = wanted.sets.get(name)?.entries ?? [];
    for (const entry of list) if (entries.of(id, entry) === 0) entries.add({ set: id, entry }, 1);
    if (entries.size(id) !== list.length) return undefined;
  }
  late = lateBetween(observed, wanted, nothingLate, nowMs);

  function countNodePorts(unit: IpvsUnit, by: number): void {
    for (const server of unit.nodePorts.servers) nodePorts.add(frontendEntry(server), by);
  }

  /** Virtual servers that units remove and add; undefined: another unit claims one of the places too. */
  function claimed(gone: readonly Named[], come: readonly Named[]) {
    const changed = new Map<ServerKey, Claim | undefined>();
    for (const [id, unit] of gone) {
      for (const key of serversOf(unit, compat).keys()) {
        if (contested.has(key) || owners.get(key) !== id) return undefined;
        changed.set(key, undefined);
      }
    }
    for (const [id, unit] of come) {
      for (const [key, server] of serversOf(unit, compat)) {
        const isFree = changed.has(key) ? changed.get(key) === undefined : !servers.has(key);
        if (!isFree || contested.has(key) || foreign.has(key)) return undefined;
        changed.set(key, { server, owner: id });
      }
    }
    return changed;
  }

  /** Whether a set gets its first entry or loses its last one: rules over it come and go with these. */
  function isRefilled(by: EntryTally): boolean {
    return [...by.all()].some(([id, changed]) => {
      const grown = [...changed.keys()].map((entry) => {
        const count = entries.of(id, entry);
        return Number(count + changed.of(entry) > 0) - Number(count > 0);
      });
      const size = entries.size(id);
      return (size === 0) !== (grown.reduce((sum, one) => sum + one, size) === 0);
    });
  }

  /** Whether a node port is at an address and port where a Service answers, before or afterwards: then it yields. */
  function isYielding(units: readonly Named[], by: EntryTally): boolean {
    const isTouched = (entry: SetEntry) => isAnswered(entry) || addressSets.some((id) => by.of(id, entry) !== 0);
    return units.some(
      ([, { nodePorts: own, entries: plain }]) =>
        own.servers.some((server) => isTouched(frontendEntry(server))) ||
        plain.some(({ set, entry }) => addressSets.includes(set) && nodePorts.of(entry) > 0),
    );
  }

  function change(wantedUnits: UnitChanges, startMs: number): Change | undefined {
    const { gone, come } = differing(current, wantedUnits);
    const both = [...gone, ...come];
    const by = createEntryTally();
    for (const [, unit] of gone) for (const entry of allEntries(unit)) by.add(entry, -1);
    for (const [, unit] of come) for (const entry of allEntries(unit)) by.add(entry, 1);
    if (filtersOf(gone) !== filtersOf(come) || isRefilled(by) || (!compat && isYielding(both, by))) return undefined;
    const changed = claimed(gone, come);
    if (changed === undefined) return undefined;

    const keys = [...new Set([...changed.keys(), ...late.servers.keys()])];
    const isWanted = (id: SetId, entry: SetEntry) => entries.of(id, entry) + by.of(id, entry) > 0;
    const before: Touched = {
      servers: present(keys, (key) => (late.servers.has(key) ? late.servers.get(key) : servers.get(key))),
      owners: new Map(),
      has: (id, entry) => late.entries.get(nameOf(id))?.get(entry) ?? entries.of(id, entry) > 0,
      isBound: (address) => late.addresses.get(address) ?? entries.of('ipvsIps', addressEntry(address)) > 0,
      isThere: () => true,
    };
    const after: Touched = {
      servers: present(keys, (key) => (changed.has(key) ? changed.get(key)?.server : servers.get(key))),
      owners: present(keys, (key) => (changed.has(key) ? changed.get(key)?.owner : owners.get(key))),
      has: isWanted,
      isBound: (address) => isWanted('ipvsIps', addressEntry(address)),
      isThere: (id) => isAlwaysThere(id) || entries.size(id) > 0,
    };
    const places = {
      ...{ family, prefix, names, definitions },
      entries: touchedEntries(both, late, names),
      addresses: new Set<IpAddress>([
        ...late.addresses.keys(),
        ...[...before.servers.values(), ...after.servers.values()].map(({ address }) => address),
        ...both.flatMap(([, { bind }]) => bind),
      ]),
    };
    const inForce = observedPart(places, before, secondsLeft(late, startMs));
    if (inForce === undefined) return undefined;
    const desired = partOf(places, after);
    return {
      observed: inForce,
      desired,
      commit(outcome, endMs) {
        for (const [id, unit] of gone) {
          current.delete(id);
          countNodePorts(unit, -1);
        }
        for (const [id, unit] of come) {
          current.set(id, unit);
          countNodePorts(unit, 1);
        }
        for (const [set, tally] of by.all()) {
          for (const entry of tally.keys()) entries.add({ set, entry }, tally.of(entry));
        }
        for (const [key, claim] of changed) {
          servers.delete(key);
          owners.delete(key);
          if (claim === undefined) continue;
          servers.set(key, claim.server);
          owners.set(key, claim.owner);
        }
        late = lateBetween(outcome, desired, late, endMs);
      },
    };
  }

  return {
    units: current,
    serverCount() {
      let count = servers.size;
      for (const [key, server] of late.servers) count += Number(server !== undefined) - Number(servers.has(key));
      return count;
    },
    isWaiting: () => late.servers.size > 0,
    change,
  };
}

interface Claim {
  readonly server: VirtualServer;
  readonly owner: ServicePortId;
}

/** As they were, and as they come; one that changes is both. */
function differing(current: Units, wanted: UnitChanges): { readonly gone: Named[]; readonly come: Named[] } {
  const gone: Named[] = [];
  const come: Named[] = [];
  for (const [id, unit] of wanted) {
    const before = current.get(id);
    if (before === unit) continue;
    if (before !== undefined) gone.push([id, before]);
    if (unit !== 'gone') come.push([id, unit]);
  }
  return { gone, come };
}

/** A unit's virtual servers, each place once: as `link` decides between several. */
function serversOf(unit: IpvsUnit, compat: boolean): ReadonlyMap<ServerKey, VirtualServer> {
  const servers = new Map<ServerKey, VirtualServer>();
  for (const server of [...unit.servers, ...unit.nodePorts.servers]) {
    const key = serverKey(server);
    if (compat || !servers.has(key)) servers.set(key, server);
  }
  return servers;
}

/** Addresses to bind are the entries of a set, too. */
function boundEntries({ bind }: IpvsUnit): readonly UnitEntry[] {
  return bind.map((address) => ({ set: 'ipvsIps', entry: addressEntry(address) }));
}

function allEntries(unit: IpvsUnit): readonly UnitEntry[] {
  return [...unit.entries, ...unit.nodePorts.entries, ...boundEntries(unit)];
}

function touchedEntries(units: readonly Named[], late: Late, names: ReadonlyMap<SetId, SetName>) {
  const touched = new Map<SetId, Set<SetEntry>>();
  const touch = (id: SetId, entry: SetEntry) => touched.set(id, (touched.get(id) ?? new Set()).add(entry));
  for (const [, unit] of units) for (const { set, entry } of allEntries(unit)) touch(set, entry);
  for (const [id, name] of names) for (const entry of late.entries.get(name)?.keys() ?? []) touch(id, entry);
  return touched;
}

function present<Key, Value>(keys: readonly Key[], valueOf: (key: Key) => Value | undefined): Map<Key, Value> {
  return new Map(
    keys.flatMap((key): [Key, Value][] => {
      const value = valueOf(key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function secondsLeft({ untilMs }: Late, nowMs: number): ReadonlyMap<SetEntry, number> {
  const running = [...untilMs].filter(([, ms]) => ms > nowMs);
  return new Map(running.map(([entry, ms]) => [entry, Math.ceil((ms - nowMs) / 1000)]));
}

/** Rules of single Services in a chain that all share. */
function filtersOf(units: readonly Named[]): string {
  const filters = units.flatMap(([id, { outFilter }]) => (outFilter.length > 0 ? [[id, outFilter]] : []));
  return filters.length === 0 ? '' : canonicalJson(filters);
}
