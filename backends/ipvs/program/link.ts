import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { compareAddresses, type IpAddress } from '../../../compiler/values/address.ts';
import { compareText, type ServicePortId } from '../../../compiler/values/names.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { ipvsRules } from './node-chains.ts';
import type { IpvsProgram, IpvsUnit } from './program.ts';
import { compareServers, type ServerKey, serverKey, type VirtualServer } from './servers.ts';
import {
  addressEntry,
  frontendEntry,
  type IpSet,
  isAlwaysThere,
  makeSet,
  openingSets,
  type SetEntry,
  type SetId,
  setIds,
} from './sets.ts';

/**
 * All shares and what exists once per node, as one program.
 *
 * Two Service ports may claim one address, port and protocol: the first in id order has it, as the
 * first rule wins in iptables mode. kube-proxy lets the last one it meets overwrite the others. A
 * node port yields to a frontend that claims its number at the node's very address.
 */
export function linkProgram(units: ReadonlyMap<ServicePortId, IpvsUnit>, node: NodeContext): IpvsProgram {
  const ordered = [...units].sort(([a], [b]) => compareText(a, b));
  const servers = new Map<ServerKey, VirtualServer>();
  const owners = new Map<ServerKey, ServicePortId>();
  const addresses = new Set<IpAddress>();
  const entries = new Map<SetId, SetEntry[]>(setIds.map((id) => [id, []]));
  const isTaken = node.compat ? () => false : takenAtAddresses(units);
  for (const [id, { servers: ofAddresses, nodePorts, entries: plain, bind }] of ordered) {
    for (const server of [...ofAddresses, ...nodePorts.servers.filter((one) => !isTaken(frontendEntry(one)))]) {
      const key = serverKey(server);
      if (servers.has(key) && !node.compat) continue;
      servers.set(key, server);
      owners.set(key, id);
    }
    for (const { set, entry } of plain) entries.get(set)?.push(entry);
    for (const { set, entry } of nodePorts.entries) if (!isTaken(entry)) entries.get(set)?.push(entry);
    for (const address of bind) addresses.add(address);
  }
  const bound = [...addresses].sort(compareAddresses);
  entries.set('ipvsIps', bound.map(addressEntry));
  const filled = new Set([...entries].filter(([, list]) => list.length > 0).map(([id]) => id));
  const outFilter = ordered.flatMap(([, unit]) => unit.outFilter);
  return {
    family: node.family,
    prefix: node.chainPrefix,
    servers: new Map([...servers].sort(([, a], [, b]) => compareServers(a, b))),
    owners,
    shares: units,
    sets: setsOf(entries, node),
    addresses: bound,
    rules: ipvsRules({ node, filled, outFilter }),
    everyRule: ipvsRules({ node, filled: new Set(setIds), outFilter }),
    sysctls: ipvsSysctls(node.ipvs.strictArp),
  };
}

/** What answers at an address and port, other than by a node port, has an entry in one of these. */
export const addressSets: readonly SetId[] = openingSets.filter((id) => id !== 'healthCheckNodePort');

/** Whether a Service answers at the address and port of an entry, other than by a node port. */
function takenAtAddresses(units: ReadonlyMap<ServicePortId, IpvsUnit>): (entry: SetEntry) => boolean {
  const taken = new Set<SetEntry>();
  for (const unit of units.values()) {
    for (const { set, entry } of unit.entries) if (addressSets.includes(set)) taken.add(entry);
  }
  return (entry) => taken.has(entry);
}

function setsOf(entries: ReadonlyMap<SetId, readonly SetEntry[]>, node: NodeContext): ReadonlyMap<SetName, IpSet> {
  const sets = [...entries]
    .filter(([id, list]) => isAlwaysThere(id) || list.length > 0)
    .map(([id, list]) => makeSet(id, node.family, list, node.chainPrefix))
    .sort((a, b) => compareText(a.name, b.name));
  return new Map(sets.map((set) => [set.name, set]));
}

/**
 * Kernel settings without which virtual servers do not work as Services must (IPVS-3). The paths
 * are IPv4's for both families. Without strictARP the node answers ARP for the addresses on
 * kube-ipvs0, and the two settings stay as they are: they are not slicewright's to reset.
 *
 * conn_reuse_mode is not among them: what it needs depends on the kernel, see host.ts.
 */
export function ipvsSysctls(strictArp: boolean): ReadonlyMap<string, string> {
  const arp: readonly (readonly [string, string])[] = [
    ['net.ipv4.conf.all.arp_ignore', '1'],
    ['net.ipv4.conf.all.arp_announce', '2'],
  ];
  return new Map([
    ...(strictArp ? arp : []),
    ['net.ipv4.vs.conntrack', '1'],
    ['net.ipv4.vs.expire_nodest_conn', '1'],
    ['net.ipv4.vs.expire_quiescent_template', '1'],
    ['net.ipv4.ip_forward', '1'],
  ]);
}
