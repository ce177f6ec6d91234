import type { Endpoint, Frontend, ServicePortIR } from '../ir/ir.ts';
import type { NodeContext } from '../ir/node-context.ts';
import { cidrContains, type IpAddress } from '../values/address.ts';
import type { Port } from '../values/port.ts';
import { one, type Rational, rational } from '../values/rational.ts';
import { type FrontendIndex, indexFrontends } from './frontend-index.ts';
import type { Packet, Verdict } from './packet.ts';
import { isFromPod, isLoopback, isNodeAddress, servesNodePorts } from './place.ts';
import { type Fate, toVerdict } from './verdict.ts';

/**
 * What must become of a packet: the meaning of IRs, which every backend's program is held to.
 *
 * A packet is first *translated*: the first frontend that takes it chooses a pool, and every
 * endpoint of the pool gets its share. Each share then *arrives*: what goes to an address that
 * is refused is refused, translated or not. This is the order of a kernel too, and it shows:
 * a Service may have an endpoint at an address where another Service says no.
 *
 * source  IPT-8 to IPT-14
 */
export function expect(services: readonly ServicePortIR[], node: NodeContext, packet: Packet): Verdict {
  return expectation(services, node)(packet);
}

/**
 * {@link expect} for many packets: the Services are indexed once.
 *
 * once   whoever translates a packet delivers it too: what stands at the address of an endpoint is not asked any more
 * gates  what stands between a flow and its address, for a backend that refuses some packets elsewhere
 */
export function expectation(
  services: readonly ServicePortIR[],
  node: NodeContext,
  { once = false, gates = standardGates }: { readonly once?: boolean; readonly gates?: Gates } = {},
): (packet: Packet) => Verdict {
  const index = indexFrontends(services.filter((service) => service.family === node.family));
  return (packet) =>
    toVerdict(
      translate(index, node, packet).map((flow) => ({
        share: flow.share,
        fate: arrive(gates, once && flow.translated ? nothing : index, node, packet, flow),
      })),
    );
}

const nothing = indexFrontends([]);

/** A part of the connections, under way to an address. */
export interface Flow {
  readonly address: IpAddress;
  readonly port: Port;
  readonly share: Rational;
  readonly translated: boolean;
  /** It is to get an address of the node for its source, if it leaves the node. */
  readonly masquerade: boolean;
}

function translate(index: FrontendIndex, node: NodeContext, packet: Packet): Flow[] {
  const { protocol, destination, destinationPort } = packet;
  const asked = [
    ...index.atAddress(protocol, destination, destinationPort),
    ...(servesNodePorts(destination, node) ? index.atNodePort(protocol, destinationPort) : []),
  ];
  for (const { service, frontend } of asked) {
    const way = choose(service, frontend, node, packet);
    if (way !== undefined && way.pool.length > 0) return spread(service, way, packet);
  }
  return [{ address: destination, port: destinationPort, share: one, translated: false, masquerade: false }];
}

interface Way {
  readonly pool: readonly Endpoint[];
  readonly masquerade: boolean;
}

/** How a frontend that a packet is addressed to sends it on; undefined: it does not take it. */
function choose(service: ServicePortIR, frontend: Frontend, node: NodeContext, packet: Packet): Way | undefined {
  switch (frontend.kind) {
    case 'clusterIP':
    case 'clusterSetIP': {
      if (service.internal.kind !== 'forward') return undefined;
      // Answers must come back through this node, and only its own pods' answers do so by themselves.
      const isStranger = node.localDetector !== undefined && !isFromPod(packet, node);
      return { pool: service.pools[service.internal.pool], masquerade: node.masqueradeAll || isStranger };
    }
    case 'loadBalancerIP':
      return admits(service, frontend.sourceRanges, node, packet) ? chooseExternal(service, node, packet) : undefined;
    case 'externalIP':
    case 'nodePort':
      return chooseExternal(service, node, packet);
  }
}

function chooseExternal(service: ServicePortIR, node: NodeContext, packet: Packet): Way | undefined {
  const { cluster } = service.pools;
  if (service.external.kind === 'reject') return undefined;
  if (!service.keepClientAddress) {
    return service.external.kind === 'forward' ? { pool: cluster, masquerade: true } : undefined;
  }
  // What begins on this node is inside the cluster already: sending it out and in again through
  // a load balancer would get it to any endpoint, so it gets there directly.
  if (isFromPod(packet, node)) return { pool: cluster, masquerade: false };
  if (isNodeAddress(packet.source, node)) return { pool: cluster, masquerade: true };
  return service.external.kind === 'forward'
    ? { pool: service.pools[service.external.pool], masquerade: false }
    : undefined;
}

/** Whether load balancer source ranges let a client in. Without endpoints there is nothing to guard. */
function admits(
  service: ServicePortIR,
  ranges: Extract<Frontend, { kind: 'loadBalancerIP' }>['sourceRanges'],
  node: NodeContext,
  packet: Packet,
): boolean {
  if (ranges.length === 0) return true;
  const contains = (address: IpAddress) => ranges.some((range) => cidrContains(range, address));
  if (contains(packet.source)) return true;
  // Some load balancers put their address on the node, which then talks to it from that very address.
  const isVip = service.frontends.some((other) => other.kind === 'loadBalancerIP' && other.address === packet.source);
  return isVip && contains(node.nodeIP);
}

/** Every endpoint's part; all goes to the one that the client is remembered at, if it is still there. */
function spread(service: ServicePortIR, way: Way, packet: Packet): Flow[] {
  const { remembered } = packet;
  const sticky =
    service.affinity.kind === 'clientIP' && remembered !== undefined
      ? way.pool.find(({ address, port }) => address === remembered.address && port === remembered.port)
      : undefined;
  const pool = sticky === undefined ? way.pool : [sticky];
  const total = pool.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  return pool.map((endpoint) => ({
    address: endpoint.address,
    port: endpoint.port,
    share: rational(endpoint.weight, total),
    translated: true,
    // An endpoint that dials itself through its Service must not see its own address as the client's.
    masquerade: way.masquerade || endpoint.masquerade || endpoint.address === packet.source,
  }));
}

export type Gate = (
  index: FrontendIndex,
  node: NodeContext,
  packet: Packet,
  flow: Flow,
) => 'reject' | 'drop' | 'let in' | 'pass';

/** What stands between a flow and the address it goes to, in order, by the way it takes. */
export type Gates = Readonly<Record<'fromNode' | 'fromNodeToItself' | 'toNode' | 'through', readonly Gate[]>>;

const standardGates: Gates = {
  fromNode: [loopbackGate, sourceRangeGate, internalGate],
  fromNodeToItself: [loopbackGate, sourceRangeGate, internalGate, healthCheckGate, externalGate],
  toNode: [loopbackGate, sourceRangeGate, healthCheckGate, externalGate],
  through: [sourceRangeGate, masqueradeGate, internalGate, externalGate],
};

function arrive(gates: Gates, index: FrontendIndex, node: NodeContext, packet: Packet, flow: Flow): Fate {
  const endsHere = isNodeAddress(flow.address, node);
  const beginsHere = packet.from.kind === 'node';
  const way = beginsHere ? (endsHere ? 'fromNodeToItself' : 'fromNode') : endsHere ? 'toNode' : 'through';
  for (const gate of gates[way]) {
    const answer = gate(index, node, packet, flow);
    if (answer === 'reject' || answer === 'drop') return { kind: answer };
    if (answer === 'let in' && !flow.translated) return { kind: 'accept' };
    if (answer === 'let in') break;
  }
  if (!flow.translated) return { kind: 'untouched' };
  const { address, port } = flow;
  // A packet that came from outside and ends here never leaves, so nothing gives it another source.
  return { kind: 'forward', address, port, masquerade: flow.masquerade && way !== 'toNode' };
}

/** Answering node ports on loopback makes it routable from outside; nobody may use that for more. */
function loopbackGate(_index: FrontendIndex, node: NodeContext, packet: Packet, flow: Flow) {
  const isOpen = node.family === 'IPv4' && node.nodePorts.loopback;
  return isOpen && !flow.translated && isLoopback(flow.address) && !isLoopback(packet.source) ? 'drop' : 'pass';
}

/** Whoever a load balancer address let in has been translated, so what still goes there was not let in. */
export function sourceRangeGate(index: FrontendIndex, _node: NodeContext, packet: Packet, flow: Flow) {
  const isGuarded = index
    .atAddress(packet.protocol, flow.address, flow.port)
    .some(
      ({ service, frontend }) =>
        frontend.kind === 'loadBalancerIP' && frontend.sourceRanges.length > 0 && service.external.kind !== 'reject',
    );
  return isGuarded ? 'drop' : 'pass';
}

/** What is masqueraded on its way through is a Service's own traffic: it is not looked at again. */
function masqueradeGate(_index: FrontendIndex, _node: NodeContext, _packet: Packet, flow: Flow) {
  return flow.masquerade ? 'let in' : 'pass';
}

export function healthCheckGate(index: FrontendIndex, _node: NodeContext, packet: Packet, flow: Flow) {
  return packet.protocol === 'TCP' && index.isHealthCheckPort(flow.port) ? 'let in' : 'pass';
}

function internalGate(index: FrontendIndex, _node: NodeContext, packet: Packet, flow: Flow) {
  for (const { service, frontend } of index.atAddress(packet.protocol, flow.address, flow.port)) {
    const isInternal = frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
    if (isInternal && service.internal.kind !== 'forward') return service.internal.kind;
  }
  return 'pass';
}

/** Node ports are refused at all the node's addresses, also where they would not answer. */
function externalGate(index: FrontendIndex, node: NodeContext, packet: Packet, flow: Flow) {
  const here = index.atAddress(packet.protocol, flow.address, flow.port);
  const nodePorts = isNodeAddress(flow.address, node) ? index.atNodePort(packet.protocol, flow.port) : [];
  for (const { service, frontend } of [...here, ...nodePorts].sort((a, b) => a.order - b.order)) {
    const isExternal = frontend.kind !== 'clusterIP' && frontend.kind !== 'clusterSetIP';
    if (isExternal && service.external.kind !== 'forward') return service.external.kind;
  }
  return 'pass';
}
