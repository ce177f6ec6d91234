import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { isFromPod, isLoopback, isNodeAddress } from '../../compiler/semantics/place.ts';
import { type Cidr, type Family, type IpAddress, parseAddress, splitCidr } from '../../compiler/values/address.ts';
import { addressClasses, type AddressClass, narrowest } from './networks.ts';

/** What rules tell clients apart by. Rules for an endpoint that dials itself do not count: every program has them. */
export interface Signs {
  /** Networks of sources: those of pods, and those that a firewall tells apart, let in or not. */
  readonly networks: readonly Cidr[];
  /** Interfaces that packets arrive on; prefix: all whose names begin so. */
  readonly interfaces: readonly InterfaceSign[];
}

export interface InterfaceSign {
  readonly name: string;
  readonly prefix: boolean;
}

export const noSigns: Signs = { networks: [], interfaces: [] };

/** All sources that every rule of a frontend treats alike, with one of them as an example. */
export interface Client {
  /** `outside`: neither a pod of this node, as far as the node can tell, nor the node itself. */
  readonly kind: 'outside' | 'pod' | 'node';
  readonly source: IpAddress;
  /** Addresses of its like, one of each network: its own is the first. */
  readonly alike: readonly IpAddress[];
  readonly from: Packet['from'];
  /** The narrowest of the rules' networks that holds it; undefined: none does. */
  readonly network: Cidr | undefined;
  /** How many addresses of the internet it stands for. */
  readonly publicSize: bigint;
}

/**
 * One client of every kind that these rules can tell from others: outside, pods, the node; of each, one inside and one
 * outside of every network. They are few, and those from outside come first.
 *
 * signs    of all rules that are asked, of both sides of a comparison: each side is asked by the same clients
 * allowed  networks that a firewall of either side lets in. One client stands for all networks that are let in alike
 * vips     addresses that the node may have as its source when it dials them
 */
export function clientsFor(
  signs: Signs,
  allowed: readonly (readonly Cidr[])[],
  node: NodeContext,
  vips: readonly IpAddress[],
): Client[] {
  const { localDetector: detector } = node;
  const networks = [...signs.networks, ...(detector?.kind === 'source' ? [detector.cidr] : [])].filter(
    // No process dials a Service from there, unless it names that source.
    (network) => !isLoopback(splitCidr(network).address),
  );
  const all = [...networks, ...allowed.flat()];
  const [told, ...ranges] = [networks, ...allowed].map((list) => new Set(list));
  const arriving = ['eth0', ...podInterfaces(signs, node)].flatMap((name) => {
    const alike = new Map<string, Client>();
    for (const one of addressClasses(all, node.family)) {
      const source = exampleOf(one, all, node);
      if (source === undefined) continue;
      const client = clientOn(name, source, one, node);
      const isLetIn = ranges.map((list) => one.within.some((network) => list.has(network)));
      const key = [client.kind, one.within.findLast((network) => told?.has(network) === true), ...isLetIn].join(' ');
      const known = alike.get(key);
      alike.set(key, known === undefined ? client : withLike(known, client));
    }
    return [...alike.values()];
  });
  const kinds = (kind: Client['kind']) => arriving.filter((client) => client.kind === kind);
  return [...kinds('outside'), ...kinds('pod'), ...nodeClients(all, node, vips)];
}

function withLike(client: Client, { source, publicSize }: Client): Client {
  return { ...client, alike: [...client.alike, source], publicSize: client.publicSize + publicSize };
}

/** Networks and interfaces of both. */
export function bothSigns(a: Signs, b: Signs): Signs {
  if (a === b) return a;
  return { networks: [...a.networks, ...b.networks], interfaces: [...a.interfaces, ...b.interfaces] };
}

function clientOn(name: string, source: IpAddress, { network, publicSize }: AddressClass, node: NodeContext): Client {
  const from = { kind: 'interface', name } as const;
  const kind = isFromPod({ source, from }, node) ? 'pod' : 'outside';
  return { kind, source, alike: [source], from, network, publicSize: name === 'eth0' ? publicSize : 0n };
}

/** Names that rules take for a pod's interface, before or after. */
function podInterfaces({ interfaces }: Signs, { localDetector: detector }: NodeContext): string[] {
  const own =
    detector?.kind === 'interface'
      ? [detector.name]
      : detector?.kind === 'interfacePrefix'
        ? [`${detector.prefix}1`]
        : [];
  const found = interfaces.map(({ name, prefix }) => (prefix ? `${name}1` : name));
  return [...new Set([...own, ...found])].filter((name) => name !== 'eth0');
}

/** Clients that are neither pods nor nodes: from the documentation's networks (RFC 5737, RFC 3849). */
const strangers: Readonly<Record<Family, readonly string[]>> = {
  IPv4: ['198.51.100.77', '203.0.113.77', '192.0.2.77', '9.9.9.9'],
  IPv6: ['2001:db8:5ace::77', '2001:db8:face::77', '2620:fe::9'],
};

/** undefined: the node has all of these addresses, so no packet arrives from one. */
function exampleOf(
  { network, examples }: AddressClass,
  networks: readonly Cidr[],
  node: NodeContext,
): IpAddress | undefined {
  const known = network === undefined ? strangers[node.family].map(parseAddress) : [];
  return [...known.filter((one) => one !== undefined && narrowest(networks, one) === undefined), ...examples].find(
    (one) => one !== undefined && !isNodeAddress(one, node),
  );
}

/** Processes of the node. Their source can be any address of the node; one is kept of each kind that rules tell apart. */
function nodeClients(networks: readonly Cidr[], node: NodeContext, vips: readonly IpAddress[]): Client[] {
  const from = { kind: 'node' } as const;
  const alike = new Map<string, Client>();
  for (const source of [node.nodeIP, ...node.addresses, loopbackOf(node)]) {
    const network = narrowest(networks, source);
    const key = network ?? '';
    if (!alike.has(key)) alike.set(key, { kind: 'node', source, alike: [source], from, network, publicSize: 0n });
  }
  return [
    ...alike.values(),
    ...vips.map(
      (source): Client => ({ kind: 'node', source, alike: [source], from, network: undefined, publicSize: 0n }),
    ),
  ];
}

export function loopbackOf(node: NodeContext): IpAddress {
  return parseAddress(node.family === 'IPv4' ? '127.0.0.1' : '::1') ?? node.nodeIP;
}
