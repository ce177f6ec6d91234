import { type Endpoint, endpointText, type Frontend, type ServicePortIR } from '../ir/ir.ts';
import type { NodeContext } from '../ir/node-context.ts';
import {
  addressFromNumber,
  addressToNumber,
  type Cidr,
  cidrContains,
  cidrFamily,
  compareAddresses,
  type IpAddress,
  parseAddress,
  splitCidr,
} from '../values/address.ts';
import { compareText } from '../values/names.ts';
import { type Port, type Protocol, parsePort, protocols } from '../values/port.ts';
import type { Packet } from './packet.ts';
import { formatPacket } from './packet-text.ts';

/**
 * How many of each kind are tried where there can be thousands: hairpins, remembered endpoints, ranges, node addresses.
 */
const few = 3;

/**
 * The packets worth trying on a program: to every frontend from every kind of client, and past
 * every frontend by one port, protocol or address. Sorted by their text, without duplicates; about
 * twenty for each address of a frontend, whatever the number of endpoints.
 */
export function probes(services: readonly ServicePortIR[], node: NodeContext): Packet[] {
  const clients = createClients(node);
  const packets = new Map<string, Packet>();
  for (const service of services) {
    if (service.family !== node.family) continue;
    for (const packet of probeService(service, node, clients)) packets.set(formatPacket(packet), packet);
  }
  return [...packets].sort(([a], [b]) => compareText(a, b)).map(([, packet]) => packet);
}

interface Client {
  readonly source: IpAddress;
  readonly from: Packet['from'];
}

/** The kinds of senders that this node's rules can distinguish. */
interface Clients {
  readonly pod: Client;
  /** A pod of another node, or anything else with a private address that is not one of this node's. */
  readonly otherPod: Client;
  readonly outside: Client;
  readonly node: Client;
  readonly loopback: Client;
  /** A client from outside whose address is in none of these ranges; undefined where they hold every address. */
  outsideOf(ranges: readonly Cidr[]): Client | undefined;
}

const strangers = {
  IPv4: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '9.9.9.9'],
  IPv6: ['2001:db8:ffff::1', '2001:db8:fffe::1', '2620:fe::9'],
} as const;
const privates = {
  IPv4: ['10.255.255.253', '172.31.255.253', '192.168.255.253'],
  IPv6: ['fdff:ffff::fd', 'fd00:ffff::fd'],
} as const;

function createClients(node: NodeContext): Clients {
  const detector = node.localDetector;
  const podRange = detector?.kind === 'source' ? detector.cidr : undefined;
  const avoided = podRange === undefined ? [] : [podRange];
  const otherPodAddress = firstOutside(privates[node.family], avoided) ?? node.nodeIP;
  const outsideAddress = firstOutside(strangers[node.family], avoided) ?? node.nodeIP;
  const podInterface =
    detector?.kind === 'interface'
      ? detector.name
      : detector?.kind === 'interfacePrefix'
        ? `${detector.prefix}1`
        : 'veth0';
  const eth0 = { kind: 'interface', name: 'eth0' } as const;
  return {
    pod: {
      source: podRange === undefined ? otherPodAddress : addressWithin(podRange, 253n),
      from: { kind: 'interface', name: podInterface },
    },
    otherPod: { source: otherPodAddress, from: eth0 },
    outside: { source: outsideAddress, from: eth0 },
    node: { source: node.addresses[0] ?? node.nodeIP, from: { kind: 'node' } },
    loopback: { source: loopbackOf(node), from: { kind: 'node' } },
    outsideOf: (ranges) => {
      const source = firstOutside(strangers[node.family], [...avoided, ...ranges]);
      return source === undefined ? undefined : { source, from: eth0 };
    },
  };
}

function loopbackOf(node: NodeContext): IpAddress {
  return parseAddress(node.family === 'IPv4' ? '127.0.0.1' : '::1') ?? node.nodeIP;
}

function firstOutside(candidates: readonly string[], ranges: readonly Cidr[]): IpAddress | undefined {
  return candidates
    .map((text) => parseAddress(text))
    .find((address) => address !== undefined && !ranges.some((range) => cidrContains(range, address)));
}

/** The nth address of a network, or its last. */
function addressWithin(cidr: Cidr, n: bigint): IpAddress {
  const { address, length } = splitCidr(cidr);
  const family = cidrFamily(cidr);
  const last = (1n << BigInt((family === 'IPv4' ? 32 : 128) - length)) - 1n;
  return addressFromNumber(addressToNumber(address) + (n < last ? n : last), family);
}

function* probeService(service: ServicePortIR, node: NodeContext, clients: Clients): Generator<Packet> {
  const { protocol } = service;
  for (const frontend of service.frontends) {
    for (const { address, port } of destinationsOf(frontend, node)) {
      for (const client of clientsOf(service, frontend, clients)) {
        if (isImpossible(client, address, node)) continue;
        const packet = packetTo(node, protocol, client, address, port);
        yield packet;
        for (const remembered of rememberedOf(service)) yield { ...packet, remembered };
      }
      yield* probeBeside(node, protocol, clients, address, port);
    }
  }
  // An endpoint's own address is no frontend, unless a Service lists it.
  for (const { address, port } of fewOf(service)) {
    for (const client of [clients.pod, clients.outside, clients.node]) {
      yield packetTo(node, protocol, client, address, port);
    }
  }
  if (service.healthCheckNodePort !== undefined) yield* probeHealthCheck(node, clients, service.healthCheckNodePort);
}

/** A packet from a pod to its own address never leaves the pod, and no process here has another node's address. */
function isImpossible({ source, from }: Client, destination: IpAddress, { contested }: NodeContext): boolean {
  return from.kind === 'interface'
    ? source === destination
    : contested.elsewhere.some(({ address }) => address === source);
}

/** Node ports are dialled at the node's addresses, at loopback, and at another address, where they must not answer. */
function destinationsOf(frontend: Frontend, node: NodeContext): { address: IpAddress; port: Port }[] {
  const { port } = frontend;
  if (frontend.kind !== 'nodePort') return [{ address: frontend.address, port }];
  const stranger = firstOutside(strangers[node.family], []) ?? node.nodeIP;
  return nodeAddressesOf(node)
    .concat(loopbackOf(node), stranger)
    .map((address) => ({ address, port }));
}

/** Some addresses where node ports answer and some where they do not, if both exist. */
function nodeAddressesOf(node: NodeContext): IpAddress[] {
  const open = node.nodePorts.kind === 'some' ? node.nodePorts.addresses : node.addresses;
  const shut = node.addresses.filter((address) => !open.includes(address));
  const chosen = [...open.slice(0, few), ...open.slice(-1), ...shut.slice(0, few), node.nodeIP];
  return [...new Set(chosen)].sort(compareAddresses);
}

function clientsOf(service: ServicePortIR, frontend: Frontend, clients: Clients): Client[] {
  const hairpins = fewOf(service).map(({ address }): Client => ({ source: address, from: clients.pod.from }));
  const everyone = [clients.pod, clients.otherPod, clients.outside, clients.node, clients.loopback, ...hairpins];
  if (frontend.kind !== 'loadBalancerIP') return everyone;
  const ranges = frontend.sourceRanges;
  const inside = ranges
    .slice(0, few)
    .map((range): Client => ({ source: addressWithin(range, 1n), from: clients.outside.from }));
  const excluded = clients.outsideOf(ranges);
  const fromVip: Client = { source: frontend.address, from: clients.node.from };
  return [...everyone, ...inside, ...(excluded === undefined ? [] : [excluded]), fromVip];
}

/** From each pool the first, the second, the last, and one that runs here. */
function fewOf(service: ServicePortIR): Endpoint[] {
  const { cluster, local } = service.pools;
  const some = (pool: readonly Endpoint[]) => [
    ...pool.slice(0, few - 1),
    ...pool.slice(-1),
    ...pool.filter((endpoint) => endpoint.local).slice(0, 1),
  ];
  return [...new Map([...some(cluster), ...some(local)].map((one) => [endpointText(one), one])).values()];
}

/** Endpoints that affinity may remember for a client: some that are in use, and one that no longer is. */
function rememberedOf(service: ServicePortIR): NonNullable<Packet['remembered']>[] {
  if (service.affinity.kind === 'none') return [];
  const [gone] = service.known.filter(
    ({ address, port }) =>
      ![...service.pools.cluster, ...service.pools.local].some(
        (used) => used.address === address && used.port === port,
      ),
  );
  return [...fewOf(service), ...(gone === undefined ? [] : [gone])].map(({ address, port }) => ({ address, port }));
}

/** The next port, and the same port of another protocol: the frontend must not take either. */
function* probeBeside(
  node: NodeContext,
  protocol: Protocol,
  clients: Clients,
  address: IpAddress,
  port: Port,
): Generator<Packet> {
  const beside = parsePort(port + 1) ?? parsePort(port - 1);
  const otherProtocol = protocols.find((other) => other !== protocol) ?? protocol;
  for (const client of [clients.pod, clients.outside, clients.node]) {
    if (beside !== undefined) yield packetTo(node, protocol, client, address, beside);
    yield packetTo(node, otherProtocol, client, address, port);
  }
}

function* probeHealthCheck(node: NodeContext, clients: Clients, port: Port): Generator<Packet> {
  for (const address of [...nodeAddressesOf(node), loopbackOf(node)]) {
    for (const client of [clients.outside, clients.pod, clients.node]) {
      yield packetTo(node, 'TCP', client, address, port);
      yield packetTo(node, 'UDP', client, address, port);
    }
  }
}

function packetTo(
  node: NodeContext,
  protocol: Protocol,
  client: Client,
  destination: IpAddress,
  destinationPort: Port,
): Packet {
  return { family: node.family, protocol, source: client.source, destination, destinationPort, from: client.from };
}
