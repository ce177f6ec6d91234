import { type Cidr, type Family, type IpAddress, splitCidr } from '../../../compiler/values/address.ts';
import type { Brand } from '../../../compiler/values/brand.ts';
import type { ChainPrefix } from '../../../compiler/settings.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { type Port, type Protocol, protocolText } from '../../../compiler/values/port.ts';
import { underPrefix } from '../../netfilter/prefix.ts';
import { parseSetName, type SetName } from '../../netfilter/rule.ts';

/** An entry as `ipset save` prints it: `10.96.0.1,tcp:80`, `30002`. */
export type SetEntry = Brand<string, 'SetEntry'>;

export type SetType = 'hash:ip' | 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'bitmap:port';

export interface IpSet {
  readonly name: SetName;
  /** The words of `create` after the name, without what the kernel chooses: `hash:ip,port family inet maxelem 65536`. */
  readonly definition: string;
  /** In text order. */
  readonly entries: readonly SetEntry[];
}

interface SetKind {
  /** For IPv4; the IPv6 name is made from it. */
  readonly name: string;
  readonly type: SetType;
  /** The comment of the rules that use the set, by kube-proxy's words. */
  readonly comment: string;
}

/**
 * The sets of kube-proxy (IPVS-5.1), and after them slicewright's.
 *
 * The order is the order in which entries are added, and the reverse of the one in which they
 * are deleted: a set that allows a source comes before a set that then demands it to be allowed.
 */
export const setKinds = {
  loopBack: {
    name: 'KUBE-LOOP-BACK',
    type: 'hash:ip,port,ip',
    comment: 'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose',
  },
  loadBalancerSourceCidr: {
    name: 'KUBE-LOAD-BALANCER-SOURCE-CIDR',
    type: 'hash:ip,port,net',
    comment: 'Kubernetes service load balancer ip + port + source cidr for packet filter purpose',
  },
  loadBalancerSourceIp: {
    name: 'KUBE-LOAD-BALANCER-SOURCE-IP',
    type: 'hash:ip,port,ip',
    comment: 'Kubernetes service load balancer ip + port + source IP for packet filter purpose',
  },
  loadBalancerFw: {
    name: 'KUBE-LOAD-BALANCER-FW',
    type: 'hash:ip,port',
    comment: 'Kubernetes service load balancer ip + port for load balancer with sourceRange',
  },
  loadBalancerLocal: {
    name: 'KUBE-LOAD-BALANCER-LOCAL',
    type: 'hash:ip,port',
    comment: 'Kubernetes service load balancer ip + port with externalTrafficPolicy=local',
  },
  externalIpLocal: {
    name: 'KUBE-EXTERNAL-IP-LOCAL',
    type: 'hash:ip,port',
    comment: 'Kubernetes service external ip + port with externalTrafficPolicy=local',
  },
  nodePortLocalTcp: {
    name: 'KUBE-NODE-PORT-LOCAL-TCP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport TCP port with externalTrafficPolicy=local',
  },
  nodePortLocalUdp: {
    name: 'KUBE-NODE-PORT-LOCAL-UDP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport UDP port with externalTrafficPolicy=local',
  },
  nodePortLocalSctp: {
    name: 'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
    type: 'hash:ip,port',
    comment: "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
  },
  dropAll: {
    name: 'SLICEWRIGHT-DROP',
    type: 'hash:ip,port',
    comment: 'frontends without local endpoints',
  },
  dropOutside: {
    name: 'SLICEWRIGHT-DROP-OUTSIDE',
    type: 'hash:ip,port',
    comment: 'frontends without local endpoints for clients outside',
  },
  masquerade: {
    name: 'SLICEWRIGHT-MASQUERADE',
    type: 'hash:ip,port',
    comment: 'endpoints that must see an address of this node',
  },
  clusterIp: {
    name: 'KUBE-CLUSTER-IP',
    type: 'hash:ip,port',
    comment: 'Kubernetes service cluster ip + port for masquerade purpose',
  },
  externalIp: {
    name: 'KUBE-EXTERNAL-IP',
    type: 'hash:ip,port',
    comment: 'Kubernetes service external ip + port for masquerade and filter purpose',
  },
  loadBalancer: {
    name: 'KUBE-LOAD-BALANCER',
    type: 'hash:ip,port',
    comment: 'Kubernetes service lb portal',
  },
  nodePortTcp: {
    name: 'KUBE-NODE-PORT-TCP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport TCP port for masquerade purpose',
  },
  nodePortUdp: {
    name: 'KUBE-NODE-PORT-UDP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport UDP port for masquerade purpose',
  },
  nodePortSctp: {
    name: 'KUBE-NODE-PORT-SCTP-HASH',
    type: 'hash:ip,port',
    comment: "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
  },
  healthCheckNodePort: {
    name: 'KUBE-HEALTH-CHECK-NODE-PORT',
    type: 'bitmap:port',
    comment: 'Kubernetes health check node port',
  },
  ipvsIps: {
    name: 'KUBE-IPVS-IPS',
    type: 'hash:ip',
    comment: 'Addresses on the ipvs interface',
  },
} as const satisfies Record<string, SetKind>;

export type SetId = keyof typeof setKinds;
export const setIds = Object.keys(setKinds) as readonly SetId[];

/** What is in these is let past the filter that refuses everything else at a bound address. */
export const openingSets: readonly SetId[] = [
  'clusterIp',
  'externalIp',
  'externalIpLocal',
  'loadBalancer',
  'healthCheckNodePort',
];

/** Packets that match these sets keep their clients' addresses; without them, they would be masqueraded. */
export const unmasqueradedSets: readonly SetId[] = [
  'loadBalancerLocal',
  'nodePortLocalTcp',
  'nodePortLocalUdp',
  'nodePortLocalSctp',
];

/** kube-proxy makes all of its sets, used or not; slicewright's own are there while they have entries. */
export function isAlwaysThere(id: SetId): boolean {
  return setKinds[id].name.startsWith('KUBE-');
}

export function setName(id: SetId, family: Family, prefix: ChainPrefix): SetName {
  return familyName(setKinds[id].name, family, prefix);
}

/** `KUBE-LOOP-BACK` → `KUBE-6-LOOP-BACK`, cut to ipset's 31 characters as kube-proxy cuts it. */
export function familyName(kubeName: string, family: Family, prefix: ChainPrefix): SetName {
  const ipv4Name = underPrefix(kubeName, prefix);
  const text = family === 'IPv4' ? ipv4Name : ipv4Name.replace('-', '-6-').slice(0, 31);
  const name = parseSetName(text);
  if (name === undefined) throw new Error(`${text} is not a set name`);
  return name;
}

/** The same set with other entries, large enough for them. */
export function withEntries(set: IpSet, entries: readonly SetEntry[]): IpSet {
  const larger = set.definition.replace(
    / maxelem (\d+)/,
    (_, size) => ` maxelem ${sizeFor(entries.length, Number(size))}`,
  );
  return { ...set, definition: larger, entries: [...entries].sort(compareText) };
}

/** ipset's own default, which kube-proxy gives explicitly. */
export const defaultMaxEntries = 65_536;

/** A set with these entries, in whatever order and how often they come. */
export function makeSet(id: SetId, family: Family, entries: Iterable<SetEntry>, prefix: ChainPrefix): IpSet {
  const sorted = [...new Set(entries)].sort(compareText);
  return {
    name: setName(id, family, prefix),
    definition: setDefinition(setKinds[id].type, family, sorted.length),
    entries: sorted,
  };
}

/**
 * What follows the name in `create`. A set that would be full is made larger instead: twice as
 * large until it fits, so that its size changes seldom (a change means a new set, swapped in).
 */
export function setDefinition(type: SetType, family: Family, entries: number): string {
  if (type === 'bitmap:port') return 'bitmap:port range 0-65535';
  return `${type} family ${family === 'IPv4' ? 'inet' : 'inet6'} maxelem ${sizeFor(entries, defaultMaxEntries)}`;
}

function sizeFor(entries: number, atLeast: number): number {
  let size = atLeast;
  while (size < entries) size *= 2;
  return size;
}

/** `10.96.0.1,tcp:80`; IPv6 has no brackets. */
export function frontendEntry(frontend: {
  readonly address: IpAddress;
  readonly port: Port;
  readonly protocol: Protocol;
}): SetEntry {
  return `${frontend.address},${protocolText(frontend.protocol)}:${frontend.port}` as SetEntry;
}

/** `10.1.0.2,tcp:80,10.1.0.2`: destination, then source. */
export function sourceEntry(frontend: Parameters<typeof frontendEntry>[0], source: IpAddress): SetEntry {
  return `${frontendEntry(frontend)},${source}` as SetEntry;
}

/**
 * `5.6.7.8,tcp:80,192.168.50.0/24`. The kernel shows a network of one address without its length
 * and cannot hold one of length 0: undefined then.
 */
export function sourceRangeEntry(frontend: Parameters<typeof frontendEntry>[0], range: Cidr): SetEntry | undefined {
  const { address, length } = splitCidr(range);
  if (length === 0) return undefined;
  const isHost = length === (range.includes(':') ? 128 : 32);
  return `${frontendEntry(frontend)},${isHost ? address : range}` as SetEntry;
}

export function addressEntry(address: IpAddress): SetEntry {
  return address as string as SetEntry;
}

export function portEntry(port: Port): SetEntry {
  return String(port) as SetEntry;
}
