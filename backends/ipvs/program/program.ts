import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { Family, IpAddress } from '../../../compiler/values/address.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import type { Observation } from '../../netfilter/live/observation.ts';
import type { Rule, Ruleset, SetName } from '../../netfilter/rule.ts';
import type { ServerKey, VirtualServer } from './servers.ts';
import type { IpSet, SetEntry, SetId } from './sets.ts';

export interface UnitEntry {
  readonly set: SetId;
  readonly entry: SetEntry;
}

/** The share of one Service port. */
export interface IpvsUnit {
  readonly servers: readonly VirtualServer[];
  readonly entries: readonly UnitEntry[];
  /** What there is for its node port, which yields where some Service answers at that very address and port. */
  readonly nodePorts: { readonly servers: readonly VirtualServer[]; readonly entries: readonly UnitEntry[] };
  /** Addresses to bind on the dummy link; of the node's own none is among them. */
  readonly bind: readonly IpAddress[];
  /** Rules of KUBE-IPVS-OUT-FILTER: one per restricted load balancer address. */
  readonly outFilter: readonly Rule[];
}

/**
 * Everything of slicewright's in one family: virtual servers, sets, addresses, a few chains, sysctls.
 *
 * Desired and observed are the same type on purpose. What only a kernel can show (which servers still
 * have connections, what belongs to other programs) is in `found`, which no linked program has.
 */
export interface IpvsProgram {
  readonly family: Family;
  /** Starts the names of sets, chains and the link. */
  readonly prefix: ChainPrefix;
  /** In listing order. */
  readonly servers: ReadonlyMap<ServerKey, VirtualServer>;
  /** The owner of each virtual server; empty in a program that was read. */
  readonly owners: ReadonlyMap<ServerKey, ServicePortId>;
  /** What it was linked from; empty in a program that was read. */
  readonly shares: ReadonlyMap<ServicePortId, IpvsUnit>;
  /** In text order. */
  readonly sets: ReadonlyMap<SetName, IpSet>;
  /** On {@link linkName}, in numeric order. */
  readonly addresses: readonly IpAddress[];
  readonly rules: Ruleset;
  /** What the rules are when every set has entries, in their order; of a linked program only. */
  readonly everyRule?: Ruleset;
  /** `net.ipv4.vs.conntrack` → `1`: settings that must have this value; in a reading, those that slicewright could ask for. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly found?: Found;
}

/** What was found in a kernel besides a program. */
export interface Found {
  /** Virtual servers that are there and not in the ledger (ledger.ts): another program's. */
  readonly foreign: ReadonlyMap<ServerKey, VirtualServer>;
  /** Established and closing connections per real server; none: absent. */
  readonly connections: ReadonlyMap<RealKey, number>;
  /** Real servers that may keep their connections, as ledger.ts writes them, with the seconds left for it. */
  readonly draining: ReadonlyMap<SetEntry, number>;
  /** Slicewright's bookkeeping sets, and sets that were staged and never swapped in, as far as they exist. */
  readonly ledger: ReadonlyMap<SetName, IpSet>;
  readonly staged: readonly IpSet[];
  readonly link: 'absent' | 'ours' | 'shared with the other family';
  /** The tables: which mode they are in, which program owns the chains, which other programs' rules touch slicewright's. */
  readonly tables: Observation | undefined;
}

/** The findings in a kernel with nothing of slicewright's in it. */
export const nothingFound: Found = {
  foreign: new Map(),
  connections: new Map(),
  draining: new Map(),
  ledger: new Map(),
  staged: [],
  link: 'absent',
  tables: undefined,
};

/** `10.96.0.1:80/TCP/10.1.0.2:80`, as kube-proxy calls it in its list of leaving real servers. */
export type RealKey = `${ServerKey}/${string}`;

/** Nothing at all: the desired state of a node that is cleaned up. `rules` may be another mode's. */
export function emptyProgram(
  family: Family,
  prefix: ChainPrefix,
  rules: Ruleset = { family, chains: new Map(), hooks: [] },
): IpvsProgram {
  return {
    family,
    prefix,
    servers: new Map(),
    owners: new Map(),
    shares: new Map(),
    sets: new Map(),
    addresses: [],
    rules,
    sysctls: new Map(),
  };
}
