import type { ChainPrefix } from '../../../compiler/settings.ts';
import { compareAddresses, type Family, familyOf, type IpAddress } from '../../../compiler/values/address.ts';
import type { Observation } from '../../netfilter/live/observation.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { drainingName, frontendsName, parseLedgerEntry } from './ledger.ts';
import type { FoundSet } from './parse.ts';
import type { Found, IpvsProgram } from './program.ts';
import { compareServers, type ServerKey, type VirtualServer } from './servers.ts';
import { stagedName } from '../plan/set-plan.ts';
import { type IpSet, setIds, setName } from './sets.ts';

/** What the tools show of one family, live or saved, before slicewright's parts are told from others. */
export interface Reading {
  readonly family: Family;
  readonly prefix: ChainPrefix;
  /** Those of both families, as IPVS has one table for them. */
  readonly servers: ReadonlyMap<ServerKey, VirtualServer>;
  /** Sets with slicewright's names. */
  readonly sets: ReadonlyMap<SetName, FoundSet>;
  readonly link: Link;
  readonly sysctls: ReadonlyMap<string, string>;
  readonly tables: Observation;
}

/** The addresses bound on slicewright's link. */
export interface Link {
  readonly addresses: readonly IpAddress[];
  readonly state: Found['link'];
}

/** all   addresses on the link, of both families */
export function linkWith(all: readonly IpAddress[], family: Family): Link {
  const addresses = all.filter((address) => familyOf(address) === family).sort(compareAddresses);
  return { addresses, state: addresses.length < all.length ? 'shared with the other family' : 'ours' };
}

/**
 * The program that a reading shows, and what other programs have beside it. Connections are read separately.
 *
 * owned   slicewright's virtual servers; undefined: those that the bookkeeping sets name
 */
export function programIn(reading: Reading, owned = ledgerKeys(reading)) {
  const { family, prefix, sets, link, tables } = reading;
  const names = ourSetNames(family, prefix);
  const pick = (wanted: ReadonlySet<SetName>): ReadonlyMap<SetName, IpSet> =>
    new Map([...sets].filter(([name]) => wanted.has(name)).map(([name, set]) => [name, plain(set)]));
  const all = [...reading.servers].filter(([, { address }]) => familyOf(address) === family);
  const servers = all.filter(([key]) => owned.has(key)).sort(([, a], [, b]) => compareServers(a, b));
  return {
    family,
    prefix,
    servers: new Map(servers),
    owners: new Map(),
    shares: new Map(),
    sets: pick(names.live),
    addresses: link.addresses,
    rules: tables.ruleset,
    sysctls: reading.sysctls,
    found: {
      foreign: new Map(all.filter(([key]) => !owned.has(key))),
      connections: new Map(),
      draining: sets.get(drainingName(family, prefix))?.secondsLeft ?? new Map(),
      ledger: pick(names.ledger),
      staged: [...pick(names.staged).values()],
      link: link.state,
      tables,
    },
  } satisfies IpvsProgram;
}

/** Names of all of slicewright's sets in one family: in use, bookkeeping, and what a swap has put aside. */
export function ourSetNames(family: Family, prefix: ChainPrefix) {
  const live = new Set(setIds.map((id) => setName(id, family, prefix)));
  const ledger = new Set([frontendsName(family, prefix), drainingName(family, prefix)]);
  const staged = new Set([...live, ...ledger].map(stagedName));
  return { live, ledger, staged, all: new Set([...live, ...ledger, ...staged]) };
}

function ledgerKeys({ sets, family, prefix }: Reading): ReadonlySet<ServerKey> {
  const entries = sets.get(frontendsName(family, prefix))?.entries ?? [];
  return new Set(entries.flatMap((entry) => parseLedgerEntry(entry) ?? []));
}

function plain({ name, definition, entries }: FoundSet): IpSet {
  return { name, definition, entries };
}
