import type { NodeContext } from '../ir/node-context.ts';
import { cidrContains, type IpAddress } from '../values/address.ts';
import type { Packet } from './packet.ts';

export function isLoopback(address: IpAddress): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** Whether an address is the node's own, loopback included: what a kernel calls a local address. */
export function isNodeAddress(address: IpAddress, node: NodeContext): boolean {
  return isLoopback(address) || node.addresses.includes(address);
}

/** Whether node ports answer at an address. */
export function servesNodePorts(address: IpAddress, node: NodeContext): boolean {
  if (node.nodePorts.kind === 'some') return node.nodePorts.addresses.includes(address);
  return isLoopback(address) ? node.nodePorts.loopback : node.addresses.includes(address);
}

/** Whether the node recognises the sender as one of its pods. Always false where it cannot tell. */
export function isFromPod(packet: Pick<Packet, 'source' | 'from'>, node: NodeContext): boolean {
  const detector = node.localDetector;
  switch (detector?.kind) {
    case undefined:
      return false;
    case 'source':
      return cidrContains(detector.cidr, packet.source);
    case 'interface':
      return packet.from.kind === 'interface' && packet.from.name === detector.name;
    case 'interfacePrefix':
      return packet.from.kind === 'interface' && packet.from.name.startsWith(detector.prefix);
  }
}
