import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { isLoopback, isNodeAddress } from '../../compiler/semantics/place.ts';
import { type Cidr, type IpAddress, parseCidr, splitCidr } from '../../compiler/values/address.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';
import type { PortOf } from './look.ts';
import { kindsOf } from './regions.ts';

/** An address where packets are sent to, and what is known of it by now. */
export interface KnownAddress {
  readonly address: IpAddress;
  /** It is a class of its own at every port, or represents the addresses of its class. */
  isOpen: boolean;
  /** Ports that are looked up together with it. */
  readonly named: Set<string>;
  /** What it is looked up in whatever the port. */
  readonly among: Set<string>;
  /** Ports that were asked for whatever the address, on the way of packets to this one. */
  readonly asked: Set<readonly PortOf[]>;
  /** Of those, the ones that are tried here. */
  readonly tried: Set<string>;
  /** Those of the tried ones that did not show what happens to all packets. */
  readonly lacking: Set<string>;
  readonly pending: { readonly address: IpAddress; readonly protocol: Protocol; readonly port: Port }[];
  isWaiting: boolean;
  /** For each protocol, the port that stands for all ports without a rule; empty before an open address is looked at. */
  readonly free: Map<Protocol, Port>;
}

/** Addresses that are told apart by nothing but the ports that are looked up together with one of them. */
export interface AddressClass {
  readonly members: readonly KnownAddress[];
  /**
   * Where there can be others like its members: the narrowest network around them that rules ask for. `nowhere`: its
   * members are all; `elsewhere`: outside of all networks.
   */
  readonly others: Cidr | 'nowhere' | 'elsewhere';
}

export function addressClasses(
  addresses: readonly KnownAddress[],
  networks: Iterable<Cidr>,
  node: NodeContext,
): readonly AddressClass[] {
  const kinds = kindsOf(
    addresses.map(({ address }) => address),
    networks,
  );
  const classes = new Map<string, AddressClass & { readonly members: KnownAddress[] }>();
  for (const one of addresses) {
    const network = kinds.get(one.address);
    const role = roleOf(one.address, node);
    const key = [role, network ?? '', ...[...one.among].sort()].join('\n');
    const known = classes.get(key);
    if (known !== undefined) known.members.push(one);
    else classes.set(key, { members: [one], others: one.among.size > 0 ? 'nowhere' : othersOf(role, network, node) });
  }
  return [...classes.values()];
}

function othersOf(role: Role, network: Cidr | undefined, { family }: NodeContext): AddressClass['others'] {
  switch (role) {
    case 'any':
      return network ?? 'elsewhere';
    case 'loopback': {
      if (family === 'IPv6') return 'nowhere';
      return network === undefined || splitCidr(network).length < 8 ? (parseCidr('127.0.0.0/8') ?? 'nowhere') : network;
    }
    case 'node IP':
    case 'answering':
    case 'node':
      return 'nowhere';
  }
}

type Role = 'any' | 'loopback' | 'node IP' | 'answering' | 'node';

/** What an address is to the node: rules ask whether it is local, and node ports answer at some. */
function roleOf(address: IpAddress, node: NodeContext): Role {
  if (isLoopback(address)) return 'loopback';
  if (!isNodeAddress(address, node)) return 'any';
  if (address === node.nodeIP) return 'node IP';
  const isAnswering = node.nodePorts.kind === 'all' || node.nodePorts.addresses.includes(address);
  return isAnswering ? 'answering' : 'node';
}
