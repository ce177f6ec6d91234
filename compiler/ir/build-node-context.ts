import type { Node } from '../model/node.ts';
import type { Settings } from '../settings.ts';
import {
  type Cidr,
  cidrContains,
  cidrFamily,
  type Family,
  familyOf,
  hostCidr,
  type IpAddress,
  isFamily,
  parseAddress,
  splitCidr,
} from '../values/address.ts';
import { type Contested, nothingContested } from './contested.ts';
import { compareText } from '../values/names.ts';
import { unreachable } from '../values/unreachable.ts';
import type { LocalDetector, NodeContext } from './node-context.ts';

const loopback: Readonly<Record<Family, IpAddress>> = { IPv4: constant('127.0.0.1'), IPv6: constant('::1') };
const loopbackNetwork = constant('127.0.0.0');

function constant(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is not an address`);
  return address;
}

/**
 * What one family's rules depend on in the node.
 *
 * node            undefined: nothing is known about the node
 * localAddresses  of its interfaces, both families; undefined: not known, so the Node object's addresses are used
 * contested       of both families
 */
export function buildNodeContext(
  family: Family,
  node: Node | undefined,
  localAddresses: readonly IpAddress[] | undefined,
  settings: Settings,
  contested: Contested = nothingContested,
): NodeContext {
  const addresses = addressesOf(node, localAddresses).filter((address) => familyOf(address) === family);
  const nodeIP = nodeIPOf(family, node, settings);
  const own = [...new Set(addresses)].filter((address) => !isLoopback(address)).sort(compareText);
  return {
    family,
    addresses: own,
    nodeIP,
    localDetector: localDetectorOf(family, node, settings),
    masqueradeAll: settings.masqueradeAll,
    masqueradeBit: settings.masqueradeBit,
    countsTraffic: settings.countsTraffic,
    packetCounters: settings.packetCounters,
    nodePorts: nodePortsOf(family, own, addresses.filter(isLoopback), nodeIP, settings),
    conntrackTcpBeLiberal: settings.conntrackTcpBeLiberal,
    chainPrefix: settings.chainPrefix,
    contested: {
      elsewhere: contested.elsewhere.filter(({ address }) => familyOf(address) === family),
      ours: contested.ours.filter(isFamily(family)),
    },
    compat: settings.compat === 'kube-proxy',
    ipvs: {
      scheduler: settings.ipvs.scheduler,
      strictArp: settings.ipvs.strictArp,
      excludeCidrs: settings.ipvs.excludeCidrs.filter((cidr) => cidrFamily(cidr) === family),
    },
  };
}

/** The addresses of its interfaces; where they are not known, those of its Node object. */
export function addressesOf(
  node: Node | undefined,
  localAddresses: readonly IpAddress[] | undefined,
): readonly IpAddress[] {
  return localAddresses ?? node?.localAddresses ?? node?.addresses ?? [];
}

function isLoopback(address: IpAddress): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** IPT-11.9: the first of the family among InternalIPs, then ExternalIPs; bindAddress overrides it. */
function nodeIPOf(family: Family, node: Node | undefined, { bindAddress }: Settings): IpAddress {
  if (bindAddress !== undefined && familyOf(bindAddress) === family) return bindAddress;
  return node?.addresses.find(isFamily(family)) ?? loopback[family];
}

function localDetectorOf(family: Family, node: Node | undefined, settings: Settings): LocalDetector | undefined {
  switch (settings.detectLocalMode) {
    case 'ClusterCIDR':
      return sourceDetector(family, settings.clusterCidrs);
    case 'NodeCIDR':
      return sourceDetector(family, node?.podCidrs ?? []);
    case 'BridgeInterface': {
      const name = settings.bridgeInterface;
      return name && { kind: 'interface', name };
    }
    case 'InterfaceNamePrefix': {
      const prefix = settings.interfaceNamePrefix;
      return prefix && { kind: 'interfacePrefix', prefix };
    }
    default:
      return unreachable(settings.detectLocalMode);
  }
}

/**
 * Only the first range of a family counts. A range that holds every address distinguishes nothing, and no rule could
 * say "not from there" (nft mode refuses `! -s 0.0.0.0/0`), so it detects nothing.
 */
function sourceDetector(family: Family, cidrs: readonly Cidr[]): LocalDetector | undefined {
  const cidr = cidrs.find((range) => cidrFamily(range) === family);
  return cidr === undefined || splitCidr(cidr).length === 0 ? undefined : { kind: 'source', cidr };
}

/** IPT-14. IPv6 node ports never answer on loopback: the kernel has no route_localnet there. */
function nodePortsOf(
  family: Family,
  own: readonly IpAddress[],
  loopbacks: readonly IpAddress[],
  nodeIP: IpAddress,
  settings: Settings,
): NodeContext['nodePorts'] {
  const allowed = settings.nodePortAddresses[family];
  const loops = family === 'IPv4' && mayServeLoopback(settings);
  if (allowed.kind === 'all') return { kind: 'all', loopback: loops };
  const cidrs = allowed.kind === 'within' ? allowed.cidrs : isLoopback(nodeIP) ? [] : [hostCidr(nodeIP)];
  // Every host has 127.0.0.1, even if the list of its addresses lacks it.
  const candidates = loops ? new Set([...own, ...loopbacks, loopback.IPv4]) : own;
  const addresses = [...candidates].filter((address) => cidrs.some((cidr) => cidrContains(cidr, address)));
  return { kind: 'some', addresses: addresses.sort(compareText), loopback: loops };
}

/** Whether node ports answer on 127.0.0.1, on any node with these settings. */
export function mayServeLoopback({ localhostNodePorts, nodePortAddresses: { IPv4: allowed } }: Settings): boolean {
  if (!localhostNodePorts) return false;
  return allowed.kind === 'all' || (allowed.kind === 'within' && allowed.cidrs.some(includesLoopback));
}

/** The same test as kube-proxy's: the network begins in 127.0.0.0/8 or holds its first address. */
function includesLoopback(cidr: Cidr): boolean {
  return splitCidr(cidr).address.startsWith('127.') || cidrContains(cidr, loopbackNetwork);
}
