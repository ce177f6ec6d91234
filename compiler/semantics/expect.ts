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
 * What must happen to a packet: the meaning of IRs, which every backend's program must match.
 *
 * A packet is first *translated*: the first frontend that takes it chooses a pool, and every
 * endpoint of the pool gets its share. Each share then *arrives*: a connection to an address that
 * rejects is rejected, translated or not. A kernel uses the same order, and the order matters:
 * a Service may have an endpoint at an address where another Service rejects.
 *
 * source  IPT-8 to IPT-14
 */
export function expect(services: readonly ServicePortIR[], node: NodeContext, packet: Packet): Verdict {
  return expectation(services, node)(packet);
}

/**
 * {@link expect} for many packets: the Services are indexed once.
 *
 * once   the backend delivers a packet where it translates it, so nothing at an endpoint's address is asked again
 * gates  the checks between a flow and its address, for a backend that refuses some packets elsewhere
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

/** A part of the connections, on the way to an address. */
export interface Flow {
  readonly address: IpAddress;
  readonly port: Port;
  readonly share: Rational;
  readonly translated: boolean;
  /** Its source becomes an address of the node, if it leaves the node. */
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

/** How a frontend that a packet is addressed to forwards it; undefined: the frontend does not take the packet. */
function choose(service: ServicePortIR, frontend: Frontend, node: NodeContext, packet: Packet): Way | undefined {
  switch (frontend.kind) {
    case 'clusterIP':
    case 'clusterSetIP': {
      if (service.internal.kind !== 'forward') return undefined;
      // Answers must come back through this node; only its own pods' answers do so without masquerading.
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
  // A connection that begins on this node is inside the cluster already. Through a load balancer it could reach any
  // endpoint, so it goes there directly.
  if (isFromPod(packet, node)) return { pool: cluster, masquerade: false };
  if (isNodeAddress(packet.source, node)) return { pool: cluster, masquerade: true };
  return service.external.kind === 'forward'
    ? { pool: service.pools[service.external.pool], masquerade: false }
    : undefined;
}

/** Whether load balancer source ranges let a client in. Without endpoints there is nothing to protect. */
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

/** Every endpoint's part. If the remembered endpoint of the client is still there, it gets everything. */
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
    // An endpoint that dials itself through its Service must not see its own address as the client's address.
    masquerade: way.masquerade || endpoint.masquerade || endpoint.address === packet.source,
  }));
}

export type Gate = (
  index: FrontendIndex,
  node: NodeContext,
  packet: Packet,
  flow: Flow,
) => 'reject' | 'drop' | 'let in' | 'pass';

/** The checks between a flow and its address, in order, for each way that a flow can take. */
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
  // A packet that came from outside and ends on this node never leaves it, so its source stays.
  return { kind: 'forward', address, port, masquerade: flow.masquerade && way !== 'toNode' };
}

/** Answering node ports on loopback makes loopback routable from outside; other packets must not use that. */
function loopbackGate(_index: FrontendIndex, node: NodeContext, packet: Packet, flow: Flow) {
  const isOpen = node.family === 'IPv4' && node.nodePorts.loopback;
  return isOpen && !flow.translated && isLoopback(flow.address) && !isLoopback(packet.source) ? 'drop' : 'pass';
}

/** Packets that a load balancer address let in are translated already, so whatever still goes there was not let in. */
export function sourceRangeGate(index: FrontendIndex, _node: NodeContext, packet: Packet, flow: Flow) {
  const isGuarded = index
    .atAddress(packet.protocol, flow.address, flow.port)
    .some(
      ({ service, frontend }) =>
        frontend.kind === 'loadBalancerIP' && frontend.sourceRanges.length > 0 && service.external.kind !== 'reject',
    );
  return isGuarded ? 'drop' : 'pass';
}

/** A masqueraded flow on its way through is a Service's own traffic: it is not checked again. */
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

/** Node ports are rejected at all the node's addresses, even at those where they would not answer. */
function externalGate(index: FrontendIndex, node: NodeContext, packet: Packet, flow: Flow) {
  const here = index.atAddress(packet.protocol, flow.address, flow.port);
  const nodePorts = isNodeAddress(flow.address, node) ? index.atNodePort(packet.protocol, flow.port) : [];
  for (const { service, frontend } of [...here, ...nodePorts].sort((a, b) => a.order - b.order)) {
    const isExternal = frontend.kind !== 'clusterIP' && frontend.kind !== 'clusterSetIP';
    if (isExternal && service.external.kind !== 'forward') return service.external.kind;
  }
  return 'pass';
}
