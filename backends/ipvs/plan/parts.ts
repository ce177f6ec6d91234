import { compareAddresses, type Family, type IpAddress } from '../../../compiler/values/address.ts';
import type { ChainPrefix } from '../../../compiler/settings.ts';
import { compareText, type ServicePortId } from '../../../compiler/values/names.ts';
import type { Ruleset, SetName } from '../../netfilter/rule.ts';
import { drainingName, frontendsName, ledgerEntry } from '../program/ledger.ts';
import { type Found, type IpvsProgram, nothingFound } from '../program/program.ts';
import { compareServers, type ServerKey, type VirtualServer } from '../program/servers.ts';
import type { IpSet, SetEntry, SetId } from '../program/sets.ts';

/** What is in force, of all that is touched. */
export type ObservedPart = IpvsProgram & { readonly found: Found };

/** What a change touches, as it is in force or as it is wanted. */
export interface Touched {
  readonly servers: ReadonlyMap<ServerKey, VirtualServer>;
  readonly owners: ReadonlyMap<ServerKey, ServicePortId>;
  has(set: SetId, entry: SetEntry): boolean;
  isBound(address: IpAddress): boolean;
  /** Whether the set is there at all. */
  isThere(set: SetId): boolean;
}

/** Where it is touched. */
export interface Places {
  readonly family: Family;
  readonly prefix: ChainPrefix;
  readonly entries: ReadonlyMap<SetId, ReadonlySet<SetEntry>>;
  readonly addresses: ReadonlySet<IpAddress>;
  /** Names of all sets, in the order in which they are made. */
  readonly names: ReadonlyMap<SetId, SetName>;
  /** As the kernel has them, the ledger's too. */
  readonly definitions: ReadonlyMap<SetName, string>;
}

/** A program of nothing but what is touched. */
export function partOf(places: Places, touched: Touched): IpvsProgram {
  const { family, prefix, names, definitions, entries } = places;
  const sets = [...names].flatMap(([id, name]): IpSet[] => {
    const definition = definitions.get(name);
    if (definition === undefined || !touched.isThere(id)) return [];
    const present = [...(entries.get(id) ?? [])].filter((entry) => touched.has(id, entry));
    return [{ name, definition, entries: present.sort(compareText) }];
  });
  return {
    family,
    prefix,
    servers: new Map([...touched.servers].sort(([, a], [, b]) => compareServers(a, b))),
    owners: touched.owners,
    shares: new Map(),
    sets: new Map(sets.map((set) => [set.name, set])),
    addresses: [...places.addresses].filter((address) => touched.isBound(address)).sort(compareAddresses),
    rules: noRules[family],
    sysctls: new Map(),
  };
}

/**
 * The same of a kernel: with the ledger of these virtual servers.
 *
 * draining   seconds left
 * returns    undefined: there is no ledger, without which nothing would be known as slicewright's
 */
export function observedPart(
  places: Places,
  touched: Touched,
  draining: ReadonlyMap<SetEntry, number>,
): ObservedPart | undefined {
  const { family, prefix, definitions } = places;
  const program = partOf(places, touched);
  const lists: readonly (readonly [SetName, readonly SetEntry[]])[] = [
    [frontendsName(family, prefix), [...program.servers.values()].map(ledgerEntry)],
    [drainingName(family, prefix), [...draining.keys()]],
  ];
  const ledger = new Map<SetName, IpSet>();
  for (const [name, entries] of lists) {
    const definition = definitions.get(name);
    if (definition === undefined) return undefined;
    ledger.set(name, { name, definition, entries: entries.toSorted(compareText) });
  }
  return { ...program, found: { ...nothingFound, draining, ledger, link: 'ours' } };
}

/** The very same in what is in force and what is wanted: a change that is counted leaves the rules alone. */
const noRules: Readonly<Record<Family, Ruleset>> = {
  IPv4: { family: 'IPv4', chains: new Map(), hooks: [] },
  IPv6: { family: 'IPv6', chains: new Map(), hooks: [] },
};
